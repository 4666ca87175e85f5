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


class Certificate:
    """A self-signed certificate made for this run."""

    def __init__(self, directory, name, *algorithm):
        self.cert = directory / f"{name}.crt"
        self.key = directory / f"{name}.key"
        self.both = directory / f"{name}.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", *algorithm, "-nodes", "-keyout", self.key, "-out", self.cert,
                        "-days", "30", "-subj", "/CN=bench.example", "-addext", "subjectAltName=DNS:bench.example"],
                       check=True, capture_output=True)
        self.both.write_text(self.key.read_text() + self.cert.read_text())
        for path in (self.cert, self.key, self.both):
            path.chmod(0o644)  # servers that drop their privileges read it again


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
    """TLS services in front of one backend: usually a single one. `certificates` has one for each service."""
    name = ""
    program = ""
    plain = False  # relays TCP without TLS: the floor
    context = lenientContext()

    def __init__(self, directory, cpus, certificates, backend, echoes=True, workers=1, groups="X25519:P-256"):
        self.directory = directory
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o755)
        self.cpus = cpus
        self.backend = backend
        self.echoes = echoes
        self.workers = workers
        self.groups = groups
        self.services = list(zip(freePorts(len(certificates)), certificates))
        self.process = None

    @property
    def port(self):
        return self.services[0][0]

    @classmethod
    def find(cls):
        return shutil.which(cls.program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")

    @classmethod
    def version(cls):
        for flag in ("-version", "-v", "-V", "--version"):
            done = subprocess.run([cls.find(), flag], capture_output=True, text=True)
            for line in (done.stdout + done.stderr).splitlines():
                if any(c.isdigit() for c in line) and cls.name.split()[-1] in line.lower():
                    return line.strip()
        return ""

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

    def start(self):
        """Returns when the last service of the file has passed on a byte, there and back."""
        command = ["taskset", "-c", machine.cpuList(self.cpus), self.find(), *self.arguments()]
        with open(self.directory / "output", "wb") as output:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=self.directory,
                                            env=self.environment(), preexec_fn=machine.dieWithParent(signal.SIGTERM))
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
                connection = raw if self.plain else self.context.wrap_socket(raw)
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
