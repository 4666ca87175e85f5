#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The demo's build and the static one compile the sources of many modules as one (BUNDLES in the Makefile). So a name in an unnamed namespace
has to be unique in its bundle. The compiler reports most duplicates. But if two functions have the same name, it may choose
the wrong one without a warning. Several files may have the same `using` line."""
import collections
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
TYPE = re.compile(r"(?:struct|class|union|enum class|enum) (?:\[\[\w+\]\] )?(\w+)")
OTHER = re.compile(r"[^=({]*?(?<![\w:])(\w+)\s*(?:\[[^\]]*\])*\s*[=({;]")


def bundles():
    """Returns {bundle: its sources}."""
    out = subprocess.run(["make", "-s", "--no-print-directory", "MODE=static", "print-bundles"], cwd=ROOT, check=True, capture_output=True,
                         text=True).stdout
    return {name: files.split() for name, _, files in (line.partition(":") for line in out.splitlines())}


def local_names(path):
    """(name, line number, line) of what the unnamed namespaces of a file declare, as clang-format lays it out."""
    inside = constants = False
    for number, line in enumerate((ROOT / path).read_text().splitlines(), 1):
        if line == "namespace {":
            inside = True
        elif line.startswith("}  // namespace"):
            inside = False
        elif constants:
            constants = not line.startswith("}")
            if match := re.match(r"  (\w+)", line):
                yield match[1], number, line
        elif inside and line and line[0] not in " /#}" and not line.startswith(("template", "static_assert")):
            plain = line
            while (shorter := re.sub(r"<[^<>]*>", "", plain)) != plain:
                plain = shorter
            if match := TYPE.match(plain) or OTHER.match(plain):
                yield match[1], number, line
            # The constants of such an enum are names of the namespace, too.
            constants = re.match(r"enum (?!class)[^}]*$", line) is not None


def main():
    problems = names = 0
    table = bundles()
    for bundle, files in table.items():
        places = collections.defaultdict(list)
        for path in files:
            for name, number, line in local_names(path):
                places[name].append((path, number, line))
        names += len(places)
        for name, found in sorted(places.items()):
            aliases = {line for _, _, line in found if line.startswith("using ")}
            if len({path for path, _, _ in found}) == 1 or len(aliases) == 1 and all(f[2] in aliases for f in found):
                continue
            for path, number, _ in found:
                print(f"{path}:{number}: the unnamed namespaces of bundle {bundle} declare {name} in more than one file")
                problems += 1
    print(f"check-bundles: {len(table)} bundles, {names} names, {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
