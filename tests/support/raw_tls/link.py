# SPDX-License-Identifier: GPL-3.0-or-later
"""One TCP (or UNIX) connection with every way to end it: FIN, RST, silence. Tells EOF from RST when reading."""

import errno
import select
import socket
import struct
import time


class Ended(Exception):
    """The peer ended the stream; `how` is "eof" (FIN) or "reset" (RST)."""

    def __init__(self, how):
        super().__init__(how)
        self.how = how


class Link:
    """A connected socket. `address` is (host, port) or a UNIX socket path; `rcvbuf` bounds what the kernel takes for
    a client that does not read (set before connecting, so that the window is small from the start)."""

    def __init__(self, address, timeout=10.0, rcvbuf=None, sndbuf=None, source=None):
        self.timeout = timeout
        self.how_ended = None
        if isinstance(address, str):
            self.sock = socket.socket(socket.AF_UNIX)
        else:
            self.sock = socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if sndbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sndbuf)
        if source:
            self.sock.bind(source)
        self.sock.settimeout(timeout)
        self.sock.connect(address)
        if not isinstance(address, str):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()

    @classmethod
    def accepted(cls, sock, timeout=10.0):
        """A Link over a connection that a listener has accepted."""
        self = cls.__new__(cls)
        self.timeout, self.how_ended, self.sock, self.buffer = timeout, None, sock, bytearray()
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def local(self):
        return self.sock.getsockname()

    def send(self, data, timeout=None):
        """Sends all of `data`; raises Ended when the peer has reset, TimeoutError when it takes nothing more."""
        self.sock.settimeout(self.timeout if timeout is None else timeout)
        try:
            self.sock.sendall(data)
        except (ConnectionResetError, BrokenPipeError) as error:
            self.how_ended = "reset"
            raise Ended("reset") from error

    def send_some(self, data):
        """Gives the kernel what it takes at once; the number of bytes, 0 when the send buffer is full."""
        self.sock.setblocking(False)
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0
        except (ConnectionResetError, BrokenPipeError) as error:
            self.how_ended = "reset"
            raise Ended("reset") from error

    def send_pieces(self, data, size=1, interval=0.0):
        """Sends `data` in segments of `size` bytes, `interval` seconds apart."""
        for at in range(0, len(data), size):
            self.send(data[at:at + size])
            if interval:
                time.sleep(interval)

    def _receive(self, timeout):
        if self.how_ended:
            raise Ended(self.how_ended)
        self.sock.settimeout(max(timeout, 0.001))
        try:
            data = self.sock.recv(1 << 18)
        except OSError as error:
            if isinstance(error, TimeoutError):
                raise
            if error.errno in (errno.ECONNRESET, errno.EPIPE):
                self.how_ended = "reset"
                raise Ended("reset") from error
            raise
        if not data:
            self.how_ended = "eof"
            raise Ended("eof")
        self.buffer += data

    def read_exact(self, count, deadline):
        """`count` bytes, left in the buffer on failure; `deadline` is of time.monotonic()."""
        self.peek_exact(count, deadline)
        out = bytes(self.buffer[:count])
        del self.buffer[:count]
        return out

    def peek_exact(self, count, deadline):
        while len(self.buffer) < count:
            self._receive(deadline - time.monotonic())
        return bytes(self.buffer[:count])

    def read_to_end(self, timeout=None):
        """All raw bytes until the peer ends, and how it ended: ("...", "eof" | "reset")."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                self._receive(deadline - time.monotonic())
            except Ended as end:
                out, self.buffer = bytes(self.buffer), bytearray()
                return out, end.how

    def wait_reset(self, timeout=None):
        """True when the connection is reset within `timeout`, also after an EOF was read."""
        poll = select.poll()
        poll.register(self.sock, select.POLLERR)
        for _, events in poll.poll((self.timeout if timeout is None else timeout) * 1000):
            if events & select.POLLERR:
                return True
        return self.how_ended == "reset"

    def fin(self):
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self):
        """Ends the connection with RST, throwing away what was not sent."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self):
        self.sock.close()
