# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain backends with different behaviour. Each listens on a free loopback port (or a UNIX socket) and serves every
connection in a thread of its own. The fixture that made a backend stops it."""

import hashlib
import os
import select
import socket
import ssl
import threading
import time

from .util import chunks, eventually, reset_on_close, slack

_STEP = 1 << 18


def _listener(path, host, port, backlog):
    if path:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        sock.bind(path)
    else:
        sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((host, port))
    sock.listen(backlog)
    return sock


class Connection:
    """One accepted connection and how it ended: `end` is 'fin', 'reset', or None while the connection is open."""

    def __init__(self, sock, peer, number):
        self.sock, self.peer, self.number = sock, peer, number
        self.received = 0
        self.digest = hashlib.sha256()
        self.end = None
        self.data = bytearray()  # the first 64 KiB
        self.started = time.monotonic()
        self.ended = None

    def note(self, piece):
        self.received += len(piece)
        self.digest.update(piece)
        if len(self.data) < 65536:
            self.data += piece[:65536 - len(self.data)]

    def read_to_end(self, step=_STEP):
        """Reads and hashes until FIN or RST; sets and returns `end`."""
        buffer = bytearray(step)
        view = memoryview(buffer)
        while True:
            try:
                size = self.sock.recv_into(buffer)
            except (ConnectionResetError, TimeoutError) as error:
                self.end = "reset" if isinstance(error, ConnectionResetError) else "timeout"
                break
            if not size:
                self.end = "fin"
                break
            self.note(view[:size])
        self.ended = time.monotonic()
        return self.end

    def reset(self):
        reset_on_close(self.sock)
        self.sock.close()

    @property
    def sha256(self):
        return self.digest.hexdigest()

    def wait_end(self, timeout=10):
        return eventually(lambda: self.end, timeout, "the backend's connection to end")


class Backend:
    """Base: `serve(connection)` runs in a thread for every connection; the socket is closed when it returns."""

    def __init__(self, serve=None, path=None, host="127.0.0.1", port=0, backlog=1024, rcvbuf=None):
        if serve:
            self.serve = serve
        self.path = path
        self.listener = _listener(path, host, port, backlog)
        if rcvbuf:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.host, self.port = (None, None) if path else self.listener.getsockname()[:2]
        self.connections = []
        self.errors = []
        self.stopping = threading.Event()
        self._threads = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def address(self):
        if self.path:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def serve(self, connection):
        raise NotImplementedError

    def _accept(self):
        while not self.stopping.is_set():
            try:
                if not select.select([self.listener], [], [], 0.1)[0]:
                    continue
                sock, peer = self.listener.accept()
            except (OSError, ValueError):
                return
            sock.settimeout(slack(60))
            connection = Connection(sock, peer, len(self.connections))
            self.connections.append(connection)
            thread = threading.Thread(target=self._run, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _run(self, connection):
        try:
            self.serve(connection)
        except OSError as error:
            if connection.end is None:
                connection.end = "reset" if isinstance(error, (ConnectionResetError, BrokenPipeError)) else str(error)
        except Exception as error:  # a bug of the test: shown by stop(), unless stop() itself cut the dialog off
            if not self.stopping.is_set():
                self.errors.append(error)
        finally:
            if connection.end is None:
                connection.end = "closed"
            connection.ended = connection.ended or time.monotonic()
            connection.sock.close()

    def wait_connection(self, index=0, timeout=5):
        eventually(lambda: len(self.connections) > index, timeout, f"connection {index} at the backend")
        return self.connections[index]

    def stop(self):
        """Closes the listener and every connection."""
        self.stopping.set()
        self._acceptor.join()
        self.listener.close()
        for connection in self.connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(slack(5))
        if self.path and os.path.exists(self.path):
            os.unlink(self.path)
        if self.errors:
            raise self.errors[0]


class Echo(Backend):
    """Sends back what it receives; after the peer's FIN it sends its own FIN."""

    def serve(self, connection):
        sock = connection.sock
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1) if not self.path else None
        while True:
            data = sock.recv(_STEP)
            if not data:
                connection.end = "fin"
                return
            connection.note(data)
            sock.sendall(data)


class Sink(Backend):
    """Reads and hashes everything until the end; sends nothing."""

    def serve(self, connection):
        connection.read_to_end()


class Source(Backend):
    """Sends `size` pattern bytes at once, then ends as `then` says: 'fin', 'reset', or 'hold' (reads to the end)."""

    def __init__(self, size, then="fin", seed=0, **options):
        self.size, self.then, self.seed = size, then, seed
        super().__init__(**options)

    def serve(self, connection):
        for chunk in chunks(self.size, seed=self.seed):
            connection.sock.sendall(chunk)
        if self.then == "reset":
            connection.reset()
        elif self.then == "fin":
            connection.sock.shutdown(socket.SHUT_WR)
            connection.read_to_end()
        else:
            connection.read_to_end()


class TlsBackend(Backend):
    """A TLS server by OpenSSL, which echoes. `handshakes` has one entry a connection: the name that the client sent, and
    what was negotiated, or the error."""

    def __init__(self, credential, context=None, serve=None, **options):
        self.context = context or ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(credential.both if os.path.exists(credential.both) else credential.cert)
        self.context.sni_callback = self._note_name
        self.handshakes = []
        self._serve_tls = serve or self._echo
        self._names = threading.local()
        super().__init__(**options)

    def _note_name(self, _, name, __):
        self._names.name = name

    def serve(self, connection):
        plain = connection.sock
        self._names.name = None
        try:
            tls = self.context.wrap_socket(plain, server_side=True, suppress_ragged_eofs=False)
        except (OSError, ssl.SSLError) as error:
            connection.note(b"")
            self.handshakes.append({"error": str(error)})
            connection.end = "failed"
            return
        connection.sock = tls
        self.handshakes.append({"sni": self._names.name, "version": tls.version(), "resumed": tls.session_reused,
                                "alpn": tls.selected_alpn_protocol(), "client": tls.getpeercert(True),
                                "suite": tls.cipher()[0]})
        try:
            self._serve_tls(connection, tls)
        except ssl.SSLEOFError:
            connection.end = "truncated"

    @staticmethod
    def _echo(connection, tls):
        while True:
            data = tls.recv(_STEP)
            if not data:
                connection.end = "close_notify"
                try:
                    tls.unwrap()
                except OSError:
                    pass
                return
            connection.note(data)
            tls.sendall(data)


class HalfCloser(Backend):
    """Sends `greeting`, then its FIN at once, and reads and hashes to the end."""

    def __init__(self, greeting=b"hello", **options):
        self.greeting = greeting
        super().__init__(**options)

    def serve(self, connection):
        connection.sock.sendall(self.greeting)
        connection.sock.shutdown(socket.SHUT_WR)
        connection.read_to_end()


class Resetter(Backend):
    """Reads `after` bytes (0: at once), sends `reply`, waits until the peer's kernel has it, then sends an RST."""

    def __init__(self, after=0, reply=b"", **options):
        self.after, self.reply = after, reply
        super().__init__(**options)

    def serve(self, connection):
        while connection.received < self.after:
            data = connection.sock.recv(_STEP)
            if not data:
                connection.end = "fin"
                return
            connection.note(data)
        if self.reply:
            connection.sock.sendall(self.reply)
            eventually(lambda: _unsent(connection.sock) == 0, 5, "the reply to be acknowledged")
        connection.reset()
        connection.end = "sent-reset"


def _unsent(sock):
    import fcntl
    import struct
    import termios
    return struct.unpack("i", fcntl.ioctl(sock, termios.TIOCOUTQ, b"\0\0\0\0"))[0]


class Hanger(Backend):
    """Accepts and never reads nor writes until `release` is set; then reads to the end."""

    def __init__(self, **options):
        self.release = threading.Event()
        super().__init__(**options)

    def serve(self, connection):
        while not self.release.wait(0.05):
            if self.stopping.is_set():
                return
        connection.read_to_end()


class BurstReader(Backend):
    """Sends `size` pattern bytes and reads at the same time, in bursts: `burst` bytes, then a pause."""

    def __init__(self, size, burst=1 << 20, pause=0.2, seed=0, **options):
        self.size, self.burst, self.pause, self.seed = size, burst, pause, seed
        super().__init__(**options)

    def _send(self, connection):
        try:
            for chunk in chunks(self.size, seed=self.seed):
                connection.sock.sendall(chunk)
            connection.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def serve(self, connection):
        sender = threading.Thread(target=self._send, args=(connection,), daemon=True)
        sender.start()
        while True:
            burst = 0
            while burst < self.burst:
                try:
                    data = connection.sock.recv(_STEP)
                except ConnectionResetError:
                    connection.end = "reset"
                    return
                if not data:
                    connection.end = "fin"
                    sender.join()
                    return
                burst += len(data)
                connection.note(data)
            self.stopping.wait(self.pause)


class Refuser:
    """A port that is reserved but refuses; open() makes it an Echo (or what `make` builds) on the same port."""

    def __init__(self, host="127.0.0.1"):
        self.reserved = socket.socket()
        self.reserved.bind((host, 0))
        self.host, self.port = self.reserved.getsockname()
        self.backend = None

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def open(self, make=Echo):
        self.reserved.close()
        self.backend = make(host=self.host, port=self.port)
        return self.backend

    def stop(self):
        self.reserved.close()
        if self.backend:
            self.backend.stop()


class Blackhole:
    """A port on which a connect neither succeeds nor fails: a listener whose backlog is full."""

    def __init__(self, host="127.0.0.1"):
        self.listener = socket.socket()
        self.listener.bind((host, 0))
        self.listener.listen(0)
        self.host, self.port = self.listener.getsockname()
        self.fillers = []
        while True:
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex((self.host, self.port))
            self.fillers.append(filler)
            if not select.select([], [filler], [], 0.3)[1]:
                break

    @property
    def address(self):
        return f"{self.host}:{self.port}"

    def stop(self):
        for sock in [*self.fillers, self.listener]:
            sock.close()
