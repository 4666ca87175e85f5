# SPDX-License-Identifier: GPL-3.0-or-later
"""Done: README, SECURITY, CONTRIBUTING and the manual pages were read beside the program. Seen: a directory that did not
exist, "AEAD suites only" beside the option that names others, "open now, now". Right: what a document names exists, and
a check holds that."""

import importlib.util
import re
import subprocess
import sys

import pytest

from harness.daemon import run_culvert
from harness.util import ROOT

SOUND = """# A document
`idle-timeout = 5m` and `strict-sni`, the counter `tunnels_active`, `cause=`, `client-fin`, `--set`, `culvert --help alpn`.
[here](README.md), [there](docs/operations.md#exit-codes), `src/README.md`, `src/<module>/`, `base/words.h`, `make unit-net MODE=debug`, `make demo ONCE=1`,
`CULVERT_TUNNEL_LISTEN`, `CULVERT_GLOBAL_<KEY>`, `CertificateWatch`, `checkOcspResponse`.
```ini
[service web]
listen = 443 ; a comment
```
```
$ culvert --check -c culvert.ini
make test check     # all of it
scripts/check.sh layers
```
"""
WRONG = {
    "an option": ("`idle-timout = 5m`", "there is no key idle-timout"),
    "an option's name": ("`strict-snis`", '"strict-snis"'),
    "a counter": ("the counter `tunnels_activ`", '"tunnels_activ"'),
    "a path": ("`tests/regres/`", "there is no tests/regres/"),
    "a header": ("`base/wordz.h`", "there is no base/wordz.h"),
    "a link": ("[x](docs/none.md)", "docs/none.md"),
    "a link to a section": ("[x](docs/operations.md#exit-coda)", "operations.md has no such section"),
    "a goal": ("`make tests`", "the Makefile has no goal tests"),
    "a variable of make": ("`make demo ONCES=1`", "nothing reads the variable ONCES"),
    "an option of the command line": ("`culvert --chek`", "culvert has no option --chek"),
    "a bare option of the command line": ("`--self-singed`", "culvert has no option --self-singed"),
    "a key asked for": ("`culvert --help alpm`", "there is no key alpm"),
    "a variable": ("`CULVERT_TUNNEL_LISTN`", "CULVERT_TUNNEL_LISTN names no key"),
    "a key in a file": ("```ini\nlisten = 1\nbakend = 2\n```", "there is no key bakend"),
    "a section": ("```ini\n[services web]\n```", "there is no section [services web]"),
    "a command": ("```\n$ culvert --config x --verbos\n```", "culvert has no option --verbos"),
    "a script": ("```\nscripts/chekc.sh\n```", "there is no scripts/chekc.sh"),
    "a function": ("`checkOcspResponze`", '"checkOcspResponze"'),
}


@pytest.fixture
def check(workdir):
    def run(*texts):
        paths = []
        for number, text in enumerate(texts):
            paths.append(workdir / f"{number}.md")
            paths[-1].write_text(text)
        return subprocess.run([sys.executable, ROOT / "scripts/check-docs.py", *paths], capture_output=True, text=True,
                              check=False)

    return run


def test_the_documents_name_what_exists():
    result = subprocess.run([sys.executable, ROOT / "scripts/check-docs.py"], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout


def test_the_check_finds_what_does_not_exist(check):
    result = check(SOUND, *(text + "\n" for text, _ in WRONG.values()))
    lines = result.stdout.splitlines()
    assert result.returncode == 1 and len(lines) == len(WRONG) + 1, result.stdout
    for line, (name, (_, words)) in zip(lines, WRONG.items()):
        assert words in line, f"{name}: {line}"


def test_the_check_finds_what_is_left_out():
    spec = importlib.util.spec_from_file_location("check_docs", ROOT / "scripts/check-docs.py")
    checks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checks)
    index = "[a](docs/a.md) and [a section](docs/b.md#there), `docs/c.md`"
    assert checks.pagesNotIn(index, ["docs/a.md", "docs/b.md", "docs/c.md"]) == ["docs/c.md"]
    table = "| cause | why |\n|---|---|\n| `idle`, `drain` | no `probe` |\n| `tls-sent:ALERT` | - |\n| 8 | cut |\n"
    assert checks.rowsNotIn(table, ["idle", "drain", "probe", "tls-sent", "8", "4"]) == ["probe", "4"]


def test_links_are_written_from_the_place_of_their_document():
    for page in (ROOT / "docs").glob("*.md"):
        assert "](docs/" not in page.read_text(), f"{page}: a link that leads to docs/docs/"


def test_the_documents_agree_with_the_program():
    security, manual, readme = ((ROOT / name).read_text() for name in ("SECURITY.md", "etc/culvert.8", "README.md"))
    assert "AEAD suites only" not in security
    assert "now, now" not in manual
    promised = "other way round" in re.split(r"\n\n", readme)[1]
    assert promised == ("--backend-tls" in manual.replace("\\", "")), "the README's first paragraph promises what the program has"
    assert (ROOT / "tests/regress").is_dir()


def blocks_of(page):
    """The ini blocks of a page: (number of the line before the block, its text)."""
    text = (ROOT / page).read_text()
    return [(text[:match.start(1)].count("\n"), match[1]) for match in re.finditer(r"^```ini\n(.*?)^```", text, re.M | re.S)]


@pytest.mark.parametrize("page", ["docs/backends.md", "docs/limits.md", "docs/recipes.md", "docs/routing.md",
                                  "docs/starttls.md", "docs/tls-to-backends.md"])
def test_culvert_accepts_the_ini_blocks(page, workdir):
    """The only mistakes are files that this machine does not have."""
    found = blocks_of(page)
    assert found, f"{page} has no ini block"
    for line, block in found:
        if "[service" not in block:  # the page shows [global] alone
            block += "[service web]\nlisten = 443\nbackend = 127.0.0.1:80\ncert = self-signed\n"
        (workdir / "block.ini").write_text(block)
        result = run_culvert("--check", "-c", "block.ini", cwd=workdir)
        errors = [error for error in result.stderr.splitlines() if " error: " in error]
        unexpected = [error for error in errors if not error.endswith(": No such file or directory")]
        assert not unexpected, f"{page}:{line}: {unexpected}"
        assert result.returncode == 0 or errors, f"{page}:{line}: {result.returncode} {result.stderr}"
