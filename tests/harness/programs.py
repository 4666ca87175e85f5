# SPDX-License-Identifier: GPL-3.0-or-later
"""The TLS clients of the command line, each of which forces one version, suite or group, and their results.

    Answer(version="TLSv1.3", suite="TLS_AES_128_GCM_SHA256", group="X25519")
    Answer(alert="handshake_failure")

Groups have the names of culvert's log, suites their OpenSSL names. If a client does not report a value, it is None.
"""

import json
import os
import re
import subprocess
import threading
from dataclasses import dataclass

import native
from raw_tls import ALERTS

from .util import ROOT, slack

OWN_GROUP_NAMES = {"prime256v1": "P-256", "secp384r1": "P-384", "secp521r1": "P-521", "SECP256R1": "P-256",
                   "SECP384R1": "P-384", "SECP521R1": "P-521"}


@dataclass
class Answer:
    version: str = None
    suite: str = None
    group: str = None
    alpn: str = None
    alert: str = None
    text: str = ""

    @property
    def agreed(self):
        return self.alert is None and self.version is not None


def run(command, give_up=15):
    """The text of a client that ends by itself: its input ends at once."""
    done = subprocess.run([str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=slack(give_up), check=False)
    return done.stdout.decode(errors="replace")


def _found(pattern, text):
    match = re.search(pattern, text)
    return match[1] if match else None


def _own_group(name):
    return OWN_GROUP_NAMES.get(name, name)


def openssl(port, *options, name="localhost"):
    """openssl s_client; options as in "-tls1_2", "-groups", "P-256"."""
    text = run(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", name, *options])
    alert = _found(r"SSL alert number (\d+)", text)
    if alert:
        return Answer(alert=ALERTS.get(int(alert), alert), text=text)
    version, suite = _found(r"New, (TLSv[\d.]+), Cipher", text), _found(r"Cipher is (\S+)", text)
    group = _found(r"Server Temp Key: (?:ECDH, )?([\w-]+)", text)
    # For TLS 1.2, this line of openssl has the version in which the suite was introduced.
    version = _found(r"Protocol\s*: (TLSv[\d.]+)", text) or version
    return Answer(version, suite, _own_group(group), _found(r"ALPN protocol: (\S+)", text), text=text)


def gnutls(port, priority, *options):
    """gnutls-cli; `priority` in its syntax. It does not print suites by number, so `suite` is the text in brackets."""
    text = run(["gnutls-cli", "--insecure", "--sni-hostname", "localhost", "--priority", priority, *options, "-p", port,
                "127.0.0.1"])
    alert = _found(r"Received alert \[(\d+)\]", text)
    if alert:
        return Answer(alert=ALERTS.get(int(alert), alert), text=text)
    words = _found(r"Description: (\S+)", text)
    if not words:
        return Answer(text=text)
    parts = re.findall(r"\(([^)]*)\)", words)
    version = parts[0].split("-")[0].replace("TLS", "TLSv")
    group = next((part.partition("-")[2] for part in parts if part.startswith("ECDHE-")), None)
    return Answer(version, "-".join(parts[3:]), _own_group(group),
                  _found(r"Application protocol: (\S+)", text), text=text)


def curl(port, *options):
    """curl -v with an HTTPS address; the answer to its request does not matter."""
    text = run(["curl", "-sv", "--insecure", "--max-time", int(slack(10)), *options, f"https://127.0.0.1:{port}/"], 25)
    alert = _found(r"\(IN\), TLS alert, [^(]*\((\d+)\)", text)
    if alert and int(alert) & 0xff != 0:
        return Answer(alert=ALERTS.get(int(alert) & 0xff, alert), text=text)
    alpn = _found(r"ALPN: server accepted (\S+)", text)
    return Answer(_found(r"SSL connection using (TLSv[\d.]+)", text), _found(r"SSL connection using \S+ / (\S+)", text),
                  None, alpn, text=text)


def wolf(port, **options):
    """The tests' own wolfSSL client (tests/support/wolf_client.cc): groups, shares (numbers), version, suites, ca.

    A dictionary as the client prints it, or None if it cannot be built or its library lacks what is requested."""
    library = native.wolfssl()
    if library is None:
        return None
    arguments, archive = library
    source = ROOT / "tests/support/wolf_client.cc"
    program = native.compile_program(native.BUILD / "support" / "wolf_client", source, [archive], arguments)
    words = [str(program), str(port)]
    for key, value in options.items():
        text = ",".join(f"{number:#x}" for number in value) if isinstance(value, (list, tuple)) else str(value)
        words += [f"--{key}", text]
    done = subprocess.run(words, capture_output=True, text=True, timeout=slack(20), check=False)
    if done.returncode == 77:
        return None
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)
    if answer.get("group"):
        answer["group"] = _own_group(answer["group"]).replace("_", "")
    for key in ("alert", "sent"):
        if key in answer:
            answer[key] = ALERTS.get(answer[key])
    return answer


class Dialogue:
    """A command-line client: lines in, output collected, waited for by content."""

    def __init__(self, command):
        self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.text = ""

    def say(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def expect(self, words):
        timer = threading.Timer(slack(10), self.process.kill)
        timer.start()
        try:
            while words not in self.text:
                piece = os.read(self.process.stdout.fileno(), 65536)
                assert piece, f"ended before {words!r}:\n{self.text}"
                self.text += piece.decode(errors="replace")
        finally:
            timer.cancel()

    def end(self):
        """End of input; returns the exit status."""
        self.process.stdin.close()
        timer = threading.Timer(slack(10), self.process.kill)
        timer.start()
        self.text += self.process.stdout.read().decode(errors="replace")
        timer.cancel()
        return self.process.wait()
