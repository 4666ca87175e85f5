# SPDX-License-Identifier: GPL-3.0-or-later
"""The measured servers: how each is configured, started on one core, looked at and stopped."""
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import time

SUITE = "TLS_AES_128_GCM_SHA256"
SUITES_12 = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256"
GROUP = "X25519:P-256"  # TLS 1.2 wants the curve of the certificate in the list too
NGINX_MODULES = ("/usr/lib/nginx/modules/ngx_stream_module.so", "/usr/lib64/nginx/modules/ngx_stream_module.so")


def freePort():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def tree(pid):
    """The process and all its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            stat = pathlib.Path("/proc", entry, "stat").read_text()
        except OSError:
            continue
        parent = int(stat[stat.rindex(")") + 2:].split()[1])
        children.setdefault(parent, []).append(int(entry))
    found, queue = [], [pid]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children.get(pid, [])
    return found


class Certificate:
    """A self-signed certificate made for this run."""

    def __init__(self, directory, name, *algorithm):
        self.name = name
        self.cert = directory / f"{name}.crt"
        self.key = directory / f"{name}.key"
        self.both = directory / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-keyout", self.key, "-out", self.cert,
                        "-days", "30", "-subj", "/CN=bench.example", "-addext", "subjectAltName=DNS:bench.example"],
                       check=True, capture_output=True)
        self.both.write_text(self.key.read_text() + self.cert.read_text())
        for path in (self.cert, self.key, self.both):
            path.chmod(0o644)  # servers that drop their privileges read it again


class Server:
    """One running server: a single TLS service in front of a single backend, on the given CPU."""
    name = ""
    program = ""
    plain = False  # relays TCP without TLS: the floor

    def __init__(self, directory, cpu, certificate, backend, **tuning):
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self.cpu = cpu
        self.certificate = certificate
        self.backend = backend
        self.tuning = tuning
        self.port = freePort()
        self.process = None

    @classmethod
    def find(cls):
        return shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    @classmethod
    def version(cls):
        for flag in ("-version", "-v", "-V", "--version"):
            done = subprocess.run([cls.find(), flag], capture_output=True, text=True)
            for line in (done.stdout + done.stderr).splitlines():
                if any(c.isdigit() for c in line) and cls.program.rstrip("4").lower() in line.lower():
                    return line.strip()
        return ""

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return str(path)

    @staticmethod
    def environment():
        """The caller's, without what culvert would take for its own configuration."""
        return {name: value for name, value in os.environ.items() if not name.startswith("CULVERT_")}

    def start(self):
        command = ["taskset", "-c", str(self.cpu), self.find(), *self.arguments()]
        with open(self.directory / "output", "wb") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                            cwd=self.directory, env=self.environment())
        deadline = time.monotonic() + 15
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    self.stop()
                    raise RuntimeError(f"{self.name} does not start: {self.output()}") from None
                time.sleep(0.0005)

    def output(self):
        return (self.directory / "output").read_text(errors="replace")[-2000:]

    def pids(self):
        return tree(self.process.pid)

    def memoryKiB(self, field="Pss"):
        total = 0
        for pid in self.pids():
            for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith(field + ":"):
                    total += int(line.split()[1])
        return total

    def stop(self):
        if self.process is None or self.process.poll() is not None:
            return
        started = self.pids()
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(3)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for pid in started:  # children that a killed parent left behind
            try:
                if os.getpgid(pid) == os.getpgid(0):
                    os.kill(pid, signal.SIGKILL)
            except OSError:
                pass


class Culvert(Server):
    name = "culvert"
    program = os.environ.get("CULVERT", str(pathlib.Path(__file__).resolve().parents[2] / "build/release/culvert"))

    def arguments(self):
        c = self.certificate
        text = ["[global]", f"workers = {self.tuning.get('workers', 1)}", "log = stderr", "log-level = warning"]
        services = [("bench", self.port)] + [(f"more{i}", 0) for i in range(self.tuning.get("more", 0))]
        for name, port in services:
            text += [f"[service {name}]", f"listen = 127.0.0.1:{port}", f"backend = 127.0.0.1:{self.backend}",
                     f"cert = {c.cert}", f"key = {c.key}", f"groups = {GROUP.replace(':', ', ')}",
                     f"ciphersuites = {SUITE}"]
        return ["-c", self.write("culvert.ini", "\n".join(text) + "\n")]


class Stunnel(Server):
    name = "stunnel"
    program = "stunnel4"

    def arguments(self):
        return [self.write("stunnel.conf", f"""foreground = yes
debug = err
pid =
[bench]
accept = 127.0.0.1:{self.port}
connect = 127.0.0.1:{self.backend}
cert = {self.certificate.cert}
key = {self.certificate.key}
sslVersionMin = TLSv1.2
ciphersuites = {SUITE}
ciphers = {SUITES_12}
curves = {GROUP}
socket = l:TCP_NODELAY=1
socket = r:TCP_NODELAY=1
""")]


class Hitch(Server):
    name = "hitch"
    program = "hitch"

    def arguments(self):
        user = 'user = "nobody"\ngroup = "nogroup"\n' if os.geteuid() == 0 else ""
        return ["--config", self.write("hitch.conf", f"""frontend = {{
  host = "127.0.0.1"
  port = "{self.port}"
}}
backend = "[127.0.0.1]:{self.backend}"
pem-file = "{self.certificate.both}"
workers = 1
backlog = 4096
tls-protos = TLSv1.2 TLSv1.3
ciphersuites = "{SUITE}"
ciphers = "{SUITES_12}"
ecdh-curve = "{GROUP}"
ocsp-dir = ""
daemon = off
log-level = 0
{user}""")]


class Haproxy(Server):
    name = "haproxy"
    program = "haproxy"

    def arguments(self):
        return ["-db", "-f", self.write("haproxy.cfg", f"""global
  nbthread 1
  maxconn 9000
  ssl-default-bind-options ssl-min-ver TLSv1.2
  tune.bufsize {self.tuning.get('buffer', 16384)}
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen bench
  bind 127.0.0.1:{self.port} backlog 4096 ssl crt {self.certificate.both} ciphersuites {SUITE} ciphers {SUITES_12} curves {GROUP}
  server backend 127.0.0.1:{self.backend}
""")]


class Nginx(Server):
    name = "nginx"
    program = "nginx"
    tls = """    ssl_certificate {cert};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers {ciphers};
    ssl_conf_command Ciphersuites {suite};
    ssl_ecdh_curve {group};
    ssl_session_tickets on;
"""

    def arguments(self):
        module = next((path for path in NGINX_MODULES if os.path.exists(path)), None)
        load = f"load_module {module};\n" if module else ""
        user = "user root;\n" if os.geteuid() == 0 else ""
        tls = "" if self.plain else self.tls.format(cert=self.certificate.cert, key=self.certificate.key,
                                                    ciphers=SUITES_12, suite=SUITE, group=GROUP)
        return ["-p", str(self.directory), "-e", "stderr", "-c", self.write("nginx.conf", f"""{load}{user}daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid nginx.pid;
error_log stderr crit;
events {{
  worker_connections 18000;
  multi_accept on;
}}
stream {{
  access_log off;
  tcp_nodelay on;
  proxy_timeout 1h;
  proxy_buffer_size {self.tuning.get('buffer', 16384)};
  server {{
    listen 127.0.0.1:{self.port} {'' if self.plain else 'ssl'} backlog=4096;
    proxy_pass 127.0.0.1:{self.backend};
{tls}  }}
}}
""")]


class Floor(Nginx):
    """nginx relaying plain TCP: what the sockets alone cost."""
    name = "plain relay"
    plain = True


ALL = (Culvert, Stunnel, Hitch, Haproxy, Nginx, Floor)
PEERS = ("stunnel", "hitch", "haproxy", "nginx")
