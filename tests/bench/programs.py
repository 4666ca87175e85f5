# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's own programs: built when they are older than their sources."""
import json
import os
import pathlib
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = ROOT / os.environ.get("BUILD", "build") / "bench"


def _compile(name, inputs, arguments):
    target = BUILD / name
    if target.exists() and target.stat().st_mtime > max(path.stat().st_mtime for path in inputs):
        return
    compiler = os.environ.get("CXX", "g++").split()
    subprocess.run([*compiler, "-std=c++20", "-O2", "-Wall", "-Wextra", "-o", target, HERE / f"{name}.cc", *arguments],
                   check=True)


def compileAll():
    BUILD.mkdir(parents=True, exist_ok=True)
    headers = list(HERE.glob("*.h"))
    _compile("backend", [HERE / "backend.cc", *headers], [])
    _compile("load", [HERE / "load.cc", *headers], ["-lssl", "-lcrypto"])
    prefix = subprocess.run([ROOT / "scripts/wolfssl.sh", "--print-prefix"], capture_output=True, text=True).stdout.strip()
    library = pathlib.Path(prefix, "lib", "libwolfssl.a")
    if library.exists():  # without one (a distribution's own) the floor is the plain relay alone
        _compile("crypto", [HERE / "crypto.cc", HERE / "bench.h", library], ["-isystem", f"{prefix}/include", library, "-lm"])


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
