# SPDX-License-Identifier: GPL-3.0-or-later
"""STARTTLS with real servers and clients: culvert as server in front of a plain service, and as client of a service that
offers TLS."""

import socket
import subprocess
import threading

import pytest

from harness import Backend, Config, TlsBackend, slack, starttls
from harness.util import connect, exchange

MAIL = ("imap", "pop3", "lmtp", "sieve", "smtp")
S_CLIENT = {"pgsql": "postgres", "imap": "imap", "pop3": "pop3", "lmtp": "lmtp", "sieve": "sieve", "smtp": "smtp",
            "mysql": "mysql", "ldap": "ldap", "ftp": "ftp", "xmpp": "xmpp", "nntp": "nntp"}


class Nntp(Backend):
    """A news server with no news (RFC 3977)."""

    def serve(self, connection):
        file = connection.sock.makefile("rwb", buffering=0)
        file.write(b"200 news.example.org ready\r\n")
        for line in file:
            connection.note(line)
            word = line.strip().upper()
            if word == b"CAPABILITIES":
                file.write(b"101 list\r\nVERSION 2\r\nREADER\r\nAUTHINFO USER\r\n.\r\n")
            elif word == b"DATE":
                file.write(b"111 20261130120000\r\n")
            elif word == b"QUIT":
                file.write(b"205 bye\r\n")
                return
            else:
                file.write(b"500 unknown\r\n")


SERVERS = {"pgsql": (starttls.Postgres, "postgres"), "mysql": (starttls.Mariadb, "mariadbd"),
           "ldap": (starttls.Slapd, "slapd"), "ftp": (starttls.Ftp, "vsftpd"), "xmpp": (starttls.Xmpp, "prosody"),
           **{name: (starttls.Mail, "dovecot") for name in MAIL}}


def start(service, need, protocol, tls=None):
    """The address of a real server of the protocol."""
    make, program = SERVERS[protocol]
    if program == "postgres":
        if not starttls.postgres_program("postgres"):
            pytest.skip("needs postgres")
    else:
        need(program)
    server = service(make, tls)
    return f"localhost:{server.ports[protocol] if protocol in MAIL else server.port}"


def run(*command, ok=True, **options):
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=slack(30),
                            check=False, **options)
    assert not ok or result.returncode == 0, f"{command}: {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout + result.stderr


def s_client(pki, port, protocol, *more, data="", seconds=1.5):
    """openssl's own STARTTLS, which verifies the certificate; then `data`, and what comes back."""
    command = ["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-starttls", S_CLIENT[protocol], "-CAfile",
               pki.ca_file, "-verify_return_error", "-servername", "localhost", "-quiet", *more]
    if protocol == "xmpp":
        command += ["-xmpphost", "localhost"]
    shell = f"(printf '%b' \"$DATA\"; sleep {seconds}) | " + " ".join(command)
    return subprocess.run(shell, shell=True, env={"DATA": data, "PATH": "/usr/bin:/bin"}, capture_output=True,
                          timeout=slack(20), check=False)


# What is said behind TLS, and what the server answers to it.
BEHIND = {
    "smtp": ("EHLO x\\r\\nQUIT\\r\\n", b"221"),
    "lmtp": ("LHLO x\\r\\nQUIT\\r\\n", b"221"),
    "imap": ("a CAPABILITY\\r\\nb LOGIN joe secret\\r\\nc LOGOUT\\r\\n", b"b OK"),
    "pop3": ("USER joe\\r\\nPASS secret\\r\\nQUIT\\r\\n", b"+OK Logged in"),
    "sieve": ("LOGOUT\\r\\n", b"OK"),
    "ftp": ("USER anonymous\\r\\nPBSZ 0\\r\\nPROT C\\r\\nPROT P\\r\\nPWD\\r\\nQUIT\\r\\n", b"536"),
    "nntp": ("CAPABILITIES\\r\\nDATE\\r\\nQUIT\\r\\n", b"111 "),
    "xmpp": ("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' "
             "version='1.0'></stream:stream>", b"<mechanism>"),
}


@pytest.mark.parametrize("protocol", [*BEHIND])
def test_culvert_as_server_in_front_of_a_plain_service(culvert, service, need, backend, pki, protocol):
    """openssl s_client -starttls: TLS by the protocol's command, then the service itself answers."""
    address = backend(Nntp).address if protocol == "nntp" else start(service, need, protocol)
    daemon = culvert(service={"backend": address, "starttls": protocol})
    data, answer = BEHIND[protocol]
    result = s_client(pki, daemon.port(), protocol, data=data)
    assert answer in result.stdout, (result.stdout, result.stderr)
    assert b"STARTTLS" not in result.stdout and b"STLS" not in result.stdout
    line = daemon.wait_closed()
    assert line["tls"].startswith("TLSv1"), line


@pytest.mark.parametrize("protocol", [*BEHIND])
def test_culvert_as_client_of_a_service_with_tls(culvert, service, need, pki, protocol):
    """A plain client speaks to a service that is reached by STARTTLS, and sees no trace of it."""
    if protocol == "nntp":
        pytest.skip("no news server with TLS in the packages that install without a question")
    address = start(service, need, protocol, pki.ecdsa)
    daemon = culvert(service={"tls": "off", "backend": address, "backend-tls": "on", "backend-ca": pki.ca_file,
                              "backend-starttls": protocol})
    data, answer = BEHIND[protocol]
    with connect(daemon.address(), slack(15)) as sock:
        sock.settimeout(slack(3))
        got = b""
        if protocol != "xmpp":
            got = sock.recv(4096)
        sock.sendall(data.encode().decode("unicode_escape").encode())
        wanted = b"250 " if protocol == "ftp" else answer
        wanted = {"ftp": b"230"}.get(protocol, answer)
        while wanted not in got:
            piece = sock.recv(4096)
            assert piece, got
            got += piece
    assert b"STARTTLS" not in got and b"STLS" not in got and b"starttls" not in got, got
    assert daemon.wait_closed()["backend_tls"].startswith("TLSv1")


def psql(port, **environment):
    return run("psql", "-h", "localhost", "-p", port, "-U", "joe", "-d", "postgres", "-Atc", "select 6*7",
               env={"PGPASSWORD": "secret", "PATH": "/usr/bin:/bin", **environment})


def test_postgresql_clients(culvert, service, need, pki):
    """psql with sslmode=verify-full in front of a plain PostgreSQL, and a plain psql with PostgreSQL over TLS."""
    need("psql")
    plain = start(service, need, "pgsql")
    secure = start(service, need, "pgsql", pki.ecdsa)
    towards = {"backend": secure, "backend-tls": "on", "backend-ca": pki.ca_file, "backend-starttls": "pgsql"}
    daemon = culvert(Config({"server": {"backend": plain, "starttls": "pgsql"}, "client": {"tls": "off", **towards},
                             "both": {"starttls": "pgsql", **towards}}))
    assert psql(daemon.port("server"), PGSSLMODE="verify-full", PGSSLROOTCERT=pki.ca_file) == "42\n"
    assert psql(daemon.port("server"), PGSSLMODE="require", PGSSLROOTCERT=pki.ca_file) == "42\n"
    for mode in ("disable", "prefer"):
        assert psql(daemon.port("client"), PGSSLMODE=mode) == "42\n"
    # With TLS on both ends the channel of the client is not that of the server.
    assert psql(daemon.port("both"), PGSSLMODE="verify-full", PGSSLROOTCERT=pki.ca_file,
                PGCHANNELBINDING="disable") == "42\n"
    said = run("psql", "-h", "localhost", "-p", daemon.port("server"), "-U", "joe", "-d", "postgres", "-c", "select 1",
               ok=False, env={"PGSSLMODE": "disable", "PGPASSWORD": "secret", "PATH": "/usr/bin:/bin"})
    assert "TLS" in said and "select" not in said
    assert daemon.wait_closed(count=6)[-1]["cause"] == "starttls:plaintext"


def test_mariadb_clients(culvert, service, need, pki):
    """mariadb --ssl with mysql_native_password and ed25519 in front of a plain MariaDB, and the other way round."""
    need("mariadb", "mariadbd")
    plain = service(starttls.Mariadb)
    secure = service(starttls.Mariadb, pki.ecdsa)
    towards = {"backend": f"localhost:{secure.port}", "backend-tls": "on", "backend-ca": pki.ca_file,
               "backend-starttls": "mysql"}
    daemon = culvert(Config({"server": {"backend": plain.address, "starttls": "mysql"},
                             "client": {"tls": "off", **towards}, "both": {"starttls": "mysql", **towards}}))
    for name, ssl in (("server", True), ("client", False), ("both", True)):
        for user in ("native", "modern"):
            options = ["--ssl", f"--ssl-ca={pki.ca_file}", "--ssl-verify-server-cert"] if ssl else ["--skip-ssl"]
            out = run("mariadb", "--no-defaults", "-h", "127.0.0.1" if not ssl else "localhost", "--protocol=tcp", "-P",
                      daemon.port(name), "-u", user, "-psecret", *options, "-Nse", "select 6*7")
            assert out == "42\n", (name, user, out)
    said = run("mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", daemon.port("server"), "-u", "native", "-psecret",
               "--skip-ssl", "-e", "select 1", ok=False)
    assert "3159" in said
    line = daemon.wait_closed(count=7)[-1]
    assert line["cause"] == "starttls:plaintext", line


def test_ldapsearch(culvert, service, need, pki, tmp_path):
    """ldapsearch -ZZ in front of a plain slapd, a refusal without, and slapd's own StartTLS behind culvert."""
    need("ldapsearch", "slapd")
    plain, secure = service(starttls.Slapd), service(starttls.Slapd, pki.ecdsa)
    daemon = culvert(Config({
        "server": {"backend": plain.address, "starttls": "ldap"},
        "client": {"tls": "off", "backend": f"localhost:{secure.port}", "backend-tls": "on", "backend-ca": pki.ca_file,
                   "backend-starttls": "ldap"}}))
    environment = {"LDAPTLS_CACERT": pki.ca_file, "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    who = ["ldapwhoami", "-x", "-D", "cn=admin,dc=example,dc=org", "-w", "secret", "-H"]
    assert "cn=admin" in run(*who, f"ldap://127.0.0.1:{daemon.port('server')}", "-ZZ", env=environment)
    assert "onfidentiality" in run(*who, f"ldap://127.0.0.1:{daemon.port('server')}", ok=False, env=environment)
    assert "cn=admin" in run(*who, f"ldap://127.0.0.1:{daemon.port('client')}", env=environment)
    assert "cn=admin" in run(*who, f"ldaps://127.0.0.1:{daemon.port('server')}", env=environment)  # TLS at once


def test_curl_over_the_ftp_control_connection(culvert, service, need, pki):
    """curl --ftp-ssl-control: the control connection has TLS, the data connection is the server's own."""
    need("vsftpd")
    address = start(service, need, "ftp")
    daemon = culvert(service={"backend": address, "starttls": "ftp"})
    out = run("curl", "-sS", "--ftp-ssl-control", "--cacert", pki.ca_file, "--disable-epsv",
              f"ftp://localhost:{daemon.port()}/hello")
    assert out == "hello from vsftpd\n"


def test_swaks_delivers_by_lmtp(culvert, service, need, pki):
    need("swaks", "dovecot")
    mail = service(starttls.Mail)
    daemon = culvert(service={"backend": f"localhost:{mail.ports['lmtp']}", "starttls": "lmtp"})
    out = run("swaks", "--protocol", "LMTP", "-tls", "--server", f"localhost:{daemon.port()}", "--to", "joe@example.org",
              "--from", "ann@example.org", "--body", "by lmtp", "--tls-ca-path", pki.ca_file, "--tls-verify", ok=False)
    assert "Saved" in out, out


def swaks(port, body, *more, ok=True):
    return run("swaks", "--server", f"localhost:{port}", "--ehlo", "me.example.org", "--from", "ann@example.org", "--to",
               "joe@example.org", "--body", body, *more, ok=ok)


def test_exim_behind_culvert_as_server(culvert, service, need, pki):
    """exim itself speaks plain text. swaks and s_client reach it by STARTTLS, and a mail is accepted."""
    need("swaks", "exim4")
    exim = service(starttls.Exim)
    daemon = culvert(service={"backend": exim.address, "starttls": "smtp"})
    out = swaks(daemon.port(), "by culvert", "--tls", "--tls-ca-path", pki.ca_file, "--tls-verify")
    assert "250 STARTTLS" in out and "TLS started" in out and "250 OK id=" in out, out
    assert "STARTTLS" not in out.partition("TLS started")[2], out
    assert [body.strip() for body in exim.mails()] == ["by culvert"]
    assert " <= ann@example.org H=" in exim.log() and "P=esmtp " in exim.log(), exim.log()
    result = s_client(pki, daemon.port(), "smtp", data="EHLO x\\r\\nQUIT\\r\\n")
    assert b"250-mail.example.org Hello x" in result.stdout and b"221 mail.example.org" in result.stdout, result
    said = swaks(daemon.port(), "in plain text", ok=False)
    assert "530" in said and "250 OK id=" not in said, said
    lines = daemon.wait_closed(count=3)
    assert [line.fields.get("tls") for line in lines] == ["TLSv1.3", "TLSv1.3", None], lines
    assert len(exim.mails()) == 1


def test_exim_pipelines_from_the_connect_on(culvert, service, need, pki):
    """exim offers PIPECONNECT: its clients send EHLO and STARTTLS before they have read the greeting."""
    need("exim4")
    exim = service(starttls.Exim)
    daemon = culvert(service={"backend": exim.address, "starttls": "smtp"})
    with connect(daemon.address(), slack(10)) as sock:
        sock.sendall(b"EHLO x\r\nSTARTTLS\r\n")
        got = b""
        while not got.endswith(b"\r\n220 2.0.0 Ready to start TLS\r\n"):
            piece = sock.recv(4096)
            assert piece, got
            got += piece
        assert got.startswith(b"220 mail.example.org ESMTP Exim") and b"250 STARTTLS" in got, got
        with pki.context().wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(b"EHLO x\r\nMAIL FROM:<ann@example.org>\r\nQUIT\r\n")
            got = b""
            while piece := tls.recv(4096):
                got += piece
    assert b"PIPECONNECT" in got and b"250 OK" in got and b"221 mail" in got and b"STARTTLS" not in got, got


def test_exim_behind_culvert_as_client(culvert, service, need, pki):
    """A plain swaks reaches exim's own STARTTLS through culvert, and sees no trace of it."""
    need("swaks", "exim4")
    exim = service(starttls.Exim, pki.ecdsa)
    daemon = culvert(service={"tls": "off", "backend": f"localhost:{exim.port}", "backend-tls": "on",
                              "backend-ca": pki.ca_file, "backend-starttls": "smtp"})
    for number in range(2):
        out = swaks(daemon.port(), f"mail {number}")
        assert "250 OK id=" in out and "STARTTLS" not in out, out
    assert sorted(body.strip() for body in exim.mails()) == ["mail 0", "mail 1"]
    assert exim.log().count("P=esmtps X=TLS1.3:") == 2, exim.log()
    assert [line["backend_tls"] for line in daemon.wait_closed(count=2)] == ["TLSv1.3"] * 2


def test_exim_without_starttls_gets_no_mail(culvert, service, need, pki):
    need("swaks", "exim4")
    exim = service(starttls.Exim)
    daemon = culvert(service={"tls": "off", "backend": f"localhost:{exim.port}", "backend-tls": "on",
                              "backend-ca": pki.ca_file, "backend-starttls": "smtp"})
    assert "250 OK id=" not in swaks(daemon.port(), "secret", ok=False)
    assert daemon.wait_closed()["cause"] == "starttls:refused"
    assert exim.mails() == [] and "<=" not in exim.log()


# --- no way to talk plain past culvert

EARLY = {
    "smtp": (b"EHLO x\r\n", b"STARTTLS\r\n", b"MAIL FROM:<a@b>\r\n"),
    "lmtp": (b"LHLO x\r\n", b"STARTTLS\r\n", b"MAIL FROM:<a@b>\r\n"),
    "imap": (b"a NOOP\r\n", b"b STARTTLS\r\n", b"c LOGIN joe secret\r\n"),
    "pop3": (b"CAPA\r\n", b"STLS\r\n", b"USER joe\r\n"),
    "sieve": (b"NOOP\r\n", b"STARTTLS\r\n", b"LOGOUT\r\n"),
    "ftp": (b"NOOP\r\n", b"AUTH TLS\r\n", b"USER joe\r\n"),
    "nntp": (b"DATE\r\n", b"STARTTLS\r\n", b"GROUP x\r\n"),
    "pgsql": (b"", b"\0\0\0\x08\x04\xd2\x16\x2f", b"\0\0\0\x09\0\x03\0\0\0"),
    "ldap": (b"", b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037", b"\x30\x05\x02\x01\x02\x42\x00"),
    "xmpp": (b"<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' "
             b"version='1.0'>", b"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", b"<presence/>"),
}


class Recorder(Backend):
    """Greets as the protocol wants it, answers every line with success, and keeps what it gets."""

    GREETINGS = {"smtp": b"220 x ESMTP\r\n", "lmtp": b"220 x LMTP\r\n", "imap": b"* OK hi\r\n", "pop3": b"+OK hi\r\n",
                 "sieve": b'"IMPLEMENTATION" "x"\r\n"SIEVE" "fileinto"\r\nOK\r\n', "ftp": b"220 x\r\n",
                 "nntp": b"200 x\r\n"}
    ANSWERS = {b"EHLO": b"250-x\r\n250 HELP\r\n", b"LHLO": b"250-x\r\n250 HELP\r\n", b"CAPA": b"+OK\r\nUSER\r\n.\r\n",
               b"DATE": b"111 20261130120000\r\n"}

    def __init__(self, protocol, **options):
        self.protocol = protocol
        super().__init__(**options)

    def serve(self, connection):
        connection.sock.sendall(self.GREETINGS.get(self.protocol, b""))
        for line in connection.sock.makefile("rb"):
            connection.note(line)
            tag = line.split()[0] if line.split() else b""
            word = tag.upper()
            ok = {"imap": tag + b" OK done\r\n", "pop3": b"+OK\r\n", "sieve": b"OK\r\n"}.get(self.protocol, b"250 ok\r\n")
            connection.sock.sendall(self.ANSWERS.get(word, ok))


@pytest.mark.parametrize("how", ["same segment", "next segment", "within the command"])
@pytest.mark.parametrize("protocol", [*EARLY])
def test_bytes_behind_the_command_are_refused(culvert, backend, pki, protocol, how):
    """Command injection (CVE-2011-0411, CVE-2021-23222): nothing of it reaches the backend or the encrypted part."""
    server = backend(Recorder, protocol)
    daemon = culvert(service={"backend": server.address, "starttls": protocol})
    before, command, injected = EARLY[protocol]
    with connect(daemon.address(), slack(5)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if protocol in Recorder.GREETINGS:
            sock.recv(4096)
        if before:
            sock.sendall(before)
            sock.recv(4096)
        if how == "same segment":
            sock.sendall(command + injected)
        elif how == "next segment":
            sock.sendall(command)
            sock.recv(4096)
            sock.sendall(injected)
        else:
            sock.sendall(command[:3])
            threading.Event().wait(0.05)
            sock.sendall(command[3:] + injected)
        try:
            while sock.recv(4096):
                pass
        except ConnectionResetError:
            pass
    line = daemon.wait_closed()
    wanted = "tls-sent:" if how == "next segment" else "starttls:early-data"
    assert line["cause"].startswith(wanted), line
    for connection in server.connections:
        assert injected not in bytes(connection.data) and b"TARTTLS" not in bytes(connection.data)


@pytest.mark.parametrize("protocol", ["smtp", "imap", "pop3", "ftp", "nntp", "lmtp", "sieve"])
def test_commands_without_tls_are_refused_by_culvert(culvert, backend, pki, protocol):
    """A login in plain text gets the protocol's own refusal, and the backend never sees it."""
    login = {"smtp": b"AUTH PLAIN AGpvZQBzZWNyZXQ=\r\n", "lmtp": b"MAIL FROM:<a@b>\r\n", "imap": b"a LOGIN joe secret\r\n",
             "pop3": b"USER joe\r\n", "ftp": b"USER joe\r\n", "nntp": b"AUTHINFO USER joe\r\n",
             "sieve": b'AUTHENTICATE "PLAIN"\r\n'}[protocol]
    refusal = {"smtp": b"530", "lmtp": b"530", "imap": b"a NO [PRIVACYREQUIRED]", "pop3": b"-ERR", "ftp": b"530",
               "nntp": b"483", "sieve": b"NO"}[protocol]
    server = backend(Recorder, protocol)
    daemon = culvert(service={"backend": server.address, "starttls": protocol})
    with connect(daemon.address(), slack(5)) as sock:
        sock.recv(4096)
        sock.sendall(login)
        assert sock.recv(4096).startswith(refusal)
    daemon.wait_closed()
    assert b"joe" not in bytes(server.connections[0].data) and b"MAIL" not in bytes(server.connections[0].data)


@pytest.mark.parametrize("protocol", ["smtp", "imap", "pop3", "ftp", "nntp"])
def test_a_backend_without_starttls_is_refused(culvert, backend, pki, protocol):
    """backend-starttls never goes on in plain text."""
    server = backend(Refusing, protocol)
    daemon = culvert(service={"tls": "off", "backend": f"localhost:{server.port}", "backend-tls": "on",
                              "backend-ca": pki.ca_file, "backend-starttls": protocol})
    assert exchange(daemon.address(), b"secret\r\n", half_close=False)[0] == b""
    line = daemon.wait_closed()
    assert line["cause"] == "starttls:refused", line
    assert b"secret" not in bytes(server.connections[0].data)


class Refusing(Recorder):
    """Refuses every command."""

    def serve(self, connection):
        connection.sock.sendall(self.GREETINGS[self.protocol])
        for line in connection.sock.makefile("rb"):
            connection.note(line)
            word = line.split()[0]
            answers = {"imap": word + b" BAD no\r\n", "pop3": b"-ERR no\r\n"}
            if word == b"EHLO":
                connection.sock.sendall(b"250 x\r\n")
            else:
                connection.sock.sendall(answers.get(self.protocol, b"500 no\r\n"))


def test_a_client_that_never_asks_for_tls_meets_the_timeout(culvert, backend):
    server = backend(Recorder, "smtp")
    daemon = culvert(service={"backend": server.address, "starttls": "smtp", "handshake-timeout": "400ms"})
    with connect(daemon.address(), slack(5)) as sock:
        assert sock.recv(100).startswith(b"220")
        with pytest.raises(ConnectionResetError):
            sock.recv(100)
    line = daemon.wait_closed()
    assert line["cause"] == "handshake-timeout" and "STARTTLS" in line["detail"], line


# --- through a proxy

class ConnectProxy(Backend):
    """HTTP CONNECT, with the credentials joe:secret if `auth`."""

    def __init__(self, auth=False, **options):
        self.auth, self.requests = auth, []
        super().__init__(**options)

    def serve(self, connection):
        sock, head = connection.sock, b""
        while b"\r\n\r\n" not in head:
            head += sock.recv(4096)
        self.requests.append(head)
        if self.auth and b"Basic am9lOnNlY3JldA==" not in head:
            sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            return
        host, port = head.split()[1].decode().rsplit(":", 1)
        with connect(("127.0.0.1" if host == "localhost" else host, int(port)), 5) as far:
            sock.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n")
            back = threading.Thread(target=pour, args=(far, sock))
            back.start()
            pour(sock, far)
            back.join()


def pour(source, sink):
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass


@pytest.mark.parametrize("auth", [False, True], ids=["open", "with credentials"])
def test_via_an_http_proxy(culvert, backend, pki, workdir, auth):
    server = backend(TlsBackend, pki.ecdsa)
    proxy = backend(ConnectProxy, auth)
    (workdir / "auth").write_text("joe:secret\n")
    options = {"tls": "off", "backend": f"localhost:{server.port}", "backend-tls": "on", "backend-ca": pki.ca_file,
               "via": f"http://127.0.0.1:{proxy.port}"}
    if auth:
        options["via-auth-file"] = workdir / "auth"
    daemon = culvert(service=options)
    with connect(daemon.address(), slack(5)) as sock:
        sock.sendall(b"hello")
        assert sock.recv(100) == b"hello"
    assert server.handshakes[0]["sni"] == "localhost"
    assert proxy.requests[0].startswith(f"CONNECT localhost:{server.port} HTTP/1.1\r\n".encode())
    assert daemon.wait_closed()["backend_tls"] == "TLSv1.3"


def test_via_a_proxy_that_refuses(culvert, backend, pki):
    proxy = backend(ConnectProxy, True)
    daemon = culvert(service={"tls": "off", "backend": "db.example.org:5432", "backend-tls": "on", "backend-ca": pki.ca_file,
                              "via": f"http://127.0.0.1:{proxy.port}"})
    assert exchange(daemon.address(), half_close=False)[0] == b""
    line = daemon.wait_closed()
    assert line["cause"] == "backend-unreachable" and "via-auth-file" in line["detail"], line
