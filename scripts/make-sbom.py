#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the list of culvert's parts as SPDX 2.3 JSON to stdout: culvert itself, and each library that is compiled or linked into it,
with version, licence and origin. The same input gives the same bytes.

usage: make-sbom.py VERSION EPOCH [--architecture ARCH] [--packages FILE] [--licences DIRECTORY]
  EPOCH                 seconds since 1970: the time of the source
  --architecture ARCH   what the parts are for, if that is not this machine's architecture; then also
  --packages FILE       the versions of its packages (scripts/foreign-libraries.sh), as dpkg-deb -f prints them
  --licences DIRECTORY  also copy the licence text of each part into the directory"""
import argparse
import datetime
import json
import pathlib
import re
import shutil
import subprocess
import uuid

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCS = pathlib.Path("/usr/share/doc")
# Debian's package, the SPDX licence, and how culvert has it in itself.
LIBRARIES = [
    ("libevent-dev", "BSD-3-Clause AND ISC AND MIT", "linked"),
    ("libinih-dev", "BSD-3-Clause", "linked"),
    ("libcap-dev", "BSD-3-Clause OR GPL-2.0-only", "linked"),
    ("libfmt-dev", "MIT", "headers"),
    ("libexpected-dev", "CC0-1.0", "headers"),
    ("libcli11-dev", "BSD-3-Clause", "headers"),
    ("nlohmann-json3-dev", "MIT", "headers"),
    ("libstdc++-12-dev", "GPL-3.0-or-later WITH GCC-exception-3.1", "linked"),
    ("libc6-dev", "LGPL-2.1-or-later", "linked"),
]


def installed(package):
    """The version of an installed package, as Debian names it, or None."""
    out = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", package], capture_output=True, text=True)
    state, _, version = out.stdout.partition(" ")
    return version if state == "installed" else None


def foreign(path):
    """{package: version} out of a file of paragraphs."""
    text = pathlib.Path(path).read_text() if path else ""
    return dict(re.findall(r"^Package: (\S+)\nVersion: (\S+)", text, re.M))


def wolfssl():
    """(version, SHA-256 of the archive, name of the archive) of the pinned release."""
    script = (ROOT / "scripts/wolfssl.sh").read_text()
    version = re.search(r"^readonly VERSION=(\S+)", script, re.M)[1]
    return version, re.search(r"^readonly SHA256=(\S+)", script, re.M)[1], f"wolfssl_{version}.orig.tar.gz"


def package(name, version, licence, purl, **more):
    return {"SPDXID": "SPDXRef-" + re.sub(r"[^A-Za-z0-9.-]", "-", name), "name": name, "versionInfo": version,
            "downloadLocation": "NOASSERTION", "filesAnalyzed": False, "licenseConcluded": licence, "licenseDeclared": licence,
            "copyrightText": "NOASSERTION", "supplier": "NOASSERTION",
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}], **more}


def version_of(name, architecture, others):
    """The version of a library for an architecture: out of `others`, or of the cross compiler's package, or of this machine."""
    return others.get(name) or (architecture and installed(f"{name}-{architecture}-cross")) or installed(name)


def parts(version, architecture, others):
    """([package], [relationship]): culvert first."""
    packages = [package("culvert", version, "GPL-3.0-or-later", f"pkg:generic/culvert@{version}")]
    release, digest, archive = wolfssl()
    packages.append(package("wolfssl", release, "GPL-3.0-or-later", f"pkg:deb/debian/wolfssl@{release}?arch=source",
                            checksums=[{"algorithm": "SHA256", "checksumValue": digest}], packageFileName=archive,
                            comment="with the changes that scripts/wolfssl-mends.sh makes"))
    kinds = ["linked"]
    for name, licence, kind in LIBRARIES:
        found = version_of(name, architecture, others)
        if found is None:
            raise SystemExit(f"make-sbom.py: error: package {name} is not installed (scripts/install-deps.sh build)")
        packages.append(package(name, found, licence, f"pkg:deb/debian/{name}@{found}", supplier="Organization: Debian"))
        kinds.append(kind)
    relationships = [("SPDXRef-DOCUMENT", "DESCRIBES", packages[0]["SPDXID"])]
    for one, kind in zip(packages[1:], kinds):
        relationships.append((packages[0]["SPDXID"], "STATIC_LINK" if kind == "linked" else "CONTAINS", one["SPDXID"]))
    return packages, [{"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b} for a, kind, b in relationships]


def document(version, epoch, architecture, others):
    packages, relationships = parts(version, architecture, others)
    made = datetime.datetime.fromtimestamp(epoch, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    same = json.dumps([packages, made], sort_keys=True)
    return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": f"culvert-{version}",
            "documentNamespace": f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, 'culvert ' + same)}",
            "creationInfo": {"created": made, "creators": ["Tool: culvert-make-sbom"]},
            "packages": packages, "relationships": relationships}


def copy_licences(directory):
    """The licence of wolfSSL is culvert's own, the GPL; its text is in LICENSE."""
    directory = pathlib.Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    for name, _, _ in LIBRARIES:
        # resolve(): some packages share the directory of another.
        shutil.copyfile((DOCS / name / "copyright").resolve(strict=True), directory / f"{name}.txt")
    (directory / "wolfssl.txt").write_text(
        "wolfSSL: Copyright (C) wolfSSL Inc. Licensed under the GNU General Public License, version 3 or later, whose text is in LICENSE.\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("version")
    parser.add_argument("epoch", type=int)
    parser.add_argument("--architecture", default="")
    parser.add_argument("--packages")
    parser.add_argument("--licences")
    options = parser.parse_args()
    if options.licences:
        copy_licences(options.licences)
    print(json.dumps(document(options.version, options.epoch, options.architecture, foreign(options.packages)), indent=1, sort_keys=True))


if __name__ == "__main__":
    main()
