# SPDX-License-Identifier: GPL-3.0-or-later
"""Client certificates: who is let in, and what exactly everybody else is told. CASES is the table: each line is one
client at one service, run in TLS 1.2 and in TLS 1.3 with openssl s_client."""

import datetime
import ipaddress
import os
import pathlib
import re
import ssl
import struct
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from harness import WOLFSSL, Backend, Config, Culvert, Echo, TlsClient, Truncated, slack
from harness.client_pki import ClientPki
from harness.daemon import run_culvert
from harness.util import eventually
from raw_tls import Tls12Client, Tls13Client

HOUR = datetime.timedelta(hours=1)
VERSIONS = ["1.2", "1.3"]
ALERTS = {40: "handshake_failure", 42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
          45: "certificate_expired", 48: "unknown_ca", 49: "access_denied", 50: "decode_error", 51: "decrypt_error",
          80: "internal_error", 116: "certificate_required"}
SPIFFE = "spiffe://example.org"
# The most certificates that the library takes, and its alert for more.
MOST = 100 if WOLFSSL >= (5, 9) else 9
TOO_MANY12 = "handshake_failure" if WOLFSSL >= (5, 9) else "bad_certificate"


class World:
    """Authorities, clients, and the services that trust them."""

    def __init__(self, directory, server_pki):
        pki = self.pki = ClientPki(directory)
        uri, dns = x509.UniformResourceIdentifier, x509.DNSName
        root = self.root = pki.ca("clients root")
        other = self.other = pki.ca("other root")
        middle = self.middle = pki.ca("middle", issuer=root)
        deep = pki.ca("deep", issuer=middle)
        narrow = pki.ca("narrow", issuer=root, path_length=0)
        below = pki.ca("below narrow", issuer=narrow)
        tight = self.tight = pki.ca("tight root", permitted=[dns("allowed.example")])
        tight_middle = pki.ca("tight middle", issuer=tight)
        unsigning = pki.ca("unsigning", issuer=root, sign_bit=False)
        old_middle = pki.ca("old middle", issuer=root, start=-48 * HOUR, end=-HOUR)
        gone_middle = pki.ca("gone middle", issuer=root)
        self.old_root = pki.ca("old root", start=-48 * HOUR, end=-HOUR)
        self.muted = pki.ca("muted", crl_bit=False)
        # The same name and, in its extension, the same key identifier as the root, but another key.
        self.forged_root = pki.ca("clients root", common="clients root")
        plain = pki.make("plain", issuer=root)
        ip = ipaddress.ip_address
        self.clients = {
            "none": None,
            "good": pki.make("good", issuer=root, units=["web", "ops"], common=["first", "second"],
                             sans=[dns("Client.Example.org"), uri(f"{SPIFFE}/ns/prod/sa/web"),
                                   x509.IPAddress(ip("10.1.2.3")), x509.IPAddress(ip("fd00::7"))]),
            "plain": plain,
            "rsa": pki.make("rsa", issuer=root, kind="rsa"),
            "any usage": pki.make("any-usage", issuer=root, usage="any"),
            "no usage": pki.make("no-usage", issuer=root, usage=None),
            "no identifiers": pki.make("no-identifiers", issuer=root, ids=False),
            "wrong CA": pki.make("wrong-ca", issuer=other),
            "server's issuer": None,  # below
            "expired": pki.make("expired", issuer=root, start=-48 * HOUR, end=-HOUR),
            "not yet valid": pki.make("not-yet", issuer=root, start=24 * HOUR, end=48 * HOUR),
            "expired, wrong CA": pki.make("expired-wrong", issuer=other, start=-48 * HOUR, end=-HOUR),
            "revoked": pki.make("revoked", issuer=root),
            "self-signed": pki.make("self-signed"),
            "self-signed CA": pki.ca("attacker"),
            "forged": pki.make("forged", issuer=root, signed_by=self.forged_root.private),
            "server only": pki.make("server-only", issuer=root, usage="server"),
            "no signing": pki.make("no-signing", issuer=root, key_usage=x509.KeyUsage(
                False, False, True, False, False, False, False, False, False)),
            "weak key": pki.make("weak-key", issuer=root, kind="rsa1024"),
            "sha1": pki.make("sha1", issuer=root, digest=hashes.SHA1()),
            "via middle": pki.make("via-middle", issuer=middle),
            "via deep": pki.make("via-deep", issuer=deep),
            "via narrow": pki.make("via-narrow", issuer=narrow),
            "below narrow": pki.make("below-narrow", issuer=below),
            "via unsigning": pki.make("via-unsigning", issuer=unsigning),
            "via old middle": pki.make("via-old-middle", issuer=old_middle),
            "via gone middle": pki.make("via-gone-middle", issuer=gone_middle),
            "by a leaf": pki.make("by-a-leaf", issuer=plain),
            "of the old root": pki.make("of-old-root", issuer=self.old_root),
            "tight, permitted": pki.make("tight-permitted", issuer=tight, sans=[dns("a.allowed.example")]),
            "tight, excluded": pki.make("tight-excluded", issuer=tight, sans=[dns("b.example")]),
            "tight, via middle": pki.make("tight-via-middle", issuer=tight_middle, sans=[dns("b.example")]),
            "odd stranger": pki.make("odd-stranger", issuer=root),
            "comma": pki.make("comma", issuer=root, common="Doe, Jane/OU=web"),
        }
        wrong = pki.ca("attacker's CA")
        self.clients["attacker's chain"] = pki.make("of-attacker", issuer=wrong)
        self.clients["attacker's chain"].above_file = wrong.cert
        # A chain that begins soundly and carries a CA of the attacker's besides.
        self.clients["middle withheld"] = pki.make("withheld", issuer=middle)
        self.clients["middle withheld"].above_file = None
        odd = pki.make("odd", extra=x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\4\0"))
        self.clients["odd stranger"].above_file = odd.cert
        issued = server_pki.ca.issue("client-of-server-ca", client=True, directory=directory)
        issued.above_file = server_pki.ca.path
        self.clients["server's issuer"] = issued
        for name in ("by a leaf",):
            self.clients[name].above_file = plain.cert
        required = {"verify-client": "required", "client-ca": root.cert}
        revoked = [self.clients["revoked"], gone_middle]
        lists = [pki.crl("root", root, revoked), pki.crl("middle", middle, der=True)]
        good = self.clients["good"]
        self.services = {
            "required": required,
            "optional": {**required, "verify-client": "optional"},
            "both": {**required, "client-ca": [root.cert, middle.cert]},
            "tight": {**required, "client-ca": tight.cert},
            "old": {**required, "client-ca": self.old_root.cert},
            "depth0": {**required, "verify-depth": "0"},
            "depth1": {**required, "verify-depth": "1"},
            "crl": {**required, "crl": lists[0]},
            "crls": {**required, "client-ca": [root.cert, middle.cert], "crl": lists},
            "crl-expired": {**required, "crl": pki.crl("expired", root, revoked, start=-48 * HOUR, end=-HOUR)},
            "crl-other": {**required, "client-ca": [root.cert, other.cert], "crl": pki.crl("other", other)},
            "cn": {**required, "allow-cn": "second"},
            "cn-comma": {**required, "allow-cn": "Doe, Jane/OU=web"},
            "ou": {**required, "allow-ou": ["db", "ops"]},
            "dns": {**required, "allow-dns": "client.example.ORG"},
            "dns-wild": {**required, "allow-dns": "*.example.org"},
            "uri": {**required, "allow-uri": f"{SPIFFE}/ns/*/sa/web"},
            "uri-deep": {**required, "allow-uri": f"{SPIFFE}/**"},
            "uri-other": {**required, "allow-uri": f"{SPIFFE}/ns/*"},
            "ip": {**required, "allow-ip": "10.1.0.0/16"},
            "ip6": {**required, "allow-ip": "192.0.2.1, fd00::/8"},
            "spki-hex": {**required, "allow-spki": good.pin.hex()},
            "spki-base64": {**required, "allow-spki": good.pin_base64},
            "several": {**required, "allow-cn": "nobody", "allow-dns": "x.example", "allow-ou": "web"},
            "optional-cn": {**required, "verify-client": "optional", "allow-cn": "second"},
            "off": {},
        }


# (service, client, alert in 1.2, alert in 1.3 (None: the same), words of the log line)
CASES = [
    ("required", "good", None, None, ""),
    ("required", "rsa", None, None, ""),
    ("required", "any usage", None, None, ""),
    ("required", "no usage", None, None, ""),
    ("required", "no identifiers", None, None, ""),
    ("required", "none", "handshake_failure", "certificate_required", "no certificate"),
    ("required", "wrong CA", "unknown_ca", None, "is not in client-ca"),
    ("required", "server's issuer", "unknown_ca", None, "is not in client-ca"),
    ("required", "expired", "certificate_expired", None, "has expired"),
    ("required", "not yet valid", "certificate_expired", None, "not valid yet"),
    ("required", "expired, wrong CA", "unknown_ca", None, "is not in client-ca"),
    ("required", "self-signed", "unknown_ca", None, "self-signed"),
    ("required", "self-signed CA", "unknown_ca", None, "self-signed"),
    ("required", "attacker's chain", "unknown_ca", None, "is not in client-ca"),
    ("required", "forged", "bad_certificate", None, "signature that was not made by its issuer"),
    ("required", "server only", "unsupported_certificate", None, "not meant for clients"),
    ("required", "no signing", "unsupported_certificate", None, "not meant for signing"),
    ("required", "weak key", "bad_certificate", None, "key of 1024 bits"),
    ("required", "sha1", "bad_certificate", None, "SHA-1"),
    ("required", "via middle", None, None, ""),
    ("required", "via deep", None, None, ""),
    ("required", "middle withheld", "unknown_ca", None, "is not in client-ca"),
    ("required", "via narrow", None, None, ""),
    ("required", "below narrow", "unknown_ca", None, "pathLenConstraint"),
    ("required", "via unsigning", "unknown_ca", None, "is not a CA"),
    ("required", "via old middle", "certificate_expired", None, "has expired"),
    ("required", "by a leaf", "unknown_ca", None, "is not a CA"),
    ("required", "odd stranger", None, None, ""),
    ("both", "via middle", None, None, ""),
    ("both", "middle withheld", None, None, ""),
    ("tight", "tight, permitted", None, None, ""),
    ("tight", "tight, excluded", "bad_certificate", None, "nameConstraints"),
    ("tight", "tight, via middle", "bad_certificate", None, "nameConstraints"),
    ("old", "of the old root", "certificate_expired", None, "the client CA"),
    ("depth0", "good", None, None, ""),
    ("depth0", "via middle", "unknown_ca", None, "verify-depth"),
    ("depth1", "via middle", None, None, ""),
    ("depth1", "via deep", "unknown_ca", None, "verify-depth"),
    ("crl", "good", None, None, ""),
    ("crl", "revoked", "certificate_revoked", None, "is revoked"),
    ("crl", "via gone middle", "certificate_revoked", None, "gone middle is revoked"),
    ("crl", "via middle", "bad_certificate", None, "crl has no CRL of"),
    ("crls", "via middle", None, None, ""),
    ("crls", "revoked", "certificate_revoked", None, "is revoked"),
    ("crl-expired", "good", "bad_certificate", None, "the CRL of C=DE, CN=clients root has expired"),
    ("crl-expired", "revoked", "bad_certificate", None, "has expired"),
    ("crl-other", "good", "bad_certificate", None, "crl has no CRL of"),
    ("optional", "none", None, None, ""),
    ("optional", "good", None, None, ""),
    ("optional", "wrong CA", "unknown_ca", None, "is not in client-ca"),
    ("optional", "expired", "certificate_expired", None, "has expired"),
    ("cn", "good", None, None, ""),
    ("cn", "plain", "access_denied", None, "no allow rule"),
    ("cn-comma", "comma", None, None, ""),
    ("ou", "good", None, None, ""),
    ("ou", "plain", "access_denied", None, "no allow rule"),
    ("ou", "comma", "access_denied", None, "no allow rule"),
    ("dns", "good", None, None, ""),
    ("dns", "plain", "access_denied", None, "no allow rule"),
    ("dns-wild", "good", None, None, ""),
    ("uri", "good", None, None, ""),
    ("uri", "plain", "access_denied", None, "no allow rule"),
    ("uri-deep", "good", None, None, ""),
    ("uri-other", "good", "access_denied", None, "no allow rule"),
    ("ip", "good", None, None, ""),
    ("ip", "plain", "access_denied", None, "no allow rule"),
    ("ip6", "good", None, None, ""),
    ("spki-hex", "good", None, None, ""),
    ("spki-hex", "plain", "access_denied", None, "no allow rule"),
    ("spki-base64", "good", None, None, ""),
    ("several", "good", None, None, ""),
    ("several", "plain", "access_denied", None, "no allow rule"),
    ("optional-cn", "none", None, None, ""),
    ("optional-cn", "plain", "access_denied", None, "no allow rule"),
]


@pytest.fixture(scope="module")
def world(tmp_path_factory, pki):
    return World(tmp_path_factory.mktemp("clients"), pki)


@pytest.fixture(scope="module")
def running(tmp_path_factory, pki, world):
    """One daemon with all the services of the table, in front of an echo."""
    backend = Echo()
    config = Config({name: {"backend": backend.address, **options} for name, options in world.services.items()},
                    workers=1)
    daemon = Culvert(tmp_path_factory.mktemp("culvert"), config, pki)
    yield daemon
    daemon.cleanup()
    backend.stop()


@pytest.fixture
def daemon(running, request):
    request.node.culverts = [running]  # for the log of a failure
    return running


def s_client(daemon, pki, version, client, service="main", *more):
    """openssl s_client sends a line and waits for it or for the end: (its output, the alert it got)."""
    host, port = daemon.address(service)
    command = ["openssl", "s_client", "-connect", f"{host}:{port}", "-CAfile", pki.ca_file, "-brief", "-servername",
               "localhost", f"-tls{version.replace('.', '_')}", "-cipher", "DEFAULT:@SECLEVEL=0", *more]
    if client is not None:
        command += ["-cert", client.cert, "-key", client.key]
        if client.above_file:
            command += ["-cert_chain", client.above_file]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    guard = threading.Timer(slack(15), process.kill)
    guard.start()
    output = b""
    try:
        process.stdin.write(b"through\n")
        process.stdin.flush()
        while b"through" not in output:
            piece = os.read(process.stdout.fileno(), 65536)
            output += piece
            if not piece:
                break
        process.stdin.close()
        output += process.stdout.read()
        process.wait()
    except BrokenPipeError:
        output += process.stdout.read()
        process.wait()
    finally:
        guard.cancel()
    output = output.decode(errors="replace")
    found = re.findall(r"SSL alert number (\d+)", output)
    assert len(set(found)) <= 1, output
    return output, ALERTS.get(int(found[0]), found[0]) if found else None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("service, client, alert12, alert13, words", CASES,
                         ids=[f"{case[0]}-{case[1]}".replace(" ", "_") for case in CASES])
def test_case(daemon, world, pki, service, client, alert12, alert13, words, version):
    """The alert that the client sees, the cause and the words in the log, and which counter moved."""
    expected = alert12 if version == "1.2" or alert13 is None else alert13
    entity = world.clients[client]
    daemon.wait_idle()
    before, mark = daemon.counters(), daemon.mark()
    output, alert = s_client(daemon, pki, version, entity, service)
    line = daemon.wait_closed(since=mark)
    assert alert == expected, f"{output}\n{line.text}"
    refused = expected is not None
    assert line["cause"].startswith("tls-sent:" if refused else "client-"), line.text
    if refused:
        assert line["cause"] == f"tls-sent:{expected}" and words in line["detail"], line.text
        assert "through" not in output
    assert (line["client_cert"] == "none") == (entity is None)
    if entity:
        assert "CN=" in line["client_cert"] and "CN=" in line["client_issuer"]
    eventually(lambda: daemon.counters()["handshakes_failed_client_auth"] - before["handshakes_failed_client_auth"] ==
               int(refused), 3, "the counter")
    eventually(lambda: daemon.counters()["handshakes_ok"] - before["handshakes_ok"] == int(not refused), 3, "handshakes")


def required(world, **more):
    return {"verify-client": "required", "client-ca": world.root.cert,
            **{key.replace("_", "-"): value for key, value in more.items()}}


@pytest.mark.parametrize("version", VERSIONS)
def test_what_one_client_sends_helps_no_other(daemon, world, pki, version):
    """wolfSSL adds CAs that clients send to its context. A CA that one client brought along, and that was right, must not
    stand for the next client that withholds it; nor for one that comes in between on the same worker."""
    for _ in range(3):
        output, alert = s_client(daemon, pki, version, world.clients["via middle"], "required")
        assert alert is None and "through" in output
        _, alert = s_client(daemon, pki, version, world.clients["middle withheld"], "required")
        assert alert == "unknown_ca"


# (certificates sent, whose key signs, alert in 1.2, alert in 1.3)
PROOFS = {
    "its own key": (1, "good", None, None),
    "another key": (1, "plain", "decrypt_error", "decrypt_error"),
    "no CertificateVerify": (1, None, "unexpected_message", "unexpected_message"),
    "no certificate": (0, None, "handshake_failure", "certificate_required"),
    "as many certificates as are taken": (MOST, "good", None, None),
    "one certificate more": (MOST + 1, "good", TOO_MANY12, "bad_certificate"),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("count, signer, alert12, alert13", PROOFS.values(), ids=PROOFS)
def test_a_certificate_is_nothing_without_its_key(daemon, world, count, signer, alert12, alert13, version):
    """Certificates are public: who shows one has to sign with its key, and cannot leave that out."""
    expected = alert12 if version == "1.2" else alert13
    chain = [world.clients["good"].der] + [world.middle.der] * (count - 1) if count else []
    daemon.wait_idle()
    before, mark = daemon.counters(), daemon.mark()
    with (Tls12Client if version == "1.2" else Tls13Client)(daemon.address("required")) as client:
        client.identity = (chain, world.clients[signer].private if signer else None)
        client.send_client_hello()
        if version == "1.3":
            client.read_server_hello()
        client.read_server_flight()
        if version == "1.2":
            client.send_key_exchange()
        client.send_finished()
        if expected is None:
            if version == "1.2":
                client.read_server_finished()
            client.send(b"through")
            assert client.read(7) == b"through"
            client.finish()
        else:
            assert [alert.name for alert in client.outcome().alerts] == [expected]
            # Not wait_closed(): a summary of repeated lines may come between.
            daemon.wait_log(f"cause=tls-sent:{expected}", since=mark)
            if count > MOST:
                daemon.wait_log(f"more than {MOST} certificates", since=mark)
    if version == "1.3" and signer is None and count:
        return  # a Finished out of order is no client certificate for wolfSSL
    eventually(lambda: daemon.counters()["handshakes_failed_client_auth"] - before["handshakes_failed_client_auth"] ==
               int(expected is not None), 3, "the counter")


@pytest.mark.nosan  # of memory
def test_chains_leave_no_memory_behind(daemon, world, pki):
    """Certificate managers that grew with every client would be a leak that clients control."""
    def connect_often(count):
        for _ in range(count):  # each with a CA in the middle that was never seen before
            client = world.pki.make("fresh", issuer=world.pki.ca("fresh middle", issuer=world.middle))
            with TlsClient(daemon.address("required"), client_context(pki, client)) as tls:
                tls.echo()
                tls.close()

    connect_often(150)
    before = daemon.rss()
    connect_often(300)
    assert daemon.rss() - before < 400 << 10, "more than 1.3 KiB a client: what a manager keeps of a CA is more"


def client_context(pki, client, version=None):
    context = pki.context(minimum=version, maximum=version)
    context.load_cert_chain(client.chain, client.key)
    return context


@pytest.mark.parametrize("version", VERSIONS)
def test_no_session_is_resumed(daemon, world, pki, version):
    """No ticket is sent, in neither version: a resumed session would show no certificate."""
    context = client_context(pki, world.clients["good"], version)
    daemon.wait_idle()
    mark = daemon.mark()
    for _ in range(2):
        with TlsClient(daemon.address("required"), context) as client:
            client.echo()
            assert not client.tls.session_reused and not (client.tls.session and client.tls.session.has_ticket)
            client.close()
    assert [line["resumed"] for line in daemon.wait_closed(2, since=mark)] == ["false", "false"]


@pytest.mark.parametrize("version", VERSIONS)
def test_a_ticket_of_a_service_without_is_worth_nothing(culvert, world, pki, echo, version):
    """A ticket of `off` is shown to `required` on another port, and to the same service after a reload: a full handshake
    is made and the certificate demanded."""
    services = {"main": {"backend": echo.address}, "strict": {"backend": echo.address, **required(world)}}
    daemon = culvert(Config(services, workers=1))
    anonymous, known = pki.context(minimum=version, maximum=version), client_context(pki, world.clients["good"], version)

    def session(context):
        with TlsClient(daemon.address(), context) as client:
            client.echo()
            client.close()
            assert client.tls.session.has_ticket
            return client.tls.session

    def refused(service):
        daemon.wait_idle()
        mark = daemon.mark()
        with pytest.raises((ssl.SSLError, OSError, Truncated)):
            with TlsClient(daemon.address(service), anonymous, session=ticket) as client:
                client.echo()
        line = daemon.wait_closed(since=mark)
        assert line["cause"] == "tls-sent:" + ("handshake_failure" if version == "1.2" else "certificate_required")

    def let_in(service):
        with TlsClient(daemon.address(service), known, session=theirs) as client:
            client.echo()
            assert not client.tls.session_reused

    ticket, theirs = session(anonymous), session(known)
    refused("strict")
    let_in("strict")
    services["main"].update(required(world))
    daemon.reload(Config(services, workers=1))
    refused("main")
    let_in("main")
    assert daemon.counters()["handshakes_resumed"] == 0


def test_a_reload_changes_rules_lists_and_cas(culvert, world, pki, echo, workdir):
    """Each holds for the next handshake; a file that is broken refuses the reload as a whole."""
    lists = workdir / "lists.crl"
    lists.write_bytes(pathlib.Path(world.services["crl"]["crl"]).read_bytes())
    service = {"backend": echo.address, **required(world, crl=str(lists))}
    daemon = culvert(Config({"main": service}, workers=1))

    def outcome(client):
        return s_client(daemon, pki, "1.3", world.clients[client])[1]

    assert [outcome("good"), outcome("plain"), outcome("revoked")] == [None, None, "certificate_revoked"]
    lists.write_bytes(pathlib.Path(world.pki.crl("reload", world.root, [world.clients["plain"]])).read_bytes())
    daemon.reload()
    assert [outcome("good"), outcome("plain"), outcome("revoked")] == [None, "certificate_revoked", None]
    lists.write_text("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
    daemon.reload(expect=False)
    assert "is not a readable CRL" in daemon.log_text()
    assert outcome("plain") == "certificate_revoked", "the old configuration has to stay as it was"
    service.update({"client-ca": str(workdir / "none.pem")})
    daemon.reload(Config({"main": service}, workers=1), expect=False)
    service.update({"client-ca": world.other.cert, "crl": None})
    daemon.reload(Config({"main": service}, workers=1))
    assert [outcome("good"), outcome("wrong CA")] == ["unknown_ca", None]
    service.update({"client-ca": world.root.cert, "allow-cn": "plain"})
    daemon.reload(Config({"main": service}, workers=1))
    assert [outcome("good"), outcome("plain")] == ["access_denied", None]


def test_a_ca_in_the_middle_that_was_revoked_is_none(culvert, world, pki, echo):
    """A CA in client-ca that a list of its own issuer names is left out, with a warning."""
    gone = world.clients["via gone middle"].above[0]
    daemon = culvert(backend=echo.address, service=required(
        world, client_ca=[world.root.cert, gone.cert],
        crl=[world.services["crl"]["crl"], world.pki.crl("of-gone", gone)]))
    assert "CN=gone middle is revoked by its issuer" in daemon.stderr() + daemon.log_text()
    assert s_client(daemon, pki, "1.3", world.clients["via gone middle"])[1] == "certificate_revoked"


def test_a_list_that_has_expired_still_revokes_a_ca(culvert, world, pki, echo):
    """Time must not make a revoked CA good again: what it was revoked by counts although it lets nobody else in."""
    client = world.clients["via gone middle"]
    gone = client.above[0]
    old = world.pki.crl("old-root", world.root, [gone], start=-48 * HOUR, end=-HOUR)
    daemon = culvert(backend=echo.address, service=required(
        world, client_ca=[world.root.cert, gone.cert], crl=[old, world.pki.crl("of-gone", gone)]))
    assert "CN=gone middle is revoked by its issuer" in daemon.stderr() + daemon.log_text()
    assert s_client(daemon, pki, "1.3", client)[1] == "certificate_revoked"
    alone = world.pki.make("withheld", issuer=gone)
    alone.above_file = None
    assert s_client(daemon, pki, "1.3", alone)[1] == "certificate_revoked"
    assert "the client CA C=DE, CN=gone middle is revoked by its issuer" in daemon.log_text()


def test_nobody_knows_of_a_ca_whose_issuers_list_has_expired(culvert, world, pki, echo):
    """Its clients are refused, as those of its issuer are; without any list of its issuer it is trusted as it stands."""
    old = world.pki.crl("old-root", world.root, start=-48 * HOUR, end=-HOUR)
    lists = [world.pki.crl("middle", world.middle)]
    services = {"none": required(world, client_ca=[world.root.cert, world.middle.cert], crl=lists),
                "old": required(world, client_ca=[world.root.cert, world.middle.cert], crl=[*lists, old])}
    daemon = culvert(Config({name: {"backend": echo.address, **options} for name, options in services.items()}))
    client = world.clients["middle withheld"]
    assert s_client(daemon, pki, "1.3", client, "none")[1] is None
    daemon.wait_idle()
    mark = daemon.mark()
    assert s_client(daemon, pki, "1.3", client, "old")[1] == "bad_certificate"
    line = daemon.wait_closed(since=mark)
    assert "CN=clients root, the issuer of the client CA C=DE, CN=middle, has expired" in line["detail"]


@pytest.mark.parametrize("newest", [0, 1, 2])
def test_of_several_lists_of_one_ca_the_newest_counts(culvert, world, pki, echo, newest):
    """Wherever it stands; the others are named, and neither they nor a copy refuse the start or a reload."""
    def make(stem, revoked, age):
        return world.pki.crl(stem, world.root, [world.clients[name] for name in revoked], start=-age * HOUR)

    lists = [make("older", ["good"], 5), make("oldest", ["good", "plain"], 9)]
    lists.insert(newest, make("newest", ["revoked"], 2))
    service = {"backend": echo.address, **required(world, crl=[*lists, lists[0]])}
    daemon = culvert(Config({"main": service}))
    text = daemon.stderr() + daemon.log_text()
    assert len(set(re.findall(r"-(\w+)\.crl: the CRL of \S+ CN=clients root is older than the one in", text))) == 2, text
    assert [s_client(daemon, pki, "1.3", world.clients[name])[1] for name in ("good", "plain", "revoked")] == [
        None, None, "certificate_revoked"]
    service["crl"] = [lists[newest]]
    daemon.reload(Config({"main": service}))
    service["crl"] = [lists[newest], lists[newest]]
    daemon.reload(Config({"main": service}))
    assert "has the same date as the one in" in daemon.log_text()
    assert s_client(daemon, pki, "1.3", world.clients["revoked"])[1] == "certificate_revoked"


def test_two_cas_of_one_name_have_a_list_each(culvert, world, pki, echo):
    """The key tells whose list it is."""
    twins = [world.pki.ca("twin", common="twin") for _ in range(2)]
    clients = [[world.pki.make("of-twin", issuer=twin, ids=ids) for ids in (True, False)] for twin in twins]
    lists = [world.pki.crl("twin", twin, [made[0]]) for twin, made in zip(twins, clients)]
    daemon = culvert(backend=echo.address, service=required(world, client_ca=[one.cert for one in twins], crl=lists))
    for revoked, sound in clients:
        assert s_client(daemon, pki, "1.3", revoked)[1] == "certificate_revoked"
        assert s_client(daemon, pki, "1.3", sound)[1] is None


def test_the_renewed_ca_with_the_same_name(culvert, world, pki, echo):
    """Two CAs of one name with two keys: the key identifier tells them apart, and where a certificate has none both are
    tried."""
    first = world.pki.ca("twin", common="twin")
    second = world.pki.ca("twin", common="twin")
    daemon = culvert(backend=echo.address, service=required(world, client_ca=[first.cert, second.cert]))
    for issuer in (first, second):
        for ids in (True, False):
            client = world.pki.make("of-twin", issuer=issuer, ids=ids)
            output, alert = s_client(daemon, pki, "1.3", client)
            assert alert is None and "through" in output


@pytest.mark.parametrize("version", VERSIONS)
def test_the_backend_learns_who_it_is(culvert, world, pki, backend, version):
    """PROXY v2: CERT_CONN, CERT_SESS, verify 0, the CN, and our own types; nothing of it without a certificate."""
    server = backend(Backend, lambda connection: connection.read_to_end())
    daemon = culvert(backend=server.address, service={**required(world), "verify-client": "optional",
                                                      "proxy-protocol": "v2"})
    good = world.clients["good"]

    def header(context):
        count = len(server.connections)
        with TlsClient(daemon.address(), context) as client:
            client.close_notify()
            eventually(lambda: len(server.connections) > count, 5, "a backend connection")
            server.connections[count].wait_end()
        found = proxy_tlvs(bytes(server.connections[count].data)[16 + 12:])
        bits, verify = struct.unpack("!BI", found[0x20][:5])
        return found, proxy_tlvs(found[0x20][5:]), bits, verify

    found, inner, bits, verify = header(client_context(pki, good, version))
    assert (bits, verify) == (0x07, 0) and inner[0x22] == b"first" and inner[0x21] == f"TLSv{version}".encode()
    assert found[0xE0] == b"C=DE, OU=web, OU=ops, CN=first, CN=second"
    assert found[0xE1] == f"{SPIFFE}/ns/prod/sa/web".encode() and found[0xE2] == good.fingerprint
    found, inner, bits, verify = header(pki.context(minimum=version, maximum=version))
    assert (bits, verify) == (0x01, 1) and 0x22 not in inner and not {0xE0, 0xE1, 0xE2} & set(found)


def test_what_could_mislead_a_backend_is_left_out(culvert, world, pki, backend):
    """Control characters in names and URIs, and bytes that are no UTF-8, end where the log's escaping ends."""
    server = backend(Backend, lambda connection: connection.read_to_end())
    daemon = culvert(backend=server.address, service={**required(world), "proxy-protocol": "v2"})
    make = world.pki.make
    uri = x509.UniformResourceIdentifier

    def told(client):
        count = len(server.connections)
        with TlsClient(daemon.address(), client_context(pki, client)) as tls:
            tls.close_notify()
            eventually(lambda: len(server.connections) > count, 5, "a backend connection")
            server.connections[count].wait_end()
        found = proxy_tlvs(bytes(server.connections[count].data)[16 + 12:])
        return proxy_tlvs(found[0x20][5:]).get(0x22), found.get(0xE1)

    assert told(make("clean", issuer=world.root, common="J\u00f6rg \u4e16", sans=[uri("x://y")])) == (
        "J\u00f6rg \u4e16".encode(), b"x://y")
    assert told(make("odd", issuer=world.root, common="a\r\nX-Admin: 1", sans=[uri("x://y\n")])) == (None, None)
    assert told(make("c1", issuer=world.root, common="a\u0085b", sans=[uri("x://\x7f")])) == (None, None)


def proxy_tlvs(data):
    found = {}
    while data:
        kind, length = struct.unpack("!BH", data[:3])
        assert kind not in found and len(data) >= 3 + length
        found[kind], data = data[3:3 + length], data[3 + length:]
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_gnutls_cli(daemon, world, pki, need, version):
    """GnuTLS names the alerts in its own words."""
    need("gnutls-cli")

    def run(client):
        entity = world.clients[client]
        command = ["gnutls-cli", "--x509cafile", pki.ca_file, "-p", str(daemon.port("required")), "localhost",
                   "--priority", f"NORMAL:-VERS-ALL:+VERS-TLS{version}"]
        if entity:
            command += ["--x509certfile", entity.cert, "--x509keyfile", entity.key]
        done = subprocess.run(command, input=b"through\n", capture_output=True, timeout=slack(15), check=False)
        return done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")

    assert "\nthrough" in run("good")
    for client, words in (("wrong CA", "unknown"), ("expired", "expired"), ("server only", "not supported|nsupported")):
        assert re.search(rf"alert.*({words})", run(client), re.I | re.S), run(client)


@pytest.mark.parametrize("version", VERSIONS)
def test_curl(culvert, world, pki, need, backend, version):
    """curl gets its page with a certificate, and an error with the alert's name without."""
    need("curl")

    def serve(connection):
        connection.note(connection.sock.recv(4096))
        connection.sock.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\npage\n")
        connection.end = "answered"

    daemon = culvert(backend=backend(Backend, serve).address, service=required(world))

    def run(client):
        entity = world.clients[client]
        command = ["curl", "-sS", "--cacert", pki.ca_file, f"--tlsv{version}", "--tls-max", version, "--resolve",
                   f"localhost:{daemon.port()}:127.0.0.1", f"https://localhost:{daemon.port()}/"]
        if entity:
            command += ["--cert", entity.chain, "--key", entity.key]
        done = subprocess.run(command, capture_output=True, text=True, timeout=slack(15), check=False)
        return done.stdout + done.stderr

    assert run("via middle") == "page\n"
    assert "alert" in run("none") and "alert unknown ca" in run("wrong CA")


# (options, the key that is blamed, words, exit status)
MISTAKES = [
    ({"verify-client": "required"}, "verify-client", "needs client-ca", 3),
    ({"verify-client": "optional", "client-ca": ""}, "verify-client", "needs client-ca", 3),
    ({"verify-client": "always"}, "verify-client", "allowed: off, optional, required", 3),
    ({"client-ca": "{ca}"}, "client-ca", "needs verify-client", 3),
    ({"allow-cn": "x"}, "allow-cn", "needs verify-client", 3),
    ({"crl": "{crl}"}, "crl", "needs verify-client", 3),
    ({"verify-client": "required", "client-ca": "{ca}", "session-tickets": "on"}, "session-tickets",
     "a resumed session has no certificate", 3),
    ({"verify-client": "required", "client-ca": "{ca}", "verify-depth": "9"}, "verify-depth", "0 to 8", 3),
    ({"verify-client": "required", "client-ca": "{ca}", "allow-uri": "spiffe://*/x"}, "allow-uri", "wildcard in its host", 3),
    ({"verify-client": "required", "client-ca": "{ca}", "allow-uri": "spiffe://a/**/b"}, "allow-uri", "last segment", 3),
    ({"verify-client": "required", "client-ca": "{ca}", "allow-ip": "10.1.2.3/8"}, "allow-ip", "after its prefix", 3),
    ({"verify-client": "required", "client-ca": "{ca}", "allow-ip": "host"}, "allow-ip", "is not an address", 3),
    ({"verify-client": "required", "client-ca": "{ca}", "allow-dns": "a b"}, "allow-dns", "is not a DNS name", 3),
    ({"verify-client": "required", "client-ca": "{ca}", "allow-spki": "abcd"}, "allow-spki", "SHA-256 pin", 3),
    ({"verify-client": "required", "client-ca": "{ca}", "allow-cn": ""}, "allow-cn", "no other allow key has a value", 3),
    ({"verify-client": "optional", "client-ca": "{ca}", "allow-spki": ""}, "allow-spki", "would accept every verified", 3),
    ({"verify-client": "required", "client-ca": "{ca}", "allow-uri": "*"}, "allow-uri", "", 3),
    ({"verify-client": "Required", "client-ca": "{ca}", "crl": "{crl}"}, "verify-client", "allowed: off", 3),
    ({"verify-client": "required", "client-ca": "{ca}", "crl": ""}, "crl", "would accept revoked certificates", 3),
    ({"verify-client": "required", "client-ca": "{missing}"}, "client-ca", "cannot open", 4),
    ({"verify-client": "required", "client-ca": "{leaf}"}, "client-ca", "is not a CA certificate", 4),
    ({"verify-client": "required", "client-ca": "{leaf}", "crl": "{crl}"}, "client-ca", "is not a CA certificate", 4),
    ({"verify-client": "required", "client-ca": "{key}"}, "client-ca", "no certificate found", 4),
    ({"verify-client": "required", "client-ca": "{ca}", "crl": "{ca}"}, "crl", "no CRL found", 4),
    ({"verify-client": "required", "client-ca": "{ca}", "crl": "{forged}"}, "crl", "does not verify", 4),
    ({"verify-client": "required", "client-ca": "{ca}", "crl": "{delta}"}, "crl", "critical extension", 4),
    ({"verify-client": "required", "client-ca": "{ca}", "crl": "{indirect}"}, "crl", "critical extension", 4),
    ({"verify-client": "required", "client-ca": "{ca}", "crl": "{twin}"}, "crl", "with a different key only", 0),
    ({"verify-client": "required", "client-ca": "{muted}", "crl": "{of_muted}"}, "crl", "cRLSign", 0),
    ({"verify-client": "required", "client-ca": "{ca}", "crl": "{foreign}"}, "crl", "its issuer is not in client-ca", 0),
    ({"verify-client": "required", "client-ca": "{ca}", "crl": "{old}"}, "crl", "has expired", 0),
    ({"verify-client": "required", "client-ca": "{old_ca}"}, "client-ca", "has expired", 0),
    ({"verify-client": "off", "client-ca": "{ca}"}, "client-ca", "has no effect", 0),
]


@pytest.mark.parametrize("options, key, words, status", MISTAKES, ids=[f"{case[1]}-{case[2]}" for case in MISTAKES])
def test_check_names_the_line(world, pki, workdir, options, key, words, status):
    """--check: which key is wrong, where it stands and what is allowed; what only warns does not fail."""
    files = {"ca": world.root.cert, "leaf": world.clients["good"].cert, "key": world.clients["good"].key,
             "missing": "/nonexistent.pem", "crl": world.services["crl"]["crl"], "old_ca": world.old_root.cert,
             "old": world.services["crl-expired"]["crl"], "foreign": world.pki.crl("foreign", world.other),
             "forged": world.pki.crl("forged", world.root, signed_by=world.other.private),
             "delta": world.pki.crl("delta", world.root, critical=True),
             "indirect": world.pki.crl("indirect", world.root, [world.clients["revoked"]], indirect=True),
             "twin": world.pki.crl("twin", world.forged_root, identifier=True),
             "muted": world.muted.cert, "of_muted": world.pki.crl("muted", world.muted)}
    filled = {name: value.format(**files) for name, value in options.items()}
    text = Config({"main": {"backend": "127.0.0.1:1", **filled}}).render(pki)
    path = workdir / "c.ini"
    path.write_text(text)
    done = run_culvert("-c", path, "--check")
    assert done.returncode == status, done.stderr
    line = 1 + [one.split(" =")[0] for one in text.splitlines()].index(key)
    assert re.search(rf"c\.ini:{line}: \w+: \[service main\] {key}: .*{re.escape(words)}", done.stderr), done.stderr
    assert done.stderr.count(" error: ") == (status != 0), "nothing that only follows from it"
    assert status == 0 or "is ignored: " not in done.stderr


def test_an_emptied_allow_list_lets_nobody_in_by_mistake(world, pki, workdir):
    """A list of [defaults] emptied in a service leaves no rule, which is an error; another rule beside it makes it sound."""
    path = workdir / "c.ini"
    for more, status in (({}, 3), ({"allow-ou": "ops"}, 0)):
        config = Config({"main": {"backend": "127.0.0.1:1", **required(world), "allow-cn": "", **more}},
                        defaults={"allow-cn": "first"})
        path.write_text(config.render(pki))
        done = run_culvert("-c", path, "--check")
        assert done.returncode == status, done.stderr
        assert ("[service main] allow-cn: is empty" in done.stderr) == (status == 3)


def test_check_says_until_when_clients_can_be_verified(world, pki, workdir):
    """--check: the first of the CAs and of the lists that ends, as it says the days of the certificates."""
    cas, crls = [world.root.cert, world.old_root.cert], [world.pki.crl("root", world.root)]
    path = workdir / "c.ini"
    path.write_text(Config({"main": {"backend": "127.0.0.1:1", "verify-client": "optional", "client-ca": cas,
                                     "crl": crls}}).render(pki))
    done = run_culvert("-c", path, "--check")
    (line,) = [line for line in done.stdout.splitlines() if "client certificates" in line]
    ends = [x509.load_pem_x509_certificate(pathlib.Path(world.old_root.cert).read_bytes()).not_valid_after,
            x509.load_pem_x509_crl(pathlib.Path(crls[0]).read_bytes()).next_update]
    assert line == (f"service main: client certificates optional, 2 CAs (until {ends[0]} UTC), "
                    f"1 CRL (until {ends[1]} UTC)")


def test_tickets_of_defaults_are_overridden_with_a_note(world, pki, workdir):
    """session-tickets = on in [defaults] is meant for the others: off here, and said so."""
    config = Config({"main": {"backend": "127.0.0.1:1", **required(world)}}, defaults={"session-tickets": "on"})
    path = workdir / "c.ini"
    path.write_text(config.render(pki))
    done = run_culvert("-c", path, "--check")
    assert done.returncode == 0 and "note: [service main] session-tickets: is off in this service" in done.stderr
    path.write_text(run_culvert("-c", path, "--dump-config").stdout)
    assert run_culvert("-c", path, "--check").returncode == 0


def test_the_end_of_a_list_is_told_before_and_when_it_comes(culvert, world, pki, echo):
    """From then on its clients are refused: nothing happens that could bring a line about but the time itself."""
    lasting = world.pki.ca("lasting", start=-200 * HOUR, end=73 * HOUR)
    soon = world.pki.crl("soon", world.root, start=-HOUR / 200, end=HOUR / 600)
    later = world.pki.crl("later", lasting, start=-HOUR, end=6 * HOUR + HOUR / 10)
    daemon = culvert(Config({name: {"backend": echo.address, **required(
        world, client_ca=[world.root.cert, lasting.cert], crl=[soon, later])} for name in ("one", "two")}))
    list_of = "CRL of C=DE, CN=clients root "
    assert daemon.counters()["revocation_list_hours_left"] == 0
    line = daemon.wait_log(list_of + "has expired: clients that need it are refused", 20)
    assert " err " in line.text and line["crl"] == soon and line["service"] == "one"
    told = [line for line in daemon.log_lines() if "CRL of" in line.text and "until" in line.fields]
    assert [(list_of + "expires soon" in line.text, line["crl"]) for line in told] == [(True, soon), (False, soon)]
    daemon.reload(Config({"main": {"backend": echo.address, **required(world, client_ca=[lasting.cert], crl=[later])}}))
    counters = daemon.counters()
    assert counters["revocation_list_hours_left"] == 6 and counters["client_ca_days_left"] == 3
    assert "client CA expires soon service=main" in daemon.log_text()


def test_changed_lists_and_cas_are_taken_without_a_signal(culvert, world, pki, echo, workdir):
    """The watch reads them: a revocation must not wait for somebody's HUP. What is broken leaves all as it was."""
    lists, authorities = workdir / "lists.crl", workdir / "ca.pem"
    lists.write_bytes(pathlib.Path(world.services["crl"]["crl"]).read_bytes())
    authorities.write_bytes(pathlib.Path(world.root.cert).read_bytes())
    daemon = culvert(Config({"main": {"backend": echo.address, **required(world, crl=str(lists)),
                                      "client-ca": str(authorities)}}, workers=1))

    def outcome(client):
        return s_client(daemon, pki, "1.3", world.clients[client])[1]

    assert [outcome("plain"), outcome("revoked")] == [None, "certificate_revoked"]
    mark = daemon.mark()
    lists.write_bytes(pathlib.Path(world.pki.crl("watched", world.root, [world.clients["plain"]])).read_bytes())
    daemon.wait_log("CRLs for client certificates loaded", since=mark)
    assert [outcome("plain"), outcome("revoked")] == ["certificate_revoked", None]
    mark = daemon.mark()
    lists.write_bytes(pathlib.Path(world.pki.crl("older", world.root, [world.clients["plain"]],
                                                 start=-3 * HOUR)).read_bytes())
    daemon.wait_log("than the CRL in use: certificates revoked since then are accepted again", since=mark)
    mark = daemon.mark()
    lists.write_text("-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n")
    daemon.wait_log("changed files are not loaded; what is in use stays", since=mark)
    assert outcome("plain") == "certificate_revoked" and daemon.counters()["certificates_refused"] == 1
    mark = daemon.mark()
    lists.write_bytes(pathlib.Path(world.pki.crl("foreign", world.other)).read_bytes())
    line = daemon.wait_log("changed files are not loaded; what is in use stays", since=mark)
    assert f"crl: {lists}: no longer has a usable CRL of C=DE, CN=clients root" in daemon.log_text(mark)
    assert "] crl: " in line.text
    assert outcome("plain") == "certificate_revoked" and outcome("good") is None
    mark = daemon.mark()
    authorities.write_bytes(pathlib.Path(world.other.cert).read_bytes())
    lists.write_bytes(pathlib.Path(world.pki.crl("other", world.other, [])).read_bytes())
    daemon.wait_log("CRLs for client certificates loaded", since=mark)
    assert [outcome("good"), outcome("wrong CA")] == ["unknown_ca", None]
