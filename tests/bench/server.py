# SPDX-License-Identifier: GPL-3.0-or-later
"""One measured server, whatever its program: started on its CPUs, waited for, looked at and stopped; and its certificates."""
import concurrent.futures
import os
import pathlib
import shutil
import signal
import socket
import ssl
import subprocess
import time
from dataclasses import dataclass

import machine

START_LIMIT_S = 30


def freePorts(count):
    """Ports that nobody listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]
    finally:
        for s in sockets:
            s.close()


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


NAME = "bench.example"  # of all servers


class Certificate:
    """A certificate made for this run: self-signed, or of an `issuer`."""

    def __init__(self, directory, name, *algorithm, subject=NAME, issuer=None):
        self.cert = directory / f"{name}.crt"
        self.key = directory / f"{name}.key"
        self.both = directory / f"{name}.pem"
        new = ["req", "-newkey", *algorithm, "-nodes", "-keyout", self.key, "-subj", f"/CN={subject}"]
        if issuer:
            request, extensions = directory / f"{name}.csr", directory / f"{name}.ext"
            extensions.write_text(f"basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:{NAME}\nextendedKeyUsage=serverAuth\n")
            self.openssl(*new, "-out", request)
            self.openssl("x509", "-req", "-in", request, "-CA", issuer.cert, "-CAkey", issuer.key, "-CAcreateserial", "-out", self.cert,
                         "-days", "30", "-extfile", extensions)
        else:
            self.openssl(*new, "-x509", "-out", self.cert, "-days", "30", "-addext", f"subjectAltName=DNS:{NAME}")
        self.both.write_text(self.key.read_text() + self.cert.read_text())
        for path in (self.cert, self.key, self.both):
            path.chmod(0o644)  # servers that drop their privileges read it again

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@dataclass(frozen=True)
class Trust:
    """What a server that is the TLS client of its backend verifies: the CA and the name."""
    ca: pathlib.Path
    name: str = NAME


class Certificates:
    """Made when first asked for."""
    ALGORITHMS = {"p256": ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"), "rsa": ("rsa:2048",)}

    def __init__(self, directory):
        self.directory = directory
        self.made = {}
        self.series = []

    def one(self, kind):
        if kind not in self.made:
            self.made[kind] = Certificate(self.directory, kind, *self.ALGORITHMS[kind])
        return self.made[kind]

    def authority(self):
        """The CA of the TLS backend."""
        if "ca" not in self.made:
            self.made["ca"] = Certificate(self.directory, "ca", *self.ALGORITHMS["p256"], subject="bench CA")
        return self.made["ca"]

    def ofBackend(self):
        """The certificate of the TLS backend."""
        if "backend" not in self.made:
            self.made["backend"] = Certificate(self.directory, "backend", *self.ALGORITHMS["p256"], issuer=self.authority())
        return self.made["backend"]

    def many(self, count):
        """As many P-256 certificates, each with a key of its own."""
        if len(self.series) < count:
            missing = range(len(self.series), count)
            with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
                self.series += pool.map(lambda i: Certificate(self.directory, f"many{i}", *self.ALGORITHMS["p256"]), missing)
        return self.series[:count]


def lenientContext():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


class Server:
    """TLS services in front of one backend: usually a single one. `certificates` has one for each service. With `trust`, the
    backend speaks TLS and is verified. Without `clientTls`, clients speak plain TCP."""
    name = ""
    family = ""  # "culvert" of all its builds
    program = ""
    root = ""    # directory of another Debian release that the program belongs to
    plain = False  # relays TCP without TLS: the floor
    backendTls = True  # can be the TLS client of its backend
    context = lenientContext()

    def __init__(self, directory, cpus, certificates, backend, echoes=True, workers=1, groups="X25519:P-256",
                 addresses=1, steps=(), clientTls=True, trust=None):
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self.cpus = cpus
        self.backend = backend
        self.echoes = echoes
        self.workers = workers
        self.groups = groups
        self.services = list(zip(freePorts(len(certificates)), certificates))
        self.addresses = addresses  # of the backend, one service for each
        self.steps = steps          # what its process does first: enters a control group
        self.clientTls = clientTls and not self.plain
        self.trust = trust
        self.process = None

    @property
    def ports(self):
        """Where load clients connect to: to all services where these differ in nothing but the backend's address."""
        return ",".join(str(port) for port, _ in self.services[:self.addresses])

    @classmethod
    def find(cls):
        """The program's path; with a root of its own, the path in there."""
        if not cls.root:
            return shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
        tried = [f"{directory}/{cls.program}" for directory in ("/usr/sbin", "/usr/bin")]
        return next((path for path in tried if os.access(cls.root + path, os.X_OK)), None)

    @classmethod
    def enterRoot(cls):
        if cls.root:
            os.chroot(cls.root)
            os.chdir("/")

    @classmethod
    def ask(cls, *arguments, program=""):
        """What the program, or another one of its root, prints."""
        done = subprocess.run([program or cls.find(), *arguments], capture_output=True, text=True, preexec_fn=cls.enterRoot)
        return done.stdout + done.stderr

    @classmethod
    def version(cls):
        for flag in ("-version", "-v", "-V", "--version"):
            for line in cls.ask(flag).splitlines():
                if any(c.isdigit() for c in line) and cls.name.partition(" (")[0] in line.lower():
                    return line.strip()
        return ""

    def backendOf(self, number):
        """Address and port of the backend of a service."""
        return f"127.0.0.{1 + number % self.addresses}:{self.backend}"

    def arguments(self):
        raise NotImplementedError

    def write(self, name, text):
        path = self.directory / name
        path.write_text(text)
        return str(path)

    @staticmethod
    def environment():
        """The caller's, without what culvert would take for its own configuration."""
        return {name: value for name, value in os.environ.items() if not name.startswith("CULVERT_")}

    def entry(self):
        """For Popen(preexec_fn=): what the server's process does between fork and exec."""
        steps = [machine.dieWithParent(signal.SIGTERM), *self.steps, self.enterRoot]
        return lambda: [step() for step in steps]

    def start(self):
        """Returns when the last service of the file has passed on a byte, there and back."""
        command = ["taskset", "-c", machine.cpuList(self.cpus), self.find(), *self.arguments()]
        with open(self.directory / "output", "wb") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.directory,
                                            env=self.environment(), preexec_fn=self.entry())
        deadline = time.monotonic() + START_LIMIT_S
        while not self.answers(self.services[-1][0]):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"does not start: {self.output() or 'no answer'}")
            time.sleep(0.0005)
        return self

    def answers(self, port):
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as raw:
                connection = self.context.wrap_socket(raw) if self.clientTls else raw
                if not self.echoes:
                    return True
                connection.sendall(b"?")
                return connection.recv(1) == b"?"
        except OSError:
            return False

    def output(self):
        return (self.directory / "output").read_text(errors="replace").strip()[-2000:]

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
