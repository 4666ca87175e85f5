# SPDX-License-Identifier: GPL-3.0-or-later
"""Session tickets across replicas: two daemons with one ticket-secret-file behind a plain TCP balancer resume each
other's sessions, across rotations, restarts and a change of the secret; with different secrets never."""

import os
import secrets
import ssl
import subprocess
import time

import pytest

from harness import WOLFSSL, Backend, Config, Echo, TlsClient, eventually, services, slack
from harness.daemon import run_culvert
from harness.util import free_port
from raw_tls import Tls13Client

VERSIONS = pytest.mark.parametrize("version", ["1.2", "1.3"])


def new_secret():
    return secrets.token_hex(32)


def write_secret(path, *lines, mode=0o600):
    """Replaces the file as an operator does, whole."""
    temporary = path.with_suffix(".new")
    temporary.write_text("".join(line + "\n" for line in lines))
    os.chmod(temporary, mode)
    temporary.rename(path)


class Fleet:
    """Two replicas behind haproxy: every connection goes to the other one than that before it."""

    def __init__(self, culvert, backend, pki, workdir):
        self._culvert, self._pki = culvert, pki
        self.backend = backend(Echo)
        self.files = [workdir / "secret-a", workdir / "secret-b"]
        self._ports = [free_port(), free_port()]
        self.daemons = []
        self.balancer = None

    def start(self, **globals_):
        for number in (0, 1):
            self.daemons.append(self._replica(number, globals_))
        self.balancer = services.haproxy(*(f"127.0.0.1:{port}" for port in self._ports))
        return self

    def _replica(self, number, globals_):
        self.globals = globals_
        return self._culvert(Config(
            {"main": {"listen": f"127.0.0.1:{self._ports[number]}", "backend": self.backend.address}},
            globals_={"workers": 2, "ticket-secret-file": self.files[number], **globals_}))

    def restart(self, number):
        """Ends one replica and starts another at its address."""
        self.daemons[number].terminate()
        self.daemons[number] = self._replica(number, self.globals)

    def context(self, version):
        return self._pki.context(minimum=version, maximum=version)

    def visit(self, context, session=None):
        """One connection with the last session: (whether it was resumed, the session for the next)."""
        with TlsClient(("127.0.0.1", self.balancer.port), context, session=session) as client:
            client.echo(b"visit")  # in TLS 1.3 the ticket comes before the answer
            resumed, session = client.tls.session_reused, client.tls.session
            client.close()
            return resumed, session

    def visits(self, context, count, session=None):
        """`count` connections, each with the session of the one before: how many resumed, the last session."""
        resumed = 0
        for _ in range(count):
            reused, session = self.visit(context, session)
            resumed += reused
        return resumed, session

    def counted(self, counter, values):
        """Waits until the replicas, in any order, count just these."""
        eventually(lambda: sorted(daemon.counters()[counter] for daemon in self.daemons) == values, 3,
                   lambda: f"{counter}: {[daemon.counters()[counter] for daemon in self.daemons]}", every=0.05)


@pytest.fixture
def fleet(culvert, backend, pki, workdir, need):
    need("haproxy")
    made = Fleet(culvert, backend, pki, workdir)
    yield made
    if made.balancer:
        made.balancer.stop()


@pytest.fixture
def same(fleet):
    secret = new_secret()
    for path in fleet.files:
        write_secret(path, secret)
    return fleet


@VERSIONS
def test_every_session_is_resumed_by_the_other_replica(same, version):
    """100 %: forty connections, one full handshake. Each replica sees only tickets that the other one sealed."""
    fleet = same.start()
    resumed, _ = fleet.visits(fleet.context(version), 40)
    assert resumed == 39
    fleet.counted("handshakes_ok", [20, 20])
    fleet.counted("handshakes_resumed", [19, 20])
    fleet.counted("tickets_refused", [0, 0])
    for daemon in fleet.daemons:
        daemon.wait_log(lambda line: line.get("resumed") == "true", count=19)


@VERSIONS
def test_one_ticket_is_good_at_both_replicas_many_times(same, version):
    """A session resumed again and again, as a client with several connections does."""
    fleet = same.start()
    context = fleet.context(version)
    _, session = fleet.visit(context)
    assert [fleet.visit(context, session)[0] for _ in range(10)] == [True] * 10


@VERSIONS
def test_with_different_secrets_nothing_is_resumed(fleet, version):
    """0 %, and no error: every ticket of the other replica leads to a full handshake, and is counted."""
    for path in fleet.files:
        write_secret(path, new_secret())
    fleet.start()
    resumed, _ = fleet.visits(fleet.context(version), 40)
    assert resumed == 0
    fleet.counted("handshakes_resumed", [0, 0])
    # Older releases of the library give no new ticket in TLS 1.2 where they refuse one: then half of them come without.
    fleet.counted("tickets_refused", [0, 20] if version == "1.2" and WOLFSSL < (5, 9) else [19, 20])


@VERSIONS
def test_a_restart_costs_no_session(same, version):
    """The one thing that a secret of the process itself cannot do."""
    fleet = same.start()
    context = fleet.context(version)
    resumed, session = fleet.visits(context, 4)
    assert resumed == 3
    for number in (0, 1):
        fleet.restart(number)
        resumed, session = fleet.visits(context, 4, session)
        assert resumed == 4, f"after the restart of replica {number}"


def answer_a_line(connection):
    """Serves one line and ends, so that s_client ends too."""
    connection.note(connection.sock.recv(4096))
    connection.sock.sendall(b"answer\n")
    connection.end = "answered"


def test_openssl_resumes_at_the_other_replica(same, backend, pki, workdir, need):
    """Another client: what s_client saves with -sess_out it resumes with -sess_in, in both versions."""
    need("openssl")
    same.backend = backend(Backend, answer_a_line)
    fleet = same.start()
    for version in ("-tls1_2", "-tls1_3"):
        session = workdir / "session.pem"
        words = []
        for option in (["-sess_out"], ["-sess_in"], ["-sess_in"], ["-sess_in"]):
            result = subprocess.run(
                ["openssl", "s_client", "-connect", fleet.balancer.address, "-CAfile", pki.ca_file, "-ign_eof", version,
                 *option, str(session)], input=b"hello\n", capture_output=True, timeout=slack(15))
            text = result.stdout.decode(errors="replace")
            words.append("Reused" if "Reused, TLSv1" in text else "New" if "New, TLSv1" in text else text)
        assert words == ["New", "Reused", "Reused", "Reused"], version


@pytest.mark.slow
@VERSIONS
def test_rotations_cost_no_session(same, version):
    """A ticket sealed in one period is good in the next, at the other replica too."""
    period = 8
    fleet = same.start(**{"ticket-rotation": f"{period}s"})
    context = fleet.context(version)
    for _ in range(2):
        # Late in a period, and at least a moment before its end.
        into = time.time() % period
        time.sleep(max(0, period - 1.5 - into) if into < period - 1 else 2 * period - 1.5 - into)
        marks = [daemon.mark() for daemon in fleet.daemons]
        resumed, session = fleet.visits(context, 2)
        assert resumed == 1
        for daemon, mark in zip(fleet.daemons, marks):
            daemon.wait_log("ticket keys rotated", period, since=mark)
        resumed, session = fleet.visits(context, 4, session)
        assert resumed == 4


@pytest.mark.slow
@VERSIONS
def test_a_ticket_dies_of_age(same, version):
    """It is good as long as the client is told; after that there is a full handshake, and a new ticket with it."""
    fleet = same.start(**{"ticket-rotation": "2s"})
    context = fleet.context(version)
    _, session = fleet.visit(context)
    assert 1 <= session.ticket_lifetime_hint <= 2
    time.sleep(2.5)
    # Neither openssl nor python looks at the lifetime of a ticket before it is offered in TLS 1.2.
    resumed, session = fleet.visit(context, session)
    assert not resumed
    assert session.has_ticket or version == "1.2" and WOLFSSL < (5, 9)


@VERSIONS
def test_the_secret_of_a_fleet_is_changed_without_losing_a_session(same, version):
    """The three steps of the manual, replica by replica: the new one accepted, the new one sealing, the old one
    gone. No session is lost at any moment."""
    fleet = same.start()
    old, new = fleet.files[0].read_text().strip(), new_secret()
    context = fleet.context(version)
    resumed, session = fleet.visits(context, 4)
    assert resumed == 3
    steps = [(old, new), (new, old), (new,)]
    if version == "1.2" and WOLFSSL < (5, 6):
        steps.pop()  # no new ticket while the old one is good: the third step has to wait until all old ones are dead
    for lines in steps:
        for path, daemon in zip(fleet.files, fleet.daemons):
            write_secret(path, *lines)
            assert [line for line in daemon.reload() if "session ticket secret" in line]
            resumed, session = fleet.visits(context, 4, session)
            assert resumed == 4, f"with {len(lines)} secrets"
    fleet.counted("tickets_refused", [0, 0])


def test_another_secret_at_once_costs_every_session_once(same):
    """Without the three steps: a full handshake, and no error."""
    fleet = same.start()
    context = fleet.context("1.3")
    _, session = fleet.visit(context)
    secret = new_secret()
    for path, daemon in zip(fleet.files, fleet.daemons):
        write_secret(path, secret)
        daemon.reload()
    resumed, session = fleet.visits(context, 4, session)
    assert resumed == 3


# -- one daemon ----------------------------------------------------------------------------------------------------

@pytest.fixture
def alone(culvert, echo, workdir):
    """A daemon with a secret file of its own: (daemon, file)."""
    path = workdir / "secret"
    write_secret(path, new_secret())
    config = Config({"main": {"backend": echo.address}}, globals_={"ticket-secret-file": path, "workers": 2})
    daemon = culvert(config)
    daemon.config = config
    return daemon, path


def one_ticket(daemon):
    with Tls13Client(daemon.address()) as client:
        client.handshake().send(b"hello")
        assert client.read(5) == b"hello"
        return client.tickets[0]


def resumes(daemon, ticket):
    with Tls13Client(daemon.address(), ticket=ticket) as client:
        client.handshake().send(b"hello")
        assert client.read(5) == b"hello"
        return client.resumed


def test_an_unchanged_secret_is_no_news(alone):
    """A HUP for another reason touches no key, and says nothing of them."""
    daemon, _ = alone
    ticket = one_ticket(daemon)
    lines = daemon.reload()
    assert not [line for line in lines if "session ticket secret" in line]
    assert resumes(daemon, ticket)


@pytest.mark.parametrize("text, words", [
    ("correct horse battery staple", ":1: the secret has characters other than hex digits; 64 to 256 are allowed"),
    ("0123456789abcdef" * 4, ":1: the secret is not random"),
    ("ab" * 31, ":1: the secret is too short with 62 hex digits; 64 to 256 are allowed"),
    ("", ": is empty"),
])
def test_a_bad_secret_refuses_the_reload_and_changes_nothing(alone, text, words):
    """The transaction: a bad file is an error with its place, and the old keys go on."""
    daemon, path = alone
    ticket = one_ticket(daemon)
    path.write_text(text)
    lines = daemon.reload(expect=False)
    (error,) = [line for line in lines if "ticket-secret-file" in line]
    assert f"{daemon.config_path}:" in error.text and f"{path}{words}" in error.text
    assert text == "" or text not in daemon.log_text(), "a secret is not quoted"
    assert resumes(daemon, ticket)


def test_check_and_start_refuse_a_bad_secret(alone):
    """Exit code 4, as for a certificate; a good one is named so that replicas can be compared."""
    daemon, path = alone
    good = run_culvert("--check", "-c", daemon.config_path)
    assert good.returncode == 0, good.stderr
    name = daemon.find_log("session ticket secret")[0]["id"]
    assert f"ticket secret: {name}\n" in good.stdout
    assert name not in path.read_text()
    path.unlink()
    for arguments in (["--check", "-c", daemon.config_path], ["-c", daemon.config_path]):
        bad = run_culvert(*arguments)
        assert bad.returncode == 4
        assert f"cannot open {path}: No such file or directory" in bad.stderr


def test_a_secret_that_others_may_read_gets_a_warning(alone):
    daemon, path = alone
    os.chmod(path, 0o644)
    (warning,) = [line for line in daemon.reload() if "ticket-secret-file" in line]
    assert "warning" in warning.text and "everybody can read it (mode 0644)" in warning.text


def test_tickets_switched_off_by_a_reload_are_worth_nothing(alone):
    """A full handshake, no error; and switched on again they are good as before."""
    daemon, _ = alone
    ticket = one_ticket(daemon)
    off = daemon.config.copy()
    off.services["main"]["session-tickets"] = "off"
    daemon.reload(off)
    assert not resumes(daemon, ticket)
    daemon.reload(daemon.config)
    assert resumes(daemon, ticket)


def test_a_file_can_come_and_go_with_a_reload(alone):
    """Without a file the secret is the process's own, and the same one each time."""
    daemon, _ = alone
    shared = one_ticket(daemon)
    without = daemon.config.copy()
    del without.globals["ticket-secret-file"]
    daemon.reload(without)
    assert not resumes(daemon, shared)
    own = one_ticket(daemon)
    daemon.reload(daemon.config)
    assert resumes(daemon, shared) and not resumes(daemon, own)
    daemon.reload(without)
    assert resumes(daemon, own)


@pytest.mark.root
def test_a_secret_of_root_is_read_again_without_root(culvert, echo, workdir, connect):
    """The daemon has become nobody; the file is root's, mode 0600, in a directory that only root can enter."""
    directory = workdir / "vault"
    directory.mkdir(mode=0o700)
    path = directory / "secret"
    write_secret(path, new_secret())
    daemon = culvert(Config({"main": {"backend": echo.address}},
                            globals_={"ticket-secret-file": path, "user": "nobody"}))
    ticket = one_ticket(daemon)
    write_secret(path, new_secret(), path.read_text().strip())
    daemon.reload()
    assert resumes(daemon, ticket)


# -- what a ticket may not do --------------------------------------------------------------------------------------

@pytest.mark.parametrize("change", [
    {"ciphersuites": "TLS_CHACHA20_POLY1305_SHA256"}, {"groups": "P-256"}, {"max-version": "1.2"},
    {"alpn": "h2"},
], ids=lambda change: next(iter(change)))
def test_a_ticket_brings_nothing_back_that_the_policy_forbids(alone, connect, change):
    """After a reload with a stricter policy: a full handshake with what is allowed now."""
    daemon, _ = alone
    context = None

    def visit(session=None):
        nonlocal context
        client = connect(daemon, context=context, session=session) if context else connect(daemon)
        client.echo()
        context = client.tls.context
        return client

    first = visit()
    assert visit(first.tls.session).tls.session_reused
    stricter = daemon.config.copy()
    stricter.services["main"].update(change)
    daemon.reload(stricter)
    after = visit(first.tls.session)
    assert not after.tls.session_reused
    if "ciphersuites" in change:
        assert after.tls.cipher()[0] == "TLS_CHACHA20_POLY1305_SHA256"
    if "max-version" in change:
        assert after.tls.version() == "TLSv1.2"


@pytest.mark.parametrize("change, version", [
    ({"ciphers": "ECDHE-ECDSA-CHACHA20-POLY1305"}, "TLSv1.2"), ({"groups": "P-384,P-256"}, "TLSv1.2"),
    ({"min-version": "1.3"}, None)], ids=["ciphers", "groups", "min-version"])
def test_a_tls_1_2_ticket_brings_nothing_back_either(alone, pki, change, version):
    """wolfSSL itself would resume with a suite that is no longer allowed."""
    daemon, _ = alone
    context = pki.context(minimum="1.2", maximum="1.2")

    def visit(session=None):
        with TlsClient(daemon.address(), context, session=session) as client:
            client.echo()
            return client.tls.session_reused, client.tls.session, client.tls.cipher()[0], client.tls.version()

    _, session, *_ = visit()
    assert visit(session)[0]
    stricter = daemon.config.copy()
    stricter.services["main"].update(change)
    daemon.reload(stricter)
    if version is None:
        context.maximum_version = ssl.TLSVersion.TLSv1_3
    resumed, _, cipher, now = visit(session)
    assert not resumed
    assert now == (version or "TLSv1.3")
    if "ciphers" in change:
        assert cipher == "ECDHE-ECDSA-CHACHA20-POLY1305"


def test_a_ticket_is_good_for_its_server_name_only(alone, pki):
    """RFC 6066 section 3: a session of another name is not resumed."""
    daemon, _ = alone
    for version in ("1.2", "1.3"):
        context = pki.context(minimum=version, maximum=version, verify=False)

        def visit(name, session=None):
            with TlsClient(daemon.address(), context, name=name, session=session) as client:
                client.echo()
                return client.tls.session_reused, client.tls.session

        _, session = visit("a.example")
        assert visit("a.example", session)[0]
        assert not visit("b.example", session)[0]


def test_a_clients_clock_may_be_wrong(alone):
    """The age that a client gives to its ticket is for early data, which culvert does not take: a client that was
    asleep, or whose obfuscated age has wrapped, resumes all the same."""
    daemon, _ = alone
    ticket = one_ticket(daemon)
    for wrong in (-5, 5, 3600, -3600, (2**32 - ticket.age_add) / 1000 + 1):
        ticket.received = time.time() - wrong
        assert resumes(daemon, ticket), f"{wrong} s"
