# SPDX-License-Identifier: GPL-3.0-or-later
"""culvertctl, and an HTTP server that answers as the daemon's admin endpoint does."""

import http.server
import json
import os
import pathlib
import socket
import socketserver
import subprocess
import threading
import urllib.parse

from .daemon import clean_environment
from .util import BINARY, slack


def _program():
    return pathlib.Path(os.environ.get("CULVERTCTL") or BINARY.parent / "culvertctl")


CULVERTCTL = _program()


def run_ctl(*args, env=None, admin=None, timeout=30, stdin=subprocess.DEVNULL, **options):
    """Runs culvertctl to its end: a CompletedProcess with text output."""
    where = ["--admin", admin] if admin else []
    return subprocess.run([str(CULVERTCTL), *where, *map(str, args)], env=clean_environment(env), text=True, stdin=stdin,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=slack(timeout), check=False, **options)


def tunnel(number, **changes):
    """One entry of /tunnels."""
    entry = {"id": number, "service": "web", "client": f"192.0.2.{number % 250}:40{number:03}", "backend": "10.0.0.1:80",
             "sni": f"host{number}.example", "alpn": "h2", "tls": "TLSv1.3", "suite": "TLS_AES_128_GCM_SHA256", "group": "x25519",
             "resumed": False, "state": "relay", "bytes_in": 1000 * number, "bytes_out": 2048 * number, "waiting_in": 0,
             "waiting_out": 0, "client_blocked_ms": 0, "backend_blocked_ms": 0, "handshake_ms": 1.5, "connect_ms": 0.3,
             "blocked": "", "blocked_for_ms": 0, "idle_ms": 400, "start": "2026-12-01T10:00:00.000Z", "total_ms": 60000 * number,
             "worker": 0, "rate_in": None, "rate_out": None}
    return entry | changes


def status(**changes):
    """The answer of /status of a daemon that has no problem."""
    timing = {"count": 10, "sum_us": 20000, "p50_us": 1200, "p90_us": 2400, "p99_us": 9100}
    answer = {"version": "0.1.0", "tls": "wolfSSL 5.9.2", "process": 4711, "started": "2026-12-01T09:00:00Z", "uptime_s": 11523,
              "file": "/etc/culvert/culvert.ini", "ready": {"ok": True, "why": ""}, "live": {"ok": True, "why": ""},
              "draining": False, "workers": [{"worker": 0, "tunnels": 2, "busy_ms": 5}, {"worker": 1, "tunnels": 1, "busy_ms": 5}],
              "tunnels": {"open": 3, "limit": 10000}, "services": 2,
              "listening": [{"service": "web", "address": "*:443", "away": False},
                            {"service": "redis", "address": "127.0.0.1:6380", "away": True}],
              "log_level": "info", "log_level_until": None, "loaded": "2026-12-01T09:00:00Z", "last_reload": None, "problems": [],
              "recent": [], "counters": {"accepted": 1234567, "bytes_in": 1300000, "bytes_out": 5 << 30},
              "closed_by_cause": {"client-fin": 100, "idle": 7}, "timings": {"handshake_full": timing}}
    return answer | changes


class AdminStub:
    """Answers as the admin endpoint. `answers[(method, path)]` is an object for JSON, a text, or (status, body, type); a
    callable gets the query and returns one of these. `requests` are (method, path, query, headers)."""

    def __init__(self, path=None):
        self.path, self.answers, self.requests = path, {}, []
        self._server, self._port = None, 0
        self.start()

    @property
    def admin(self):
        return f"unix:{self.path}" if self.path else f"127.0.0.1:{self._port}"

    def start(self):
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                stub._answer(self)

            do_POST = do_GET

            def address_string(self):
                return "client"

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
            address_family = socket.AF_UNIX if stub.path else socket.AF_INET
            allow_reuse_address = daemon_threads = True

        if self.path and os.path.exists(self.path):
            os.unlink(self.path)
        self._server = Server(str(self.path) if self.path else ("127.0.0.1", self._port), Handler)
        if not self.path:
            self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self._server is None:
            return
        self._server.shutdown()
        self._server.server_close()
        if self.path:
            os.unlink(self.path)
        self._server = None

    def _answer(self, handler):
        url = urllib.parse.urlsplit(handler.path)
        path, query = urllib.parse.unquote(url.path), urllib.parse.parse_qsl(url.query, keep_blank_values=True)
        self.requests.append((handler.command, path, dict(query), dict(handler.headers)))
        answer = self.answers.get((handler.command, path), (404, {"error": f"there is no {path}"}))
        if callable(answer):
            answer = answer(dict(query))
        if isinstance(answer, str):
            answer = (200, answer, "text/plain")
        if not isinstance(answer, tuple):
            answer = (200, answer)
        code, body, kind = (*answer, "application/json")[:3]
        data = (body if isinstance(body, str) else json.dumps(body)).encode()
        handler.send_response(code)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("Connection", "close")
        handler.end_headers()
        handler.wfile.write(data)
        handler.close_connection = True
