# SPDX-License-Identifier: GPL-3.0-or-later
"""A client of the admin and metrics doors."""

import contextlib
import ctypes
import http.client
import json
import os
import signal
import socket
import urllib.parse

from .util import slack

ADMIN = {"admin": "127.0.0.1:0"}
BOTH = {"admin": "127.0.0.1:0", "metrics": "127.0.0.1:0"}


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Answer:
    def __init__(self, response):
        self.status, self.headers, self.body = response.status, dict(response.getheaders()), response.read()

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Door:
    """One door of a daemon: `admin` or `metrics`."""

    def __init__(self, daemon, kind="admin"):
        self.daemon, self.kind = daemon, kind

    @property
    def address(self):
        """The last address that the daemon has logged for the door."""
        found = [one for one in self.daemon.log_lines() if "http listening" in one and one["door"] == self.kind]
        assert found, f"the door {self.kind} is not open"
        return found[-1]["address"]

    def request(self, method, path, params=None, headers=None, body=None, timeout=30):
        address = self.address
        if params:
            path += "?" + urllib.parse.urlencode(params)
        if address.startswith("unix:"):
            connection = _UnixConnection(address[5:], slack(timeout))
        else:
            host, _, port = address.rpartition(":")
            connection = http.client.HTTPConnection(host.strip("[]").replace("*", "127.0.0.1"), int(port), timeout=slack(timeout))
        with contextlib.closing(connection):
            connection.request(method, path, body=body, headers=headers or {})
            return Answer(connection.getresponse())

    def get(self, path, status=200, **params):
        answer = self.request("GET", path, params)
        assert answer.status == status, f"{path}: {answer.status} {answer.text[:500]}"
        return answer.json if answer.headers["Content-Type"].startswith("application/json") else answer.text

    def post(self, path, status=200, **params):
        answer = self.request("POST", path, params, {"Culvert-Admin": "1"})
        assert answer.status == status, f"{path}: {answer.status} {answer.text[:500]}"
        return answer.json

    def tunnels(self, **params):
        return self.get("/tunnels", **params)["tunnels"]


# -- a thread that stands still ------------------------------------------------------------------------------------

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_ATTACH, _DETACH = 16, 17
_WALL = 0x40000000


@contextlib.contextmanager
def stopped_thread(daemon, name):
    """Stops one thread of the daemon, as a debugger does; the others run on."""
    task = next(number for number, thread in daemon.proc.threads().items() if thread == name)
    if _LIBC.ptrace(_ATTACH, int(task), None, None) != 0:
        raise OSError(ctypes.get_errno(), "ptrace")
    os.waitpid(int(task), _WALL)
    try:
        yield
    finally:
        _LIBC.ptrace(_DETACH, int(task), None, None)


def may_trace():
    """True if this user may stop threads of its own processes."""
    child = os.fork()
    if child == 0:
        signal.pause()
        os._exit(0)
    try:
        if _LIBC.ptrace(_ATTACH, child, None, None) != 0:
            return False
        os.waitpid(child, _WALL)
        _LIBC.ptrace(_DETACH, child, None, None)
        return True
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
