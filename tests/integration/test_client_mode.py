# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS with the backend: client mode (tls = off), encrypting again (tls = on), and passthrough."""

import datetime
import hashlib
import os
import socket
import ssl
import subprocess
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.x509.oid import ExtendedKeyUsageOID

from harness import Config, Echo, TlsBackend, TlsClient, eventually, pattern, scaled, sha256, slack
from harness.client_pki import ClientPki
from harness.daemon import run_culvert
from harness.pki import Authority
from harness.util import connect, exchange

DAY = datetime.timedelta(days=1)


def spki_pin(credential):
    key = credential.object.public_key().public_bytes(serialization.Encoding.DER,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(key).hexdigest()


def client_mode(pki, backend, **more):
    options = {"tls": "off", "backend": f"localhost:{backend.port}", "backend-tls": "on", "backend-ca": pki.ca_file}
    options.update({key.replace("_", "-"): value for key, value in more.items()})
    return {key: value for key, value in options.items() if value is not None}


def only(version):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = context.maximum_version = {"1.2": ssl.TLSVersion.TLSv1_2,
                                                         "1.3": ssl.TLSVersion.TLSv1_3}[version]
    return context


@pytest.fixture
def tls_backend(backend, pki):
    def start(credential=None, context=None, **options):
        return backend(TlsBackend, credential or pki.ecdsa, context, **options)
    return start


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_plain_clients_reach_a_tls_backend(culvert, tls_backend, pki, version):
    server = tls_backend(context=only(version))
    daemon = culvert(service=client_mode(pki, server))
    assert exchange(daemon.address(), b"hello") == (b"hello", "fin")
    line = daemon.wait_closed()
    assert line["backend_tls"] == f"TLSv{version}" and line["cause"] == "client-fin"
    assert "tls" not in line.fields and line["backend_resumed"] == "false"
    assert server.handshakes[0]["sni"] == "localhost"
    assert server.connections[0].end == "close_notify"
    assert daemon.counters()["backend_handshakes_ok"] == 1


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_sessions_with_the_backend_are_resumed(culvert, tls_backend, pki, version):
    """After the first handshake every one is resumed: one after the other, each ticket once."""
    server = tls_backend(context=only(version))
    daemon = culvert(service=client_mode(pki, server), globals_={"workers": 1})
    for _ in range(6):
        assert exchange(daemon.address(), b"hello") == (b"hello", "fin")
    daemon.wait_closed(count=6)
    assert [one["resumed"] for one in server.handshakes] == [False] + [True] * 5
    counters = daemon.counters()
    assert (counters["backend_handshakes_ok"], counters["backend_handshakes_resumed"]) == (6, 5)


def test_a_new_ca_file_ends_the_resumption(culvert, tls_backend, pki, workdir):
    """A ticket is worth nothing once the trust has changed: the server is verified anew."""
    other = Authority(workdir, "another root")
    trust = workdir / "trust.pem"
    trust.write_bytes(open(pki.ca_file, "rb").read())
    server = tls_backend()
    daemon = culvert(service=client_mode(pki, server, backend_ca=trust), globals_={"workers": 1})
    exchange(daemon.address(), b"hello")
    trust.with_suffix(".new").write_bytes(open(other.path, "rb").read())
    os.rename(trust.with_suffix(".new"), trust)
    daemon.wait_log("files for TLS with backends loaded", 10)
    assert exchange(daemon.address(), b"hello")[1] == "reset"
    assert daemon.wait_closed(count=2)[1]["cause"] == "backend-certificate"


def test_encrypting_again(culvert, tls_backend, pki):
    """tls = on and backend-tls = on: both ends speak TLS, and the ALPN protocol of the client goes on to the backend."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1", "h2"])
    server = tls_backend(context=context)
    daemon = culvert(service=client_mode(pki, server, tls="on", alpn="h2, http/1.1"))
    with TlsClient(daemon.address(), pki.context(alpn=["h2"])) as client:
        client.send(b"ping")
        assert client.recv_exactly(4) == b"ping"
        client.close_notify()
    line = daemon.wait_closed()
    assert (line["tls"], line["backend_tls"], line["alpn"], line["backend_alpn"]) == ("TLSv1.3", "TLSv1.3", "h2", "h2")
    assert server.handshakes[0]["alpn"] == "h2"


def test_passthrough_carries_the_clients_own_tls(culvert, tls_backend, pki):
    server = tls_backend()
    daemon = culvert(service={"tls": "passthrough", "backend": server.address})
    with TlsClient(daemon.address(), pki.context()) as client:
        client.send(b"ping")
        assert client.recv_exactly(4) == b"ping"
        client.close_notify()
    line = daemon.wait_closed()
    assert line["sni"] == "localhost" and "tls" not in line.fields and "backend_tls" not in line.fields
    assert server.handshakes[0]["sni"] == "localhost"


def test_passthrough_refuses_what_is_not_tls(culvert, tls_backend):
    server = tls_backend()
    daemon = culvert(service={"tls": "passthrough", "backend": server.address})
    assert exchange(daemon.address(), b"GET / HTTP/1.0\r\n\r\n", half_close=False)[0][:1] == b"\x15"
    assert daemon.wait_closed()["cause"].startswith("tls-sent:")
    assert not server.connections


# --- every way a certificate can be wrong

def wrong(pki, workdir, kind):
    """The certificate of the backend, further options, and the words of the log."""
    if kind == "name":
        return pki.issue("w-name", ["old.example.org"]), {}, "certificate is for old.example.org, expected localhost"
    if kind == "wildcard":
        return (pki.issue("w-wild", ["*.example.org"]), {"backend_name": "a.b.example.org"},
                "certificate is for *.example.org, expected a.b.example.org")
    if kind == "address":
        return pki.issue("w-ip", ["localhost", "127.0.0.2"]), {"backend_name": "127.0.0.1"}, "expected 127.0.0.1"
    if kind == "expired":
        return pki.issue("w-old", start=-10 * DAY, end=-3 * DAY), {}, "has expired: 3 days ago"
    if kind == "not yet":
        return pki.issue("w-new", start=3 * DAY, end=9 * DAY), {}, "is not valid yet"
    if kind == "unknown CA":
        other = Authority(workdir, "stranger")
        return other.issue("w-stranger"), {}, "is unknown: CN=stranger; if you trust it, add it to backend-ca"
    if kind == "purpose":
        return (pki.issue("w-eku", usage=[ExtendedKeyUsageOID.CLIENT_AUTH]), {},
                "is not meant for servers (extendedKeyUsage)")
    if kind == "pin":
        return pki.ecdsa, {"backend_spki": "00" * 32}, "has a key that is not in backend-spki"
    if kind == "chain":
        return (pki.ecdsa, {"backend_verify_depth": "0"},
                "has more than 0 CAs between itself and backend-ca (backend-verify-depth)")
    if kind == "no name":
        return (pki.issue("w-cn", ["x.example.org"], common="localhost"), {},
                "certificate is for x.example.org, expected localhost")
    return wrong_chain(ClientPki(workdir), kind)


def wrong_chain(made, kind):
    """As wrong(), with a root of its own in backend-ca."""
    def name(*names):
        return [x509.DNSName(one) for one in names]

    def leaf(issuer, stem="leaf", **options):
        return made.make(stem, issuer=issuer, **{"usage": "server", "sans": name("localhost"), **options})

    root = made.ca("root")
    trust = {"backend_ca": root.cert}
    if kind == "self-signed":
        return leaf(None), trust, "CN=leaf is self-signed and not in backend-ca"
    if kind == "chain of the default depth":
        above = root
        for number in range(4):
            above = made.ca(f"ca{number}", above)
        return leaf(above), trust, "CN=leaf has more than 3 CAs between itself and backend-ca (backend-verify-depth)"
    if kind == "path length":
        return (leaf(made.ca("below", made.ca("last", root, path_length=0))), trust,
                "is below a CA that does not allow another CA below it (pathLenConstraint)")
    if kind == "not a CA":
        return leaf(leaf(root, "middle")), trust, "CN=middle issued a certificate but is not a CA"
    if kind == "forged":
        other = made.ca("stranger")
        return (leaf(root, signed_by=other.private), trust,
                "CN=leaf has a signature that was not made by its issuer")
    if kind in ("revoked", "CA revoked", "CRL expired", "CRL missing"):
        middle = made.ca("middle", root)
        one = leaf(middle)
        lists = [made.crl("root", root, [middle] if kind == "CA revoked" else [])]
        if kind != "CRL missing":
            dates = {"start": -3 * DAY, "end": -DAY} if kind == "CRL expired" else {}
            lists.append(made.crl("middle", middle, [one] if kind == "revoked" else [], **dates))
            # A CRL is checked against a CA of backend-ca, so the intermediate is there, too.
            trust["backend_ca"] = [root.cert, middle.cert]
        return one, {**trust, "backend_crl": lists}, {
            "revoked": "CN=leaf is revoked", "CA revoked": "CN=middle is revoked by its issuer",
            "CRL expired": "the CRL of C=DE, CN=middle has expired (",
            "CRL missing": "backend-crl has no CRL of C=DE, CN=middle, the issuer of C=DE, CN=leaf"}[kind]
    if kind == "weak key":
        return leaf(root, kind="rsa1024"), trust, "CN=leaf has a key of 1024 bits; at least 2048 are required"
    if kind == "weak key of a CA":
        return leaf(made.ca("weak", root, kind="rsa1024")), trust, "CN=weak has a key of 1024 bits; at least 2048 are required"
    if kind == "SHA-1":
        return leaf(root, digest=hashes.SHA1()), trust, "CN=leaf is signed with MD5 or SHA-1"
    if kind == "name not permitted":
        return (leaf(made.ca("bound", root, permitted=name("example.org"))), trust,
                "CN=leaf has a name that its issuer is not allowed to certify (nameConstraints)")
    assert kind == "name excluded"
    bound = made.ca("bound", excluded=name("localhost"))
    return (leaf(bound), {"backend_ca": bound.cert},
            "CN=leaf has a name that its issuer is not allowed to certify (nameConstraints)")


ALERTS = {"name": "bad_certificate", "wildcard": "bad_certificate", "address": "bad_certificate",
          "expired": "certificate_expired", "not yet": "certificate_expired", "unknown CA": "unknown_ca",
          "purpose": "unsupported_certificate", "pin": "bad_certificate", "chain": "unknown_ca",
          "no name": "bad_certificate", "self-signed": "unknown_ca", "chain of the default depth": "unknown_ca",
          "path length": "unknown_ca", "not a CA": "unknown_ca", "forged": "bad_certificate",
          "revoked": "certificate_revoked", "CA revoked": "certificate_revoked", "CRL expired": "bad_certificate",
          "CRL missing": "bad_certificate", "weak key": "bad_certificate", "weak key of a CA": "bad_certificate",
          "SHA-1": "bad_certificate", "name not permitted": "bad_certificate", "name excluded": "bad_certificate"}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("kind", ALERTS)
def test_a_wrong_certificate_is_refused_before_any_byte(culvert, tls_backend, pki, workdir, kind, version):
    credential, options, words = wrong(pki, workdir, kind)
    context = only(version)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")  # OpenSSL would not show a weak certificate
    server = tls_backend(credential, context)
    daemon = culvert(service=client_mode(pki, server, **options))
    assert exchange(daemon.address(), b"secret")[0] == b""
    line = daemon.wait_closed()
    assert line["cause"] == "backend-certificate", line
    assert words in line["detail"] and f"(alert {ALERTS[kind]})" in line["detail"], line
    eventually(lambda: server.handshakes, 5, "the handshake to fail at the backend")
    assert "error" in server.handshakes[0] and server.connections[0].received == 0
    assert "alert " + ALERTS[kind].replace("_", " ") in server.handshakes[0]["error"], server.handshakes
    assert daemon.counters()["backend_handshakes_failed"] == 1


def test_self_signed_by_its_pin_alone(culvert, tls_backend, pki, workdir):
    """backend-spki without backend-ca: the key alone decides."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                    workdir / "s.key", "-out", workdir / "s.crt", "-subj", "/CN=whatever"], check=True, capture_output=True)
    pin = subprocess.run(f"openssl x509 -in {workdir}/s.crt -pubkey -noout | openssl pkey -pubin -outform der | sha256sum",
                         shell=True, check=True, capture_output=True, text=True).stdout.split()[0]

    class Own:
        cert = both = str(workdir / "both.pem")

    (workdir / "both.pem").write_bytes((workdir / "s.crt").read_bytes() + (workdir / "s.key").read_bytes())
    server = tls_backend(Own)
    daemon = culvert(service=client_mode(pki, server, backend_ca=None, backend_spki=pin))
    assert exchange(daemon.address(), b"hello") == (b"hello", "fin")


def test_verification_off_is_told_at_every_start(culvert, tls_backend, pki, workdir):
    server = tls_backend(Authority(workdir, "stranger").issue("any", ["any.example.org"]))
    daemon = culvert(service=client_mode(pki, server, backend_ca=None, backend_verify="off"))
    assert exchange(daemon.address(), b"hello") == (b"hello", "fin")
    assert daemon.find_log("backend-verify: is off: culvert accepts any certificate")


def test_the_backend_gets_culverts_certificate(culvert, tls_backend, pki, workdir):
    """backend-cert is shown, and a renewed file is taken without a reload."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(pki.ca_file)
    context.num_tickets = 0
    server = tls_backend(context=context)
    own = pki.issue("own", ["culvert.example.org"], client=True, directory=workdir)
    daemon = culvert(service=client_mode(pki, server, backend_cert=own.chain, backend_key=own.key))
    assert exchange(daemon.address(), b"hello") == (b"hello", "fin")
    assert server.handshakes[0]["client"] == own.der
    renewed = pki.issue("own", ["culvert.example.org"], client=True, directory=workdir)
    daemon.wait_log("files for TLS with backends loaded", 10)
    assert exchange(daemon.address(), b"hello") == (b"hello", "fin")
    assert server.handshakes[-1]["client"] == renewed.der


def test_culverts_own_certificate_expires(culvert, tls_backend, pki, workdir):
    """culvert warns before backend-cert expires, and says so when it has expired."""
    server = tls_backend()
    soon = pki.issue("soon", ["culvert.example.org"], client=True, directory=workdir,
                     start=-30 * DAY, end=DAY)
    over = pki.issue("over", ["culvert.example.org"], client=True, directory=workdir,
                     start=-2 * DAY, end=-DAY)
    for own, words in ((soon, "backend-cert expires soon"),
                       (over, "backend-cert has expired: backends that verify it refuse culvert")):
        daemon = culvert(service=client_mode(pki, server, backend_cert=own.chain, backend_key=own.key))
        assert daemon.wait_log(words)["cert"] == str(own.chain)
        daemon.terminate()


def test_a_backend_that_does_not_speak_tls(culvert, backend, pki):
    def greet(connection):
        connection.sock.sendall(b"220 mail.example.org ESMTP\r\n")
        connection.read_to_end()

    from harness import Backend
    server = backend(Backend, greet)
    daemon = culvert(service=client_mode(pki, server))
    assert exchange(daemon.address(), b"x")[0] == b""
    line = daemon.wait_closed()
    assert line["cause"] == "backend-tls-sent:unexpected_message"
    assert "220 mail.example.org" in line["detail"]


def test_a_backend_that_never_answers_the_hello(culvert, backend, pki):
    from harness import Hanger
    server = backend(Hanger)
    daemon = culvert(service=client_mode(pki, server, handshake_timeout="300ms"))
    assert exchange(daemon.address(), b"x")[0] == b""
    line = daemon.wait_closed()
    assert line["cause"] == "handshake-timeout" and "has not answered the ClientHello" in line["detail"]


def test_large_transfers_both_ways(culvert, tls_backend, pki):
    server = tls_backend()
    daemon = culvert(service=client_mode(pki, server))
    data = pattern(scaled(64 << 20, least=4 << 20))
    got = bytearray()
    with connect(daemon.address(), slack(30)) as sock:
        def send():
            sock.sendall(data)
            sock.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        while piece := sock.recv(1 << 20):
            got += piece
        sender.join()
    assert sha256(got) == sha256(data)
    assert daemon.wait_closed()["cause"] == "client-fin"


def probe(*args):
    result = run_culvert("--probe", *args, timeout=30)
    return result.returncode, result.stdout, result.stderr


def test_probe_shows_what_the_backends_present(tls_backend, backend, pki, workdir):
    good, wrong = tls_backend(), tls_backend(pki.issue("p-name", ["old.example.org"]))
    plain = backend(Echo)
    config = workdir / "probe.ini"
    base = {"tls": "off", "backend-tls": "on", "backend-ca": pki.ca_file, "listen": "127.0.0.1:0"}
    config.write_text(Config({
        "good": {**base, "backend": f"localhost:{good.port}"}, "wrong": {**base, "backend": f"localhost:{wrong.port}"},
        "away": {**base, "backend": "localhost:1"},
        "plain": {"backend": plain.address}}).render(pki))
    code, out, err = probe("good", "-c", config)
    assert code == 0 and err == "", (out, err)
    assert out.startswith(f"service good: backend localhost:{good.port} (127.0.0.1:{good.port}): accepted: TLSv1.3, ")
    assert "certificate CN=localhost, issued by CN=culvert test CA; valid until " in out
    code, out, _ = probe("-c", config)
    lines = {line.split(":")[0]: line for line in out.splitlines()}
    assert code == 1 and len(lines) == 4, out
    assert "refused: certificate is for old.example.org, expected localhost (alert bad_certificate)" in lines["service wrong"]
    assert "not reached: " in lines["service away"] and "backend-tls = off" in lines["service plain"]
    assert probe("nobody", "-c", config)[0] == 2
    assert wrong.connections[0].received == 0


def test_without_a_file(culvert, tls_backend, pki):
    server = tls_backend()
    daemon = culvert(config=None, args=["--listen", "127.0.0.1:0", "--backend", f"localhost:{server.port}",
                                        "--backend-tls", "--set", f"service:main.backend-ca={pki.ca_file}"])
    assert exchange(daemon.address(), b"hello") == (b"hello", "fin")
    assert server.handshakes[0]["sni"] == "localhost"
