# SPDX-License-Identifier: GPL-3.0-or-later
"""AdminStub answers like the admin door of culvert, with moving numbers and with states that are hard to provoke in a daemon.

Tests of the page use it where a daemon would need minutes or luck: an expired certificate, thousands of tunnels, a server name
that is HTML. `requests` records what the page sent."""

import base64
import http.server
import ipaddress
import json
import os
import threading
import time
import urllib.parse

from .util import ROOT

PAGE = ROOT / "src" / "admin" / "page" / "index.html"
POLICY = ("default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; img-src data:; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'")
COUNTS = ("accepted", "bytes_in", "bytes_out", "handshakes_full", "handshakes_resumed", "handshakes_failed")


def rfc3339(seconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class Refused(Exception):
    def __init__(self, status, words):
        super().__init__(words)
        self.status = status


class AdminStub:
    """The state behind the stub. Thread: any; `lock` guards everything that changes."""

    def __init__(self):
        self.lock = threading.RLock()
        self.requests = []
        self.port = 0
        self.server = None
        self.problems, self.recent, self.certificates = [], [], []
        self.services, self.backends, self.tunnels = {}, [], {}
        self.reload_answer = {"done": True, "services": {"added": [], "changed": [], "removed": []},
                              "listeners": {"added": [], "removed": []}, "certificates": [], "global": [], "errors": [], "warnings": []}
        self.ready, self.draining = {"ok": True, "why": ""}, False
        self.level, self.level_until, self.last_reload = "info", None, None
        self.causes, self.busy = {}, True
        self._next = 1

    # -- what a test arranges --------------------------------------------------------------------------------------------

    def start(self):
        """Listens on the port of the start before, or on a free one."""
        self.started = time.time()
        self.history = [self._sample(self.started - age, age) for age in range(240, 0, -1)]
        handler = type("Handler", (_Handler,), {"stub": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}/"

    def add_service(self, name, state="up", why="", backends=("10.20.0.11:6379",), days_left=61, tls="on", **more):
        up = 0 if state == "down" else len(backends) - (state == "degraded")
        self.services[name] = {
            "service": name, "state": state, "why": why, "listening": more.pop("listening", [f"0.0.0.0:{6400 + len(self.services)}"]),
            "tls": tls, "backend_tls": False, "starttls": "off", "tunnels": 0, "accepted": 5120, "bytes_in": 81_000_000,
            "bytes_out": 920_000_000, "handshakes_ok": 5102, "handshakes_failed": 18, "handshakes_resumed": 3311, "refused": 0,
            "backend_failures": 0 if up == len(backends) else 12, "backends_up": up, "backends": len(backends), "certificates": 1,
            "days_left": days_left, **more}
        for place, backend in enumerate(backends):
            good = place < up
            self.backends.append({"service": name, "backend": backend, "name": f"cache-{place + 1}", "state": "up" if good else "failing",
                                  "tunnels": 14 + place, "weight": 1, "check": "up" if good else "down",
                                  "error": "" if good else "connect: connection refused", "since_s": 4000 if good else 95})
        if days_left is not None:
            self.certificates.append({
                "service": name, "kind": "server", "subject": f"CN={name}.example.net", "issuer": "CN=Example Issuing CA 3", "serial": "04:a1:77",
                "names": [f"{name}.example.net", f"{name}.internal.example.net"], "not_before": rfc3339(time.time() - 30 * 86400),
                "not_after": rfc3339(time.time() + days_left * 86400), "days_left": days_left, "key": "P-256",
                "files": [f"/etc/culvert/tls/{name}.pem"], "refused": ""})

    def add_tunnel(self, service, client="198.51.100.7:50122", sni="", **more):
        with self.lock:
            number, self._next = self._next, self._next + 1
            self.tunnels[number] = {
                "id": number, "service": service, "client": client, "backend": "10.20.0.11:6379", "sni": sni, "alpn": "redis", "tls": "1.3",
                "suite": "TLS_AES_128_GCM_SHA256", "group": "X25519", "resumed": number % 3 == 0, "backend_tls": False, "state": "relay",
                "bytes_in": 1000 * number, "bytes_out": 41_000 * number, "waiting_in": 0, "waiting_out": 0, "client_blocked_ms": 0,
                "backend_blocked_ms": 0, "handshake_ms": 1.9, "connect_ms": 0.4, "blocked": "", "blocked_for_ms": 0, "idle_ms": 120,
                "start": rfc3339(time.time() - 37 * number), "total_ms": 37_000 * number, "worker": number % 2, "rate_in": None, "rate_out": None,
                **more}
            return number

    # -- answers ---------------------------------------------------------------------------------------------------------

    def _sample(self, when, seed):
        """One second of history: a slow wave with some noise, the same for the same seed."""
        wave = abs((seed * 7919) % 97 - 48) / 48 + abs(seed % 80 - 40) / 20
        full = int(14 + 9 * wave)
        return [int(when), 40 + int(3 * wave), full, int(2.1e6 * (0.6 + wave)), int(1.5e7 * (0.4 + wave)), full, int(full * 1.8),
                1 if seed % 23 == 0 else 0, None if seed % 31 == 0 else int(1500 + 500 * wave), None if seed % 31 == 0 else int(3300 + 2600 * wave)]

    def move(self):
        """What has happened since the last request: the numbers of open tunnels and of the history grow."""
        while self.history[-1][0] < int(time.time()):
            when = self.history[-1][0] + 1
            self.history = (self.history + [self._sample(when, when)])[-300:]
            for tunnel in self.tunnels.values() if self.busy else ():
                tunnel["rate_in"], tunnel["rate_out"] = 900 * (tunnel["id"] % 7), 31_000 * (tunnel["id"] % 5)
                tunnel["bytes_in"] += tunnel["rate_in"]
                tunnel["bytes_out"] += tunnel["rate_out"]
                tunnel["total_ms"] += 1000
            for service in self.services.values() if self.busy else ():
                service["bytes_in"] += 1_200_000
                service["bytes_out"] += 9_800_000
        for service in self.services.values():
            service["tunnels"] = sum(tunnel["service"] == service["service"] for tunnel in self.tunnels.values())

    def get(self, path, query):
        with self.lock:
            self.move()
            if path == "/status":
                return self.status()
            if path == "/history":
                return {"interval_s": 1, "fields": ["time", "tunnels", *COUNTS, "handshake_p50_us", "handshake_p99_us"], "samples": self.history}
            if path == "/services":
                names = [name for name in sorted(self.services) if query.get("service", name) == name and name > query.get("after", "")]
                limit = int(query.get("limit", 1000))
                return {"services": [self.services[name] for name in names[:limit]], "more": len(names) > limit}
            if path == "/backends":
                return {"backends": [one for one in self.backends if one["service"] == query.get("service", one["service"])]}
            if path == "/certificates":
                return {"certificates": [one for one in self.certificates if one["service"] == query.get("service", one["service"])]}
            if path == "/tunnels":
                return self.matching(query)
        raise Refused(404, f"no {path}; allowed: GET /status, /history, /services, /backends, /certificates, /tunnels")

    def status(self):
        return {
            "version": "0.1.0", "tls": "wolfSSL 5.9.2", "process": 4711 + int(self.started) % 1000, "started": rfc3339(self.started - 11_650),
            "uptime_s": int(time.time() - self.started) + 11_650, "file": "/etc/culvert/culvert.ini", "ready": self.ready,
            "live": {"ok": True, "why": ""}, "draining": self.draining, "workers": [{"worker": n, "tunnels": 20, "busy_ms": 0} for n in (0, 1)],
            "tunnels": {"open": len(self.tunnels), "limit": 20_000}, "services": len(self.services), "listening": [],
            "log_level": self.level, "log_level_until": self.level_until, "loaded": rfc3339(self.started - 2_400),
            "last_reload": self.last_reload, "problems": self.problems, "recent": self.recent, "counters": {"accepted": 5120},
            "closed_by_cause": self.causes, "timings": {
                "handshake_full": {"count": 5102, "sum_us": 9_600_000, "p50_us": 1720, "p90_us": 2950, "p99_us": 6100},
                "handshake_resumed": {"count": 3311, "sum_us": 1_900_000, "p50_us": 480, "p90_us": 820, "p99_us": 1900},
                "connect": {"count": 5090, "sum_us": 2_100_000, "p50_us": 390, "p90_us": 700, "p99_us": 52_000}}}

    def matching(self, query):
        found = list(self.tunnels.values())
        if "id" in query:
            found = [tunnel for tunnel in found if tunnel["id"] == int(query["id"])]
        if "service" in query:
            found = [tunnel for tunnel in found if tunnel["service"] == query["service"]]
        if "sni" in query:
            found = [tunnel for tunnel in found if query["sni"].lower() in tunnel["sni"].lower()]
        if "client" in query:
            try:
                network = ipaddress.ip_network(query["client"], strict=False)
            except ValueError:
                raise Refused(400, f"client={query['client']} is not a network; allowed: 192.0.2.0/24, 2001:db8::/32, an address") from None
            found = [tunnel for tunnel in found if ipaddress.ip_address(tunnel["client"].rpartition(":")[0].strip("[]")) in network]
        if "blocked" in query:
            found = [tunnel for tunnel in found if tunnel["blocked"] and query["blocked"] in ("any", tunnel["blocked"])]
        keys = {"age": "total_ms", "bytes": "bytes_out", "blocked": "blocked_for_ms", "idle": "idle_ms"}
        if query.get("sort", "id") != "id":
            found.sort(key=lambda tunnel: -tunnel[keys[query["sort"]]])
        limit = int(query.get("limit", 100))
        answer = [dict(tunnel) for tunnel in found[:limit]]
        for tunnel in answer if query.get("tcp") == "1" else ():
            tunnel["tcp"] = {side: {"rtt_us": 18_000 + 900 * len(side), "rtt_var_us": 2100, "cwnd": 10, "retransmits": 0, "unacked": 2, "lost": 0,
                                    "not_sent": 0, "unread": 0, "state": "established"} for side in ("client", "backend")}
        return {"tunnels": answer, "matched": len(found) if query.get("sort", "id") != "id" else len(answer), "more": len(found) > limit, "after": answer[-1]["id"] if answer else 0}

    def post(self, path, query):
        parts = path.strip("/").split("/")
        with self.lock:
            if path == "/reload":
                answer = {**self.reload_answer, "time": rfc3339(time.time())}
                self.last_reload = answer
                return answer
            if path == "/drain":
                self.draining, self.ready = True, {"ok": False, "why": "draining"}
                return {"draining": True, "tunnels": len(self.tunnels)}
            if path == "/log-level":
                default = query["level"] == "default"
                self.level, self.level_until = "info" if default else query["level"], rfc3339(time.time() + 600) if "for" in query else None
                return {"level": self.level, "until": self.level_until}
            if path == "/tunnels/close":
                if not query:
                    raise Refused(400, "no filter; allowed: a filter of GET /tunnels, or all=1")
                gone = [tunnel["id"] for tunnel in self.matching({**query, "limit": "100000"})["tunnels"]]
                for number in gone:
                    del self.tunnels[number]
                return {"closed": len(gone)}
            if len(parts) == 3 and parts[0] == "tunnels" and parts[2] == "close":
                if self.tunnels.pop(int(parts[1]), None) is None:
                    raise Refused(404, f"no tunnel {parts[1]}")
                return {"closed": 1}
            if len(parts) == 3 and parts[0] == "services" and parts[2] == "drain":
                service = self.services.get(parts[1])
                if service is None:
                    raise Refused(404, f"no service {parts[1]}")
                service["state"] = "draining"
                return {"service": parts[1], "tunnels": service["tunnels"], "listeners_closed": service["listening"], "listeners_shared": []}
        raise Refused(404, f"no {path}")


class _Handler(http.server.BaseHTTPRequestHandler):
    stub = None

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.serve(self.stub.get)

    def do_POST(self):
        self.serve(self.stub.post)

    def serve(self, answer):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        path = urllib.parse.unquote(url.path)
        with self.stub.lock:
            self.stub.requests.append((self.command, path, query))
        if self.command == "GET" and path == "/":
            nonce = base64.b64encode(os.urandom(16)).decode()
            return self.reply(200, PAGE.read_text().replace("{{nonce}}", nonce), "text/html; charset=utf-8", POLICY.format(nonce))
        if self.headers.get("Host") not in (f"127.0.0.1:{self.stub.port}", f"localhost:{self.stub.port}"):
            return self.refuse(421, "this is another host")
        if self.command == "POST" and self.headers.get("Culvert-Admin") != "1":
            return self.refuse(403, "the header Culvert-Admin: 1 is missing")
        try:
            found = answer(path, query)
            return self.reply(422 if found.get("done") is False else 200, json.dumps(found))
        except Refused as refused:
            return self.refuse(refused.status, str(refused))

    def refuse(self, status, words):
        self.reply(status, json.dumps({"error": words}))

    def reply(self, status, text, kind="application/json", policy=None):
        body = text.encode()
        try:
            self.send_response(status)
            for name, value in (("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store"),
                                ("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", policy), ("Connection", "close")):
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:  # the page was closed meanwhile
            pass


def busy_stub():
    """A stub in the midst of a day: services in each state, problems, tunnels, log lines."""
    stub = AdminStub()
    stub.add_service("redis", backends=("10.20.0.11:6379", "10.20.0.12:6379", "10.20.0.13:6379"))
    stub.add_service("mail", state="degraded", why="1 of 2 backends is down", backends=("10.20.1.5:25", "10.20.1.6:25"), starttls="smtp", days_left=12)
    stub.add_service("postgres", state="down", why="no backend is up", backends=("10.20.2.9:5432",), days_left=4)
    stub.add_service("edge-passthrough", tls="passthrough", days_left=None, backends=("10.20.3.1:443", "10.20.3.2:443"))
    stub.problems = [
        {"severity": "error", "service": "postgres", "text": "no backend is up: 10.20.2.9:5432: connect: connection refused (for 95 s)"},
        {"severity": "warning", "service": "postgres", "text": "the certificate CN=postgres.example.net expires in 4 days"},
        {"severity": "warning", "service": "mail", "text": "1 of 2 backends is down: 10.20.1.6:25"}]
    stub.recent = [
        {"time": rfc3339(time.time() - 20), "level": "warning", "text": "backend is failing service=postgres backend=10.20.2.9:5432 error=\"connection refused\"", "count": 41},
        {"time": rfc3339(time.time() - 700), "level": "err", "text": "reload failed errors=1 file=/etc/culvert/culvert.ini", "count": 1},
        {"time": rfc3339(time.time() - 1900), "level": "warning", "text": "certificate expires soon service=postgres subject=\"CN=postgres.example.net\" days=4", "count": 2}]
    stub.causes = {"client-fin": 4810, "backend-fin": 201, "client-reset": 44, "idle": 19, "backend-refused": 12, "tls-received:unknown_ca": 4}
    names = ["cache.example.net", "mail.example.net", "db.example.net", "very-long-name-of-a-tenant.region-7.customers.example.net"]
    for number in range(24):
        more = {"blocked": "client", "blocked_for_ms": 12_400, "waiting_out": 65_536} if number in (5, 11) else {}
        stub.add_tunnel(["redis", "mail", "redis", "edge-passthrough"][number % 4], f"198.51.{100 + number % 3}.{number + 7}:{50000 + 37 * number}",
                        names[number % 4], **more)
    return stub
