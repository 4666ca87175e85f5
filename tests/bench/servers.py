# SPDX-License-Identifier: GPL-3.0-or-later
"""How each server is configured. The reasons, and what else was tried, are in README.md; improvements are welcome."""
import os
import pathlib
import subprocess

import machine
from server import Server

SUITE = "TLS_AES_128_GCM_SHA256"
SUITES_12 = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
NGINX_MODULES = ("/usr/lib/nginx/modules/ngx_stream_module.so", "/usr/lib64/nginx/modules/ngx_stream_module.so")


class Culvert(Server):
    name = "culvert"
    program = os.environ.get("CULVERT", str(pathlib.Path(__file__).resolve().parents[2] / "build/release/culvert"))

    def arguments(self):
        text = ["[global]", f"workers = {self.workers}", "log = stderr", "log-level = warning"]
        for number, (port, c) in enumerate(self.services):
            text += [f"[service bench{number}]", f"listen = 127.0.0.1:{port}", f"backend = 127.0.0.1:{self.backend}",
                     f"cert = {c.cert}", f"key = {c.key}", f"groups = {self.groups.replace(':', ', ')}",
                     f"ciphersuites = {SUITE}"]
        return ["-c", self.write("culvert.ini", "\n".join(text) + "\n")]


class Before(Culvert):
    """Another build of culvert, for what a change costs."""
    name = "before"
    program = os.environ.get("CULVERT_BEFORE", "")

    @classmethod
    def version(cls):
        return subprocess.run([cls.program, "--version"], capture_output=True, text=True).stdout.partition("\n")[0]


class Stunnel(Server):
    """A thread for each connection: the number of workers says nothing to it."""
    name = "stunnel"
    program = "stunnel4"

    def arguments(self):
        text = ["foreground = yes", "debug = err", "pid ="]
        for number, (port, c) in enumerate(self.services):
            text += [f"[bench{number}]", f"accept = 127.0.0.1:{port}", f"connect = 127.0.0.1:{self.backend}",
                     f"cert = {c.cert}", f"key = {c.key}", "sslVersionMin = TLSv1.2", f"ciphersuites = {SUITE}",
                     f"ciphers = {SUITES_12}", f"curves = {self.groups}", "socket = l:TCP_NODELAY=1",
                     "socket = r:TCP_NODELAY=1"]
        return [self.write("stunnel.conf", "\n".join(text) + "\n")]


class Hitch(Server):
    """Knows a single backend, whatever the number of its frontends. Sets TCP_NODELAY by itself."""
    name = "hitch"
    program = "hitch"

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

    def arguments(self):
        shards = " shards by-thread" if self.workers > 1 else ""
        services = "\n".join(f"""listen bench{number}
  bind 127.0.0.1:{port} backlog 4096{shards} ssl crt {c.both} ciphersuites {SUITE} ciphers {SUITES_12} curves {self.groups}
  server backend 127.0.0.1:{self.backend}""" for number, (port, c) in enumerate(self.services))
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

    def service(self, port, certificate):
        options = ("" if self.plain else " ssl") + (" reuseport" if self.workers > 1 else "")
        return f"""  server {{
    listen 127.0.0.1:{port}{options} backlog=4096;
    proxy_pass 127.0.0.1:{self.backend};
{'' if self.plain else self.tls(certificate)}  }}
"""

    def arguments(self):
        module = next((path for path in NGINX_MODULES if os.path.exists(path)), None)
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


ALL = (Culvert, *([Before] if Before.program else []), Stunnel, Hitch, Haproxy, Nginx, Floor)
PEERS = ("stunnel", "hitch", "haproxy", "nginx")
