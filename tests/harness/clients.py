# SPDX-License-Identifier: GPL-3.0-or-later
"""TlsClient: a TLS client on an in-memory SSL object, so that the test alone decides how the connection ends."""

import hashlib
import select
import socket
import ssl
import time

from .util import chunks, connect, reset_on_close, slack

_STEP = 1 << 18


class Truncated(Exception):
    """TCP ended with FIN and no close_notify came before."""


class TlsClient:
    """A TLS connection to culvert. A context manager: leaving it closes the socket without close_notify.

    recv() returns b"" for close_notify, raises Truncated for a FIN without one and ConnectionResetError for an RST;
    an alert raises ssl.SSLError. One thread at a time.
    """

    def __init__(self, address, context, name="localhost", session=None, handshake=True, timeout=None, source=None,
                 sndbuf=None, rcvbuf=None):
        self.timeout = timeout or slack(15)
        if source or sndbuf or rcvbuf:
            self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_STREAM)
            if rcvbuf:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
            if sndbuf:
                self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sndbuf)
            if source:
                self.sock.bind(source)
            self.sock.settimeout(self.timeout)
            self.sock.connect(address)
        else:
            self.sock = connect(address, self.timeout)
        if self.sock.family != socket.AF_UNIX:
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name, session=session)
        self.closed_by_peer = False
        if handshake:
            try:
                self.handshake()
            except BaseException:
                self.sock.close()
                raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.sock.close()

    # -- moving bytes ----------------------------------------------------------------------------------------------

    def flush(self):
        """Sends what the SSL object has written."""
        while self.outgoing.pending:
            self.sock.sendall(self.outgoing.read(_STEP))

    def _feed(self):
        data = self.sock.recv(_STEP)
        if not data:
            raise Truncated("FIN without close_notify")
        self.incoming.write(data)

    def _loop(self, call):
        while True:
            try:
                result = call()
                self.flush()
                return result
            except ssl.SSLWantReadError:
                self.flush()
                self._feed()
            except ssl.SSLError:
                try:
                    self.flush()  # an alert of ours may wait; the peer may be gone
                except OSError:
                    pass
                raise

    def handshake(self):
        self._loop(self.tls.do_handshake)

    def send(self, data):
        view = memoryview(data)
        while view:
            view = view[self._loop(lambda: self.tls.write(view[:_STEP])):]

    def recv(self, size=1 << 16):
        """Some bytes; b"" when close_notify came."""
        if self.closed_by_peer:
            return b""
        try:
            data = self._loop(lambda: self.tls.read(size))
        except ssl.SSLZeroReturnError:
            data = b""
        if not data:
            self.closed_by_peer = True
        return data

    def recv_exactly(self, size):
        data = bytearray()
        while len(data) < size:
            piece = self.recv(min(size - len(data), _STEP))
            if not piece:
                raise Truncated(f"close_notify after {len(data)} of {size} bytes")
            data += piece
        return bytes(data)

    def recv_to_end(self):
        """Everything until close_notify."""
        pieces = []
        while True:
            piece = self.recv(_STEP)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)

    def echo(self, data=b"ping"):
        """Sends data and expects the same data back: proves that the tunnel works."""
        self.send(data)
        answer = self.recv_exactly(len(data))
        assert answer == data, (answer[:64], data[:64])

    def outcome(self):
        """How the stream ends from here on: (bytes received, 'close_notify' | 'fin' | 'reset' | 'alert:...')."""
        received = 0
        try:
            while True:
                piece = self.recv(_STEP)
                if not piece:
                    return received, "close_notify"
                received += len(piece)
        except Truncated:
            return received, "fin"
        except (ConnectionResetError, BrokenPipeError):
            return received, "reset"
        except ssl.SSLError as error:
            return received, f"alert:{error.reason}"

    # -- ends ------------------------------------------------------------------------------------------------------

    def close_notify(self):
        """Half-close: sends close_notify and leaves TCP and the reading direction open."""
        try:
            self.tls.unwrap()
        except (ssl.SSLWantReadError, ssl.SSLSyscallError):
            pass
        self.flush()

    def expect_fin(self):
        """After close_notify TCP must end with FIN and nothing more."""
        assert self.sock.recv(1) == b"", "bytes after close_notify"

    def close(self):
        """The orderly end: close_notify, then close."""
        try:
            self.close_notify()
        except (OSError, ssl.SSLError):
            pass
        self.sock.close()

    def close_bare(self):
        """FIN without close_notify."""
        self.sock.close()

    def shutdown_bare(self):
        """FIN without close_notify; the client continues to read."""
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """RST."""
        reset_on_close(self.sock)
        self.sock.close()

    # -- both ways at once -----------------------------------------------------------------------------------------

    def exchange(self, size_out, size_in, seed=0, limit=None):
        """Sends `size_out` pattern bytes while receiving `size_in`: (sha256 of received, bytes received)."""
        outcome = self.exchange_paced(size_out, size_in, seed, limit=limit)
        return outcome["received"], outcome["received_bytes"]

    def exchange_paced(self, size_out, size_in, seed=0, slow_rate=0, slow_seconds=0, limit=None):
        """Sends and receives at once; neither direction waits for the other. `limit` bounds the seconds.

        For the first `slow_seconds` it reads only `slow_rate` bytes a second. Returns the digests of both directions.
        """
        start = time.monotonic()
        deadline = start + (limit or slack(120))
        received_digest, sent_digest, received = hashlib.sha256(), hashlib.sha256(), 0
        source = chunks(size_out, seed=seed)
        plain, sealed = memoryview(b""), memoryview(b"")
        done_sending = False
        self.sock.setblocking(False)
        poller = select.poll()
        poller.register(self.sock, 0)
        while not (done_sending and received >= size_in):
            if not sealed and not done_sending:
                if not plain:
                    plain = next(source, None)
                if plain is None:
                    done_sending = True
                    continue
                written = self.tls.write(plain)
                sent_digest.update(plain[:written])
                plain = plain[written:]
                sealed = memoryview(self.outgoing.read())
            now = time.monotonic()
            step, wait = _STEP, deadline - now
            if now - start < slow_seconds:
                step = int((now - start) * slow_rate) - received
                if step < 4096:
                    step, wait = 0, 0.05
            wanted = (select.POLLIN if step and received < size_in else 0) | (select.POLLOUT if sealed else 0)
            poller.modify(self.sock, wanted)
            ready = poller.poll(max(0, wait * 1000))
            if not ready:
                if now >= deadline:
                    raise TimeoutError(f"stuck: received {received} of {size_in}, all sent: {done_sending}")
                continue
            if ready[0][1] & select.POLLOUT and sealed:
                try:
                    sealed = sealed[self.sock.send(sealed):]
                except BlockingIOError:
                    pass
            if ready[0][1] & (select.POLLIN | select.POLLERR | select.POLLHUP) and received < size_in and step:
                received += self._drain(received_digest, min(step, _STEP))
        self.sock.settimeout(self.timeout)
        while sealed:
            sealed = sealed[self.sock.send(sealed):]
        return {"sent": sent_digest.hexdigest(), "received": received_digest.hexdigest(), "received_bytes": received}

    def _drain(self, digest, step):
        try:
            data = self.sock.recv(step)
        except BlockingIOError:
            return 0
        if not data:
            raise Truncated("FIN without close_notify")
        self.incoming.write(data)
        received = 0
        while True:
            try:
                piece = self.tls.read(_STEP)
            except ssl.SSLWantReadError:
                return received
            except ssl.SSLZeroReturnError:
                piece = b""
            if not piece:
                self.closed_by_peer = True
                raise Truncated(f"close_notify after {received} bytes of this turn")
            digest.update(piece)
            received += len(piece)
