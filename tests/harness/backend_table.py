# SPDX-License-Identifier: GPL-3.0-or-later
"""The conformance table of culvert as a TLS client: one case a line, with what the server sends, the section of the RFC and
the alert that culvert must send to it. See conformance.py.

In every case a plain client sends data from the start. Unless the handshake is sound, no byte of the data reaches the server,
and the client's connection is aborted. `expect` is one of:

    the name of an alert    culvert sends it, then a FIN; the log has cause=backend-tls-sent:<alert>
    SERVED                  the data arrives, an answer comes back, and the session ends cleanly
    a cause of the log      culvert sends no alert: backend-truncated, backend-tls-received:.. and so on
"""

import socket
from dataclasses import dataclass
from typing import Callable

import pytest

from raw_tls import BadRecord, ContentType, Ended, HandshakeFailed, Outcome, RawServer, Tls12Server, Tls13Server, message

from .conformance import SERVED, case, ended
from .config import Config
from .daemon import Culvert
from .util import connect, slack

SECRET = b"the data of the client"


@dataclass(frozen=True)
class BackendCase:
    name: str
    rfc: str
    act: Callable
    expect: str
    tls: int = 13
    library: str = None
    options: tuple = ()      # of the service
    sound: bool = False      # the handshake is complete before the fault: the client's data may have arrived


def row(name, rfc, act, expect, options=None, **more):
    return case(name, rfc, act, expect, kind=BackendCase, options=tuple((options or {}).items()), **more)


def row12(name, rfc, act, expect, **more):
    return row(f"TLS 1.2: {name}", rfc, act, expect, tls=12, **more)


class Rig:
    """A daemon with a service for each set of options, in front of one raw server."""

    def __init__(self, directory, pki, cases):
        self.server = RawServer(credential=pki.ecdsa, timeout=slack(5))
        self.services = {}
        for one in cases:
            options = {"tls": "off", "backend": self.server.address, "backend-tls": "on", "backend-ca": pki.ca_file}
            self.services[one.name] = (f"c{len(self.services)}", {**options, **dict(one.options)})
        self.daemon = Culvert(directory, Config(dict(self.services.values()), globals_={"workers": 1}), pki, wait=False)

    def close(self):
        self.daemon.cleanup()
        self.server.stop()


def table(cases):
    """The fixture of the table's daemon, and the test that walks `cases`."""
    ids = [one.id for one in cases]
    twice = {one for one in ids if ids.count(one) > 1}
    assert not twice, f"two cases of the same name: {twice}"

    @pytest.fixture(scope="module")
    def rig(request, tmp_path_factory, pki):
        one = Rig(tmp_path_factory.mktemp("conformance"), pki, [entry.values[0] for entry in cases])
        request.node.culverts = [one.daemon]
        try:
            one.daemon.wait_ready(30)
            yield one
            assert one.daemon.running()
        finally:
            one.close()

    @pytest.mark.parametrize("case", cases)
    def test(case, rig):
        """The connection ends as the RFC says."""
        run(case, rig)

    return rig, test


def run(one, rig):
    name, mark = rig.services[one.name][0], rig.daemon.mark()
    server = rig.server
    server.expect(lambda session: serve(one, session), Tls13Server if one.tls == 13 else Tls12Server)
    answer, received, how = False, b"", "reset"
    try:
        with connect(rig.daemon.address(name)) as client:
            client.sendall(SECRET)
            answer = one.expect == SERVED and answered(client)
            received, how = read_to_end(client)
    except ConnectionResetError:  # culvert may be done before connect() returns
        pass
    try:
        failure = None
        session, result = server.wait()
    except (AssertionError, HandshakeFailed, BadRecord, TimeoutError, ValueError, Ended) as error:
        failure = error
    line = rig.daemon.wait_log(lambda line: "cause" in line.fields and line.get("service") == name, since=mark)
    assert not failure, f"the server saw {failure!r}: {line}"
    if one.expect == SERVED:
        assert answer, f"no answer: {line}"
        assert (received, how) == (b"", "fin") and line["cause"] == "client-fin", line
    else:
        judge(one, session, result, line)
        assert received in ((b"", b"answer") if one.sound else (b"",)), received
        assert how == ("fin" if line["cause"] == "backend-fin" else "reset"), f"the client's connection ended by {how}"
    assert rig.daemon.running()


def serve(one, session):
    if one.expect != SERVED:
        session.link.timeout = slack(0.5 if one.library else 5)
        try:
            return ended(session, one.act)
        except Gone:
            return Outcome(end="reset")
    one.act(session)
    if not session.established:
        session.handshake()
    if SECRET not in session.wire:
        assert session.read(len(SECRET)) == SECRET
    session.send(b"answer")
    result = session.outcome()
    assert result.close_notify and result.end == "eof", result
    session.close_notify()
    session.link.fin()
    return result


def answered(client):
    """Reads the answer and closes the client's direction. Returns False if no answer comes."""
    got = b""
    try:
        while len(got) < len(b"answer"):
            piece = client.recv(100)
            if not piece:
                return False
            got += piece
    except ConnectionResetError:
        return False
    client.shutdown(socket.SHUT_WR)
    return got == b"answer"


def read_to_end(client):
    got = b""
    try:
        while piece := client.recv(1 << 16):
            got += piece
    except ConnectionResetError:
        return got, "reset"
    return got, "fin"


def judge(one, session, result, line):
    if not one.sound:
        assert SECRET not in session.wire and not result.data, "data of the client reached the server"
    alerts = [alert for alert in result.alerts if alert.code != 0]
    if one.expect.startswith("backend-"):
        assert line["cause"] == one.expect, line
        assert not alerts, f"an alert where none belongs: {result}"
        return
    assert len(alerts) == 1 and not result.behind, f"not exactly one alert: {result}, {line}"
    assert alerts[0].fatal and alerts[0].name in one.expect.split("|"), f"{alerts[0].name}, not {one.expect}: {line}"
    assert result.end == "eof" and not result.cut, f"no orderly end: {result}"
    assert line["cause"] == f"backend-tls-sent:{alerts[0].name}", line


# What the server sends, in small steps. Each function returns an act, which a case performs on a session.

def steps(*acts):
    def act(server):
        for one in acts:
            one(server)
    return act


def hello(extensions=None, **fields):
    """A ServerHello; `extensions` is a function of the server. Then the server waits."""
    def act(server):
        server.read_client_hello()
        list_ = extensions(server) if extensions else None
        if server.hello and hasattr(server, "start_handshake_keys"):
            server.send_server_hello(server.make_hello(list_, **fields))
        else:
            server.say(server.make_hello(list_, **fields))
    return act


def old(**fields):
    """A ServerHello of TLS 1.2 or older, from a server that could speak TLS 1.3."""
    def act(server):
        server.read_client_hello()
        server.send_handshake(server.make_hello([], **{"suite": 0xC02B, "session_id": b"", **fields}))
    return act


def plus(*extensions, first=False):
    """The right extensions and these."""
    return lambda server: [*extensions, *server.hello_extensions()] if first else [*server.hello_extensions(), *extensions]


def minus(kind):
    return lambda server: [one for one in server.hello_extensions() if one[0] != kind]


def replaced(kind, body):
    return lambda server: [(one, body if one == kind else data) for one, data in server.hello_extensions()]


def first(data):
    """These bytes of a handshake message are the answer to the ClientHello."""
    def act(server):
        server.read_client_hello()
        server.send_handshake(data(server) if callable(data) else data)
    return act


def answer(data):
    """These raw bytes are the answer to the ClientHello."""
    def act(server):
        server.read_client_hello()
        server.send_raw(data(server) if callable(data) else data)
    return act


def greeted(server):
    """TLS 1.3: ServerHello and change_cipher_spec are sent."""
    server.read_client_hello()
    server.send_server_hello()
    server.send_change_cipher_spec()


def flight(*messages, how=None):
    """The server's flight, from functions of the server that each make one message."""
    def act(server):
        greeted(server)
        server.send_handshake(b"".join(make(server) for make in messages), **(how or {}))
        try:
            server.start_application_writing()
        except AttributeError:
            pass
    return act


def stopped(*messages):
    """As flight(), without its end: the handshake keys stay."""
    def act(server):
        greeted(server)
        server.send_handshake(b"".join(make(server) for make in messages))
    return act


def call(name, *args, **how):
    """The message that the method of the server makes."""
    return lambda server: getattr(server, name)(*args, **how)


EE, CERT, VERIFY, FIN = (call(name) for name in ("encrypted_extensions", "certificate", "certificate_verify", "finished"))


def established(server):
    server.handshake()
    assert server.read(len(SECRET)) == SECRET


def alert(code, level=2):
    return lambda server: server.send_record(ContentType.ALERT, bytes([level, code]))


def raw(data):
    return lambda server: server.send_raw(data(server) if callable(data) else data)


def record(kind, payload, **how):
    """A record under the present keys."""
    return lambda server: server.send_record(kind, payload, **how)


def plain(kind, payload):
    """A record that is never sealed."""
    return lambda server: server.send_raw(server.record(kind, payload))


def handshake(kind, body=b"", **how):
    return lambda server: server.send_handshake(message(kind, body), **how)


def fin(server):
    server.link.fin()


def reset(server):
    server.link.reset()
    raise Gone


class Gone(Exception):
    """The server has reset its connection, so it reads nothing more."""


