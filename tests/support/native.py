# SPDX-License-Identifier: GPL-3.0-or-later
"""Small native programs that tests and benchmarks bring along: compiled when they are older than their sources."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("BUILD", "build")


def compile_program(target, source, inputs=(), arguments=()):
    """Compiles `source` to `target` unless that is younger than source and inputs; `arguments` go behind the source."""
    inputs = [source, *inputs]
    if target.exists() and target.stat().st_mtime > max(path.stat().st_mtime for path in inputs):
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    fresh = target.with_name(f"{target.name}.{os.getpid()}")
    compiler = os.environ.get("CXX", "g++").split()
    subprocess.run([*compiler, "-std=c++20", "-O2", "-Wall", "-Wextra", "-o", fresh, source, *arguments], check=True)
    fresh.rename(target)
    return target


def wolfssl():
    """(compiler arguments, static library) of the wolfSSL that culvert is linked with; None where it is the
    distribution's own."""
    prefix = subprocess.run([ROOT / "scripts/wolfssl.sh", "--print-prefix"], capture_output=True, text=True,
                            check=True).stdout.strip()
    library = pathlib.Path(prefix, "lib", "libwolfssl.a")
    return (["-isystem", f"{prefix}/include", library, "-lm"], library) if library.exists() else None
