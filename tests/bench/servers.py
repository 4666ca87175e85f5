# SPDX-License-Identifier: GPL-3.0-or-later
"""How each server is configured. The reasons, and what else was tried, are in README.md; improvements are welcome."""
import os
import pathlib
import re

import machine
import programs
from server import Server

SUITE = "TLS_AES_128_GCM_SHA256"
SUITES_12 = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
PEERS = ("stunnel", "hitch", "haproxy", "nginx")
NGINX_MODULES = ("/usr/lib/nginx/modules/ngx_stream_module.so", "/usr/lib64/nginx/modules/ngx_stream_module.so")


class Culvert(Server):
    name = family = "culvert"
    program = os.environ.get("CULVERT", str(pathlib.Path(__file__).resolve().parents[2] / "build/release/culvert"))
    level, more = "warning", ()  # of its log; lines of each service

    def arguments(self):
        text = ["[global]", f"workers = {self.workers}", "log = stderr", f"log-level = {self.level}"]
        for number, (port, c) in enumerate(self.services):
            text += [f"[service bench{number}]", f"listen = 127.0.0.1:{port}", f"backend = {self.backendOf(number)}"]
            if self.clientTls:
                text += [f"cert = {c.cert}", f"key = {c.key}", f"groups = {self.groups.replace(':', ', ')}", f"ciphersuites = {SUITE}"]
            else:
                text += ["tls = off"]
            if self.trust:
                text += ["backend-tls = on", f"backend-ca = {self.trust.ca}", f"backend-name = {self.trust.name}"]
            text += self.more
        return ["-c", self.write("culvert.ini", "\n".join(text) + "\n")]

    @classmethod
    def version(cls):
        return cls.ask("--version").partition("\n")[0]


def otherBuilds():
    """Other builds of culvert beside this one: `before` for what a change costs, and those of ALSO=PATH:NAME."""
    before = os.environ.get("CULVERT_BEFORE", "")
    for words in ([f"{before}:before"] if before else []) + os.environ.get("CULVERT_ALSO", "").split():
        path, _, name = words.rpartition(":")
        if not path or not re.fullmatch(r"[\w.+-]+", name) or name in ("culvert", *PEERS):
            raise SystemExit(f"bench: ALSO={words}: write PATH:NAME, with a name that no other server has")
        yield type(name, (Culvert,), {"name": name, "program": str(pathlib.Path(path).resolve())})


class Stunnel(Server):
    """A thread for each connection: the number of workers says nothing to it. A service has TLS on one side only: to encrypt again,
    a second one takes over from the first, on a UNIX socket."""
    name = "stunnel"
    program = "stunnel4"

    def service(self, name, accept, connect, lines):
        return [f"[{name}]", f"accept = {accept}", f"connect = {connect}", *lines, "sslVersionMin = TLSv1.2",
                f"ciphersuites = {SUITE}", f"ciphers = {SUITES_12}", f"curves = {self.groups}", "socket = l:TCP_NODELAY=1",
                "socket = r:TCP_NODELAY=1"]

    def verified(self):
        return ["client = yes", f"CAfile = {self.trust.ca}", "verifyChain = yes", f"checkHost = {self.trust.name}",
                f"sni = {self.trust.name}"]

    def arguments(self):
        text = ["foreground = yes", "debug = err", "pid ="]
        for number, (port, c) in enumerate(self.services):
            listen, backend = f"127.0.0.1:{port}", f"127.0.0.1:{self.backend}"
            between = str(self.directory / f"between{number}") if self.trust and self.clientTls else ""
            if self.clientTls:
                text += self.service(f"bench{number}", listen, between or backend, [f"cert = {c.cert}", f"key = {c.key}"])
            if self.trust:
                text += self.service(f"backend{number}", between or listen, backend, self.verified())
        return [self.write("stunnel.conf", "\n".join(text) + "\n")]


class Hitch(Server):
    """Knows a single backend, whatever the number of its frontends. Sets TCP_NODELAY by itself."""
    name = "hitch"
    program = "hitch"
    backendTls = False

    def arguments(self):
        user = 'user = "nobody"\ngroup = "nogroup"\n' if os.geteuid() == 0 else ""
        frontends = "\n".join(f'frontend = {{\n  host = "127.0.0.1"\n  port = "{port}"\n  pem-file = "{c.both}"\n}}'
                              for port, c in self.services)
        return ["--config", self.write("hitch.conf", f"""{frontends}
backend = "[127.0.0.1]:{self.backend}"
pem-file = "{self.services[0][1].both}"
workers = {self.workers}
backlog = 4096
tls-protos = TLSv1.2 TLSv1.3
ciphersuites = "{SUITE}"
ciphers = "{SUITES_12}"
ecdh-curve = "{self.groups}"
ocsp-dir = ""
daemon = off
log-level = 0
{user}""")]


class Haproxy(Server):
    """Sets TCP_NODELAY by itself."""
    name = "haproxy"
    program = "haproxy"
    buffer = 65536

    def clientSide(self, certificate):
        if not self.clientTls:
            return ""
        return f" ssl crt {certificate.both} ciphersuites {SUITE} ciphers {SUITES_12} curves {self.groups}"

    def backendSide(self):
        if not self.trust:
            return ""
        return (f" ssl verify required ca-file {self.trust.ca} verifyhost {self.trust.name} sni str({self.trust.name}) "
                f"ssl-min-ver TLSv1.2 ciphersuites {SUITE} ciphers {SUITES_12}")

    def arguments(self):
        shards = " shards by-thread" if self.workers > 1 else ""
        services = "\n".join(f"""listen bench{number}
  bind 127.0.0.1:{port} backlog 4096{shards}{self.clientSide(c)}
  server backend 127.0.0.1:{self.backend}{self.backendSide()}""" for number, (port, c) in enumerate(self.services))
        return ["-db", "-f", self.write("haproxy.cfg", f"""global
  nbthread {self.workers}
  maxconn {machine.fileLimit() // 2 - 100 - len(self.services)}
  ssl-default-bind-options ssl-min-ver TLSv1.2
  tune.bufsize {self.buffer}
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
{services}
""")]


class Nginx(Server):
    name = "nginx"
    program = "nginx"
    buffer = "64k"

    def tls(self, certificate):
        return f"""    ssl_certificate {certificate.cert};
    ssl_certificate_key {certificate.key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers {SUITES_12};
    ssl_conf_command Ciphersuites {SUITE};
    ssl_ecdh_curve {self.groups};
    ssl_session_tickets on;
"""

    def verified(self):
        return f"""    proxy_ssl on;
    proxy_ssl_verify on;
    proxy_ssl_trusted_certificate {self.trust.ca};
    proxy_ssl_name {self.trust.name};
    proxy_ssl_server_name on;
    proxy_ssl_session_reuse on;
    proxy_ssl_protocols TLSv1.2 TLSv1.3;
    proxy_ssl_ciphers {SUITES_12};
    proxy_ssl_conf_command Ciphersuites {SUITE};
"""

    def service(self, port, certificate):
        options = (" ssl" if self.clientTls else "") + (" reuseport" if self.workers > 1 else "")
        return f"""  server {{
    listen 127.0.0.1:{port}{options} backlog=4096;
    proxy_pass 127.0.0.1:{self.backend};
{self.tls(certificate) if self.clientTls else ''}{self.verified() if self.trust else ''}  }}
"""

    def arguments(self):
        module = next((path for path in NGINX_MODULES if os.path.exists(self.root + path)), None)
        load = f"load_module {module};\n" if module else ""
        user = "user root;\n" if os.geteuid() == 0 else ""
        services = "".join(self.service(port, c) for port, c in self.services)
        return ["-p", str(self.directory), "-e", "stderr", "-c", self.write("nginx.conf", f"""{load}{user}daemon off;
worker_processes {self.workers};
worker_rlimit_nofile {machine.fileLimit()};
pid nginx.pid;
error_log stderr crit;
events {{
  worker_connections {machine.fileLimit()};
  multi_accept on;
}}
stream {{
  access_log off;
  tcp_nodelay on;
  proxy_timeout 1h;
  proxy_buffer_size {self.buffer};
{services}}}
""")]


class Floor(Nginx):
    """nginx relaying plain TCP: what the sockets alone cost."""
    name = "plain relay"
    plain = True

    @classmethod
    def version(cls):
        return Nginx.version()


def ofSuite(cls, suite):
    """The same server out of another Debian release: see roots.py."""
    return type(cls.name, (cls,), {"name": f"{cls.name} ({suite})", "root": str(programs.BUILD / suite)}) if suite else cls


PEERS_FROM = os.environ.get("PEERS_FROM", "")
ALL = (Culvert, *otherBuilds(), Stunnel, Hitch, ofSuite(Haproxy, PEERS_FROM), ofSuite(Nginx, PEERS_FROM), Floor)
