#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds every #include against the architecture: arrows between modules point down (the table MODULE_DEPS in
the Makefile is the only statement of it), and each library is included by one module alone."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# library: (what its headers look like, the modules that are its door)
DOORS = {
    "wolfSSL": (r"wolfssl/", {"tls"}),
    "libevent": (r"event2?/|event\.h$|evhttp\.h$|evutil\.h$", {"event", "admin"}),
    "inih": (r"ini\.h$|INIReader\.h$", {"config"}),
    "CLI11": (r"CLI/", {"main"}),
    "syslog": (r"(sys/)?syslog\.h$", {"log"}),
    "libcap": (r"sys/capability\.h$", {"server"}),
}
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


def problemsIn(path, module, allowed, modules):
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, header = match.groups()
        place = f"{path.relative_to(ROOT)}:{number}"
        if kind == '"':
            target = header.split("/")[0]
            if header.startswith("culvert/"):
                continue
            if "/" not in header or target not in modules:
                yield f'{place}: "{header}" is not written from src/ (as in "base/result.h")'
            elif target != module and target not in allowed:
                yield f"{place}: {module} may not include {target} (MODULE_DEPS in the Makefile)"
            elif not (ROOT / "src" / header).is_file():
                yield f'{place}: "{header}" does not exist'
        for library, (pattern, doors) in DOORS.items():
            if re.match(pattern, header) and module not in doors and (kind == "<" or "/" not in header):
                yield f"{place}: {library} is included outside its door ({', '.join(sorted(doors))})"


def main():
    modules = moduleTable()
    problems, files = [], 0
    for directory in sorted((ROOT / "src").iterdir()):
        if not directory.is_dir():
            continue
        if directory.name not in modules:
            problems.append(f"src/{directory.name}: no such module in the Makefile's table")
            continue
        for path in sorted(directory.rglob("*")):
            if path.suffix in (".h", ".cc", ".def"):
                files += 1
                problems += problemsIn(path, directory.name, modules[directory.name], modules)
    # The table itself: it has no circle, and what a module may use, its users may use too.
    for name, deps in modules.items():
        for dep in deps:
            if name in modules.get(dep, {name}):
                problems.append(f"Makefile: {name} and {dep} depend on each other, or {dep} is unknown")
            if not modules.get(dep, set()) <= deps:
                problems.append(f"Makefile: {name} uses {dep} but lacks what {dep} uses: "
                                f"{' '.join(sorted(modules[dep] - deps))}")
    for problem in problems:
        print(problem)
    print(f"check-layers: {files} files, {len(modules)} modules, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())
