# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's own programs: built when they are older than their sources."""
import json
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "support"))
import native  # noqa: E402

ROOT = native.ROOT
BUILD = native.BUILD / "bench"


def compileAll():
    headers = list(HERE.glob("*.h"))
    native.compile_program(BUILD / "backend", HERE / "backend.cc", headers)
    native.compile_program(BUILD / "load", HERE / "load.cc", headers, ["-lssl", "-lcrypto"])
    wolfssl = native.wolfssl()
    if wolfssl:  # without one (a distribution's own) the floor is the plain relay alone
        arguments, library = wolfssl
        native.compile_program(BUILD / "crypto", HERE / "crypto.cc", [HERE / "bench.h", library], arguments)


def knowsGroup(group):
    """Whether the client's TLS library can do this key exchange."""
    return subprocess.run([BUILD / "load", "--mode", "check", "--group", group], capture_output=True).returncode == 0


def bareCrypto(directory, rsaKey, cpu):
    """wolfSSL's bare primitives, {} where they cannot be measured."""
    if not (BUILD / "crypto").exists():
        return {}
    key = directory / "rsa.der"
    subprocess.run(["openssl", "rsa", "-in", rsaKey, "-traditional", "-outform", "DER", "-out", key], check=True,
                   capture_output=True)
    return json.loads(subprocess.run(["taskset", "-c", str(cpu), BUILD / "crypto", key], check=True, capture_output=True,
                                     text=True).stdout)
