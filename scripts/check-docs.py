#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option, counter, path, variable and command that a document names has to exist.

usage: scripts/check-docs.py [FILE...]    (none: all Markdown files, the manual pages and the unit)

It checks links, with their #sections; words in backquotes; ini blocks; lines of code blocks that run culvert, make or a
script. A word in backquotes that is neither an option, counter, cause, path nor command of this repository has to occur in its
sources.

Without arguments it also checks that nothing is missing: README.md links every page of docs/, and docs/operations.md has a row
for every cause and every exit code.
"""
import functools
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATH_TOPS = ("src/", "scripts/", "tests/", "etc/", "docs/", ".ci/")
MODULE_PATH = re.compile(r"^[a-z]+/[\w.*-]+\.(?:h|cc|def)$")
SECTIONS = re.compile(r"^\[(global|defaults|service [A-Za-z0-9][\w.-]{0,62})\]$")
BUILT = ("build/", "config.status")  # what make builds
# Words of other programs and of the language: no source of ours has to contain them.
FOREIGN = {"docker", "systemctl", "useradd", "logrotate", "journalctl", "certbot", "privkey.pem", "git", "gdb", "perf",
           "valgrind", "PascalCase", "lowerCamel", "trailing_", "kName", "snake_case"}
OF_OTHERS = {"tests/bench/README.md"}  # names options of other servers
UNUSED_CAUSES = {"reload-removed", "admin-closed"}  # for later features; nothing writes them


def read(name):
    return (ROOT / name).read_text(encoding="utf-8", errors="replace")


def tableFile(name):
    """The path of a .def table in any module."""
    return str(next((ROOT / "src").rglob(name)).relative_to(ROOT))


def tableKeys(name, macro):
    """The quoted names in a .def table: the first string of each entry."""
    text = re.sub(r"^//.*$", "", read(name), flags=re.MULTILINE)
    return {match[1] for match in re.finditer(macro + r'\(\s*[\w ,]*?"([^"]+)"', text)}


@functools.lru_cache(None)
def facts():
    options = tableKeys(tableFile("options.def"), "OPTION")
    commandLine = set()
    for names in re.findall(r'CLI_OPTION\(\w+, "[^"]*", "([^"]+)"', read(tableFile("cli_options.def"))):
        commandLine.update(names.split(","))
    for names in re.findall(r'CTL_OPTION\(\w+, "[^"]*", "([^"]+)"', read(tableFile("commands.def"))):
        commandLine.update(names.split(","))
    makefile = read("Makefile")
    targets = set()
    for line in re.findall(r"^([a-z][\w .-]*):(?!=)", makefile, re.MULTILINE):
        targets.update(line.split())
    for line in re.findall(r"^\.PHONY:(.*)$", makefile, re.MULTILINE):
        targets.update(line.split())
    return {
        "options": options,
        "counters": tableKeys(tableFile("counters.def"), "COUNTER"),
        "measured": tableKeys(tableFile("timings.def"), "TIMING") | tableKeys(tableFile("service_counts.def"), "SERVICE_COUNT"),
        "causes": {name.rstrip(":") for name in tableKeys(tableFile("close_cause.def"), "CLOSE_CAUSE")},
        "commandLine": commandLine,
        "targets": targets,
        "modules": {path.name for path in (ROOT / "src").iterdir() if path.is_dir()},
        "makefile": makefile,
    }


def isMetric(name):
    """True for culvert_NAME with the unit and _total, where NAME is in one of the tables of counters, counts and times."""
    stem = re.fullmatch(r"culvert_(service_)?([a-z_]+?)(_bytes)?(_seconds)?(_total)?", name)
    tables = facts()["counters"] | facts()["measured"]
    return stem is not None and any(one in tables for one in (stem[2], f"{stem[2]}_us", f"{stem[2]}{stem[3] or ''}"))


@functools.lru_cache(None)
def sourceWords():
    """All words of files that are not documents, in the forms that documents use."""
    words = set()
    for name in sourceFiles():
        text = read(name)
        words.update(re.findall(r"[A-Za-z_][\w]*", text))
        words.update(re.findall(r"-D([A-Za-z_]\w*)", text))  # a macro given to the compiler
        words.update(re.findall(r"[A-Za-z0-9][\w]*(?:[-./][\w]+)+", text))
    return words


def sourceFiles():
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=False,
                           capture_output=True).stdout.decode().split("\0")
    names = [name for name in names if name] or [str(path.relative_to(ROOT)) for path in ROOT.rglob("*")]
    kept = [name for name in names if not name.startswith("build/") and not isDocument(name)
            and not name.endswith((".svg", "LICENSE", "check-docs.py", "test_documents.py"))]
    return [name for name in kept if (ROOT / name).is_file()]


@functools.lru_cache(None)
def fileNames():
    return {pathlib.PurePath(name).name for name in sourceFiles()} | {path.name for path in ROOT.glob("*.md")}


def isDocument(name):
    return name.endswith((".md", ".8", ".5")) or name == "etc/culvert.service"


def pathExists(path, document):
    path = path.rstrip("/").split("#")[0].split(":")[0]
    if "<" in path or "*" in path or re.search(r"\b[A-Z]{2,}\b", path):  # src/<module>/, tests/fuzz/NAME_fuzz.cc
        pattern = re.sub(r"<\w+>|\b[A-Z]{2,}(?=\b|_)", "*", path)
        return any(ROOT.glob(pattern)) or any(document.parent.glob(pattern))
    tries = [ROOT / path, ROOT / "src" / path, document.parent / path]
    return path.startswith(BUILT) or any(one.exists() for one in tries)


@functools.lru_cache(None)
def sectionsOf(path):
    """The headings of a document in the form that links use."""
    text = re.sub(r"^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ +(.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def linkProblem(target, document):
    """A link is relative to its document; in a document outside the repository (the check's own tests), to the repository."""
    path, _, section = target.partition("#")
    base = document.parent if document.is_relative_to(ROOT) else ROOT
    file = base / path if path else document
    if not file.exists():
        return f"the link leads nowhere: {target}"
    if section and file.suffix == ".md" and section not in sectionsOf(file):
        return f"the link leads nowhere: {target}, {file.name} has no such section"
    return None


def pagesNotIn(index, names):
    """Returns those of these files to which the index has no link."""
    linked = {target.partition("#")[0] for target in re.findall(r"\]\(([^)\s]+)\)", index)}
    return [name for name in names if name not in linked]


def rowsNotIn(text, names):
    """Returns those of these names that are in no first cell of a table."""
    cells = " ".join(re.findall(r"^\| *([^|]*)\|", text, re.MULTILINE))
    words = {word.partition(":")[0] for word in re.findall(r"[\w:-]+", cells)}
    return [name for name in names if name not in words]


def gaps():
    """What is missing in the documents: (name of the document, problem)."""
    pages = sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))
    for page in pagesNotIn(read("README.md"), pages):
        yield "README.md", f"there is no link to {page}"
    operations = read("docs/operations.md")
    for cause in rowsNotIn(operations, sorted(facts()["causes"] - UNUSED_CAUSES)):
        yield "docs/operations.md", f"the cause {cause} has no row"
    codes = re.findall(r"^EXIT_CODE\(\w+, (\d+),", read(tableFile("exit_code.def")), re.MULTILINE)
    for code in rowsNotIn(operations, codes):
        yield "docs/operations.md", f"the exit code {code} has no row"


def culvertProblems(command):
    """A command line of culvert: its options exist, and what --set and --help name."""
    known = facts()
    for word in re.findall(r"(?<!\S)(--?[A-Za-z][\w-]*)", command):
        if word not in known["commandLine"]:
            yield f"culvert has no option {word}"
    for key in re.findall(r"--help ([a-z][\w-]*)", command):
        if key not in known["options"]:
            yield f"there is no key {key}"
    for key in re.findall(r"--set \S*?\.([a-z][a-z-]*)=", command):
        if key not in known["options"]:
            yield f"there is no key {key}"


def makeProblems(command):
    known = facts()
    for word in re.sub(r"'[^']*'|\"[^\"]*\"", "", command).split()[1:]:
        if word.startswith("#") or word in ("&&", "||", ";"):
            return
        if "=" in word:
            name = word.split("=")[0]
            if not re.search(rf"\b{name}\b", known["makefile"]) and name not in sourceWords():
                yield f"nothing reads the variable {name}"
        elif re.fullmatch(r"[a-z]+-[A-Z]+", word):  # unit-NAME
            if word.split("-")[0] + "-$(" not in known["makefile"]:
                yield f"the Makefile has no goals {word}"
        elif re.fullmatch(r"[a-z][\w-]*", word):
            pattern = re.sub(r"-\w+$", "-", word)  # unit-net, check-asan
            if word not in known["targets"] and not (pattern + "$(" in known["makefile"] and
                                                     word.split("-", 1)[1] in known["modules"] | {"cmocka", "asan", "tsan"}):
                yield f"the Makefile has no goal {word}"


def environmentProblem(name):
    known = facts()
    for prefix in ("CULVERT_GLOBAL_", "CULVERT_DEFAULTS_", "CULVERT_TUNNEL_"):
        if name.startswith(prefix):
            key = name[len(prefix):].lower().replace("_", "-")
            return None if key in known["options"] | {""} else f"{name} names no key"
    return None if name in sourceWords() or name.rstrip("_") in sourceWords() else f"no source reads {name}"


def commandProblems(line, document):
    line = re.sub(r"^\s*\$ |^sudo ", "", line.strip())
    line = re.sub(r"\s+#.*$", "", line)
    if re.match(r"(\S*/)?culvert(\s|$)", line):
        yield from culvertProblems(line)
    elif line.startswith("make ") or line == "make":
        yield from makeProblems(line)
    for path in re.findall(r"(?<!\S)((?:scripts|tests|etc|docs|\.ci)/[\w./-]+)", line):
        if not pathExists(path, document):
            yield f"there is no {path}"


def iniProblems(line):
    known = facts()
    line = line.split(" ;")[0].strip()
    if not line or line[0] in ";#":
        return
    if line.startswith("["):
        if not SECTIONS.match(line):
            yield f"there is no section {line}"
        return
    key = line.split("=")[0].strip()
    if key not in known["options"]:
        yield f"there is no key {key}"


def wordProblems(word, document):
    """One word or phrase in backquotes."""
    known = facts()
    ofOthers = str(document.relative_to(ROOT)) in OF_OTHERS if document.is_relative_to(ROOT) else False
    setting = re.match(r"^([a-z][a-z-]*) = ", word)
    if setting:
        if setting[1] not in known["options"] and not ofOthers:
            yield f"there is no key {setting[1]}"
    elif word.startswith("--"):
        yield from culvertProblems("culvert " + word) if word.split("=")[0].split()[0] not in sourceOptions() else ()
    elif re.match(r"(\S*/)?culvert \S|make($| )|(scripts|\.ci)/\S+ ", word):
        yield from commandProblems(word, document)
    elif word.startswith("[") and word.endswith("]") and word[1:2].islower():
        if not SECTIONS.match(word.replace("NAME", "x")) and word[1:-1] not in sourceWords():
            yield f"there is no section {word}"
    elif word.startswith(PATH_TOPS) or MODULE_PATH.match(word):
        if not pathExists(word, document):
            yield f"there is no {word}"
    elif re.fullmatch(r"CULVERT_[A-Z_]+(<KEY>)?", word):
        problem = environmentProblem(word.replace("<KEY>", ""))
        if problem:
            yield problem
    elif re.fullmatch(r"[A-Za-z]\w*(?:[-.]\w+)*(?:\(\))?(?:=|:)?", word):
        name = word.rstrip(":=").removesuffix("()")
        names = known["options"] | known["counters"] | known["causes"] | known["targets"] | FOREIGN
        if name not in names and not isMetric(name) and name not in sourceWords() and name not in fileNames() and not ofOthers:
            yield f"\"{name}\" is not an option, counter, cause or goal, and no source has it"


@functools.lru_cache(None)
def sourceOptions():
    """Options of scripts and of other programs that the sources use."""
    found = set()
    for name in sourceFiles():
        found.update(re.findall(r"(?<![\w-])--[a-z][\w-]*", read(name)))
    return found


def markdownProblems(document, text):
    block = None
    for number, line in enumerate(text.splitlines(), 1):
        fence = re.match(r"^\s*```(\w*)", line)
        if fence:
            block = None if block is not None else (fence[1] or "text")
            continue
        found = []
        if block == "ini":
            found += iniProblems(line)
        elif block is not None:
            found += commandProblems(line, document)
        else:
            for target in re.findall(r"\]\(([^)\s]+)\)", line):
                problem = None if re.match(r"[a-z]+:", target) else linkProblem(target, document)
                if problem:
                    found.append(problem)
            for word in re.findall(r"`([^`]+)`", line):
                found += wordProblems(word, document)
        for problem in found:
            yield number, problem


def manualProblems(text):
    """Options, variables and counters of a manual page or of the unit."""
    known = facts()
    inCounters = False
    for number, line in enumerate(text.splitlines(), 1):
        plain = line.replace("\\-", "-").replace("\\&", "")
        if plain.startswith(".SH"):
            inCounters = plain == ".SH COUNTERS"
        for word in re.findall(r"(?<![\w-])--[a-z][a-z-]*", plain):
            if word not in known["commandLine"] and word not in sourceOptions():
                yield number, f"culvert has no option {word}"
        for name in re.findall(r"\bCULVERT_[A-Z_]+\b", plain):
            problem = environmentProblem(name)
            if problem and not re.match(r"CULVERT_X_", name):
                yield number, problem
        counter = re.match(r"\.B ([a-z_]+)$", plain) if inCounters else None
        if counter and counter[1] not in known["counters"]:
            yield number, f"there is no counter {counter[1]}"


def main(arguments):
    names = arguments
    if not names:
        out = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=False,
                             capture_output=True).stdout.decode()
        names = sorted({name for name in out.split("\0") if name and isDocument(name)} or
                       {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.md")})
    problems = 0
    for name in names:
        document = ROOT / name
        if not document.is_file():
            continue
        text = document.read_text(encoding="utf-8")
        found = markdownProblems(document, text) if name.endswith(".md") else manualProblems(text)
        for number, problem in found:
            problems += 1
            print(f"{name}:{number}: {problem}")
    for name, problem in () if arguments else gaps():
        problems += 1
        print(f"{name}: {problem}")
    print(f"check-docs: {len(names)} documents, {problems} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
