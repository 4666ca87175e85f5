# SPDX-License-Identifier: GPL-3.0-or-later
"""`include`: services in files of their own, which a reload reads anew; and what is said of files that are wrong."""

import re
import socket

import pytest

from harness import HalfCloser
from harness.daemon import run_culvert
from harness.util import free_port


class Files:
    """Writes and removes files of conf.d, beside the daemon's main file."""

    def __init__(self, directory):
        self.main = directory / "c.ini"  # for runs that do not serve
        self.path = directory / "conf.d"
        self.path.mkdir(parents=True)

    def write(self, name, text):
        (self.path / name).write_text(text)
        return self.path / name

    def remove(self, name):
        (self.path / name).unlink()


@pytest.fixture
def conf(workdir):
    return Files(workdir / "culvert-0")


@pytest.fixture
def start(culvert):
    """Starts a daemon with this main file; its log is on stderr."""
    return lambda text: culvert(text, log=None)


@pytest.fixture
def service(backend, pki):
    """Makes the section of a service, whose backend greets with the service's name."""
    def make(name, *more, listen=None):
        lines = [f"[service {name}]", f"listen = {listen or f'127.0.0.1:{free_port()}'}",
                 f"backend = {backend(HalfCloser, name.encode()).address}", *more,
                 f"cert = {pki.ecdsa.chain}", f"key = {pki.ecdsa.key}", ""]
        return "\n".join(lines)
    return make


MAIN = "[global]\ninclude = conf.d/*.ini\n"


def greeting(connect, daemon, name):
    return connect(daemon, name).recv_to_end()


def errors_of(result):
    return [line for line in result.stderr.splitlines() if ": error: " in line]


# -- what is read --------------------------------------------------------------------------------------------------

def test_the_files_are_read_in_the_order_of_their_names(start, connect, conf, service):
    """After the main file, by the bytes of their names; files of editors and hidden files are not read."""
    for name in ("b", "10", "9", "a"):
        conf.write(f"{name}.ini", service(name))
    for name in ("a.ini~", ".a.ini.swp", ".b.ini", "a.ini.bak", "README"):
        conf.write(name, "this is not a configuration\n")
    daemon = start(service("zero") + MAIN)
    for name in ("zero", "10", "9", "a", "b"):
        assert greeting(connect, daemon, name) == name.encode()
    dump = run_culvert("--dump-config", "-c", daemon.config_path)
    assert re.findall(r"^\[service (\w+)\]", dump.stdout, re.M) == ["zero", "10", "9", "a", "b"]
    check = run_culvert("--check", "-c", daemon.config_path)
    assert check.returncode == 0, check
    assert check.stdout.splitlines()[-1] == "configuration is sound: 5 services, 4 included files"


def test_the_dump_is_one_file_with_the_place_of_each_value(conf, service):
    path = conf.write("a.ini", "[defaults]\nidle-timeout = 7m\n" + service("a"))
    main = conf.main
    main.write_text(MAIN)
    dump = run_culvert("--dump-config", "-c", main)
    assert dump.returncode == 0, dump
    assert re.search(rf"^idle-timeout = 7m +; {re.escape(str(path))}:2$", dump.stdout, re.M), dump.stdout
    assert re.search(rf"^# the files of include = conf.d/\*.ini .*; {re.escape(str(main))}:2$", dump.stdout, re.M)
    alone = conf.path / "alone"
    alone.write_text(dump.stdout)
    again = run_culvert("--check", "-c", alone)
    assert again.returncode == 0 and again.stdout.splitlines()[-1] == "configuration is sound: 1 service", again


def test_defaults_belong_to_their_file(conf, service):
    """Those of the main file apply to all files, but are weaker than a file's own."""
    main = conf.main
    main.write_text(MAIN + "[defaults]\nidle-timeout = 1m\nstall-timeout = 2m\n")
    conf.write("a.ini", "[defaults]\nidle-timeout = 3m\n" + service("a"))
    conf.write("b.ini", service("b", "stall-timeout = 4m"))
    dump = run_culvert("--dump-config", "-c", main)
    assert dump.returncode == 0, dump
    assert re.findall(r"^(?:idle|stall)-timeout = (\S+)", dump.stdout, re.M) == ["3m", "2m", "1m", "4m"]


def test_the_environment_names_the_pattern_without_a_main_file(conf, service):
    conf.write("a.ini", service("a"))
    check = run_culvert("--check", env={"CULVERT_GLOBAL_INCLUDE": f"{conf.path}/*.ini"})
    assert check.returncode == 0, check
    assert check.stdout.splitlines()[-1] == "configuration is sound: 1 service, 1 included file"


# -- reload --------------------------------------------------------------------------------------------------------

def test_a_reload_reads_new_files_and_ends_services_of_removed_ones(start, connect, conf, service):
    conf.write("a.ini", service("a"))
    conf.write("old.ini", service("old"))
    daemon = start(service("main") + MAIN)
    assert greeting(connect, daemon, "old") == b"old"
    old_address = daemon.address("old")
    conf.write("new.ini", service("new"))
    conf.remove("old.ini")
    daemon.reload()
    assert greeting(connect, daemon, "new") == b"new"
    gone = daemon.wait_log("no longer listening")
    assert gone["service"] == "old"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(old_address)
    for name in ("main", "a"):
        assert greeting(connect, daemon, name) == name.encode()
    assert daemon.counters()["reloads_ok"] == 1


def test_a_reload_reads_changed_files(start, connect, conf, service):
    listen = f"127.0.0.1:{free_port()}"
    text = service("a", listen=listen)
    conf.write("a.ini", text)
    daemon = start(MAIN)
    assert greeting(connect, daemon, "a") == b"a"
    other = re.search(r"backend = \S+", service("other"))[0]
    conf.write("a.ini", re.sub(r"backend = \S+", other, text))
    daemon.reload()
    assert greeting(connect, daemon, "a") == b"other"


@pytest.mark.parametrize("text, line, words", [
    ("[service b]\nlisten = 127.0.0.1:99999\n", 2, "99999"),
    ("[service a]\n", 1, "a service of this name exists already, at "),
    ("[global]\nlog-level = debug\n", 1, "is not allowed in an included file"),
    ("[defaults]\ninclude = x.ini\n", 2, "an included file cannot include others"),
    ("nonsense\n", 1, "is not `key = value`"),
])
def test_an_error_in_a_file_names_its_line_and_changes_nothing(start, connect, conf, service, text, line, words):
    conf.write("a.ini", service("a"))
    daemon = start(MAIN)
    bad = conf.write("b.ini", text)
    conf.write("c.ini", service("c"))
    lines = daemon.reload(expect=False)
    assert any(f"{bad}:{line}: error: " in one.text and words in one.text for one in lines), lines
    assert greeting(connect, daemon, "a") == b"a"
    assert not daemon.find_log("listening service=c")
    conf.remove("b.ini")
    daemon.reload()
    assert greeting(connect, daemon, "c") == b"c"
    assert daemon.counters()["reloads_failed"] == 1


def test_a_file_that_cannot_be_read_changes_nothing(start, connect, conf, service):
    """Without its file a service would end, so a reload refuses. A directory is such a file."""
    conf.write("a.ini", service("a"))
    conf.write("b.ini", service("b"))
    daemon = start(MAIN)
    conf.remove("b.ini")
    (conf.path / "b.ini").mkdir()
    lines = daemon.reload(expect=False)
    assert any(f"{conf.path}/b.ini: error: is a directory, not a file" in one.text for one in lines), lines
    for name in ("a", "b"):
        assert greeting(connect, daemon, name) == name.encode()


# -- mistakes ------------------------------------------------------------------------------------------------------

def test_a_name_over_two_files_names_both_places(conf, service):
    main = conf.main
    main.write_text(MAIN)
    first = conf.write("a.ini", service("x"))
    second = conf.write("b.ini", "\n" + service("x"))
    result = run_culvert("--check", "-c", main)
    assert result.returncode == 3
    assert errors_of(result) == [
        f"{second}:2: error: [service x]: a service of this name exists already, at {first}:1"]


def test_what_is_missing(conf, service):
    """A pattern may match nothing yet; a plain name must be there."""
    main = conf.main
    main.write_text(MAIN + service("x"))
    result = run_culvert("--check", "-c", main)
    assert result.returncode == 0, result
    assert f"{main}:2: warning: [global] include: no file matches {conf.path}/*.ini" in result.stderr
    assert result.stdout.splitlines()[-1] == "configuration is sound: 1 service, 0 included files"
    main.write_text("[global]\ninclude = more.ini\n" + service("x"))
    result = run_culvert("-c", main)
    assert result.returncode == 3
    assert errors_of(result) == [f"{main}:2: error: [global] include: {main.parent}/more.ini: cannot open the file: "
                                 "No such file or directory"]


def test_a_directory_that_cannot_be_read_is_an_error(conf, service):
    """It is not the same as a directory without files: a reload would end its services."""
    (conf.main.parent / "loop").symlink_to("loop")
    conf.main.write_text("[global]\ninclude = loop/*.ini\n" + service("x"))
    result = run_culvert("--check", "-c", conf.main)
    assert result.returncode == 3
    assert errors_of(result) == [f"{conf.main}:2: error: [global] include: cannot read the directory "
                                 f"{conf.main.parent}/loop: Too many levels of symbolic links"]
