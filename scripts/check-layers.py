#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares every #include with the architecture. A module includes only modules that the table MODULE_DEPS in the Makefile
allows, so arrows point down. Only one module includes each library."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# library: (what its headers look like, the modules that are its door: each with all its rooms)
DOORS = {
    "wolfSSL": (r"wolfssl/", {"tls"}),
    "libevent": (r"event2?/|event\.h$|evhttp\.h$|evutil\.h$", {"event"}),
    "inih": (r"ini\.h$|INIReader\.h$", {"config"}),
    "CLI11": (r"CLI/", {"main", "ctl"}),
    "nlohmann-json": (r"nlohmann/", {"admin", "ctl"}),
    "syslog": (r"(sys/)?syslog\.h$", {"log"}),
    "libcap": (r"sys/capability\.h$", {"process"}),
}
# If wolfSSL's headers are not included, a condition on these macros is false without a warning.
WOLFSSL_MACRO = re.compile(r"^\s*#\s*(if|ifdef|ifndef|elif)\b.*\b(LIBWOLFSSL_|WOLFSSL_|WC_|HAVE_[A-Z0-9]|OPENSSL_(EXTRA|ALL))")
WOLFSSL_HEADER = '#include "tls/library/wolfssl.h"'
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def moduleTable():
    out = subprocess.run(["make", "-s", "--no-print-directory", "print-modules"], cwd=ROOT, check=True,
                         capture_output=True, text=True).stdout
    table = {}
    for line in out.splitlines():
        name, colon, deps = line.partition(":")
        if colon:
            table[name.strip()] = set(deps.split())
    return table


def moduleOf(path, modules):
    """The module that a path below src/ lies in: the longest one whose folder holds it, or None."""
    parts = pathlib.PurePosixPath(path).parts[:-1]
    for count in range(len(parts), 0, -1):
        name = "/".join(parts[:count])
        if name in modules:
            return name if count == len(parts) else None
    return None


def conditionProblems(path):
    """A file that uses wolfSSL's macros must include its header itself."""
    text = path.read_text()
    if WOLFSSL_HEADER in text or path.name == "wolfssl.h":
        return
    for number, line in enumerate(text.splitlines(), 1):
        if WOLFSSL_MACRO.match(line):
            yield f"{path.relative_to(ROOT)}:{number}: depends on wolfSSL's macros without {WOLFSSL_HEADER}"


def isDoor(module, doors):
    return any(module == door or module.startswith(door + "/") for door in doors)


def problemsIn(path, module, allowed, modules):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, header = match.groups()
        place = f"{path.relative_to(ROOT)}:{number}"
        if kind == '"':
            if header.startswith("culvert/") or header.endswith(".inc"):  # .inc: made of docs/man
                continue
            target = moduleOf(header, modules)
            if target is None:
                yield f'{place}: "{header}" is not written from src/ (as in "base/result.h")'
            elif target != module and target not in allowed:
                yield f"{place}: {module} may not include {target} (MODULE_DEPS in the Makefile)"
            elif not (ROOT / "src" / header).is_file():
                yield f'{place}: "{header}" does not exist'
        for library, (pattern, doors) in DOORS.items():
            if re.match(pattern, header) and not isDoor(module, doors) and (kind == "<" or "/" not in header):
                yield f"{place}: {library} is included outside its door ({', '.join(sorted(doors))})"


def tableProblems(modules):
    """Checks the table itself: each module comes after all modules that it may use, so there is no cycle."""
    seen = set()
    for name, deps in modules.items():
        for dep in sorted(deps - seen):
            yield f"Makefile: {name} may use {dep}, which is unknown or does not come before it in MODULES"
        seen.add(name)


def fuzzerProblems(modules):
    """Each fuzzer names the modules that it is linked with in its first lines."""
    for path in sorted((ROOT / "tests/fuzz").glob("*_fuzz.cc")):
        lines = [line for line in path.read_text().splitlines()[:12] if line.startswith("// modules: ")]
        name = path.relative_to(ROOT)
        if not lines:
            yield f'{name}: no line "// modules: NAME..." of its own among the first twelve'
        for module in " ".join(lines).split()[2:] if lines else []:
            if module not in modules:
                yield f"{name}: {module} is not a module"


def main():
    modules = moduleTable()
    problems, files = [], 0
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix not in (".h", ".cc", ".def"):
            continue
        files += 1
        name = path.relative_to(ROOT / "src").as_posix()
        module = moduleOf(name, modules)
        if module is None:
            problems.append(f"src/{name}: its folder is not a module in the Makefile's table")
        else:
            problems += problemsIn(path, module, modules[module], modules)
    for folder in ("src", "tests/unit", "tests/regress", "tests/fuzz"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cc"):
                problems += conditionProblems(path)
    problems += tableProblems(modules)
    problems += fuzzerProblems(modules)
    for problem in problems:
        print(problem)
    print(f"check-layers: {files} files, {len(modules)} modules, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
