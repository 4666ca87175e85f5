# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration as its reader meets it: all mistakes at once, where they are and what was meant; exit codes; the
strength of the sources; what the command line prints."""

import datetime
import os
import re
import shutil
import socket
import subprocess
import tempfile

import pytest

from harness import BINARY, Config, Culvert, Echo, StartFailed
from harness.daemon import clean_environment, run_culvert
from harness.util import free_port, is_root

MISTAKES = """\
[global]
log-levl = info
workers = 0

[service main]
listen = 127.0.0.1:{port}
backend = 127.0.0.1:99999
cert = {cert}
key = {key}
idle-timeout = 30
on-truncation = reste
fifo-size = 3m, or so

[servce other]
listen = 127.0.0.1:0
"""


@pytest.fixture
def ini(workdir):
    """Writes a configuration file and returns its path."""
    def write(text, name="c.ini"):
        path = workdir / name
        path.write_text(text, newline="") if isinstance(text, str) else path.write_bytes(text)
        return path
    return write


@pytest.fixture
def good(ini, pki):
    return ini(Config({"main": {"backend": "127.0.0.1:1", "listen": f"127.0.0.1:{free_port()}"}}).render(pki))


def errors_of(result):
    return [line for line in result.stderr.splitlines() if ": error: " in line]


# -- mistakes ------------------------------------------------------------------------------------------------------

def test_seven_mistakes_are_seven_lines(ini, pki):
    """Every one with its line, its section and key, and what was probably meant; exit 3, and nothing was bound."""
    port = free_port()
    path = ini(MISTAKES.format(port=port, cert=pki.ecdsa.chain, key=pki.ecdsa.key))
    with socket.create_server(("127.0.0.1", port)):  # were it bound, that would be another error, or another exit code
        result = run_culvert("-c", path)
    assert result.returncode == 3, result
    expected = {
        2: r'\[global\] log-levl: .*\(did you mean "log-level"\)',
        3: r"\[global\] workers: ",
        7: r"\[service main\] backend: .*99999",
        10: r'\[service main\] idle-timeout: .*\(did you mean "30s"\)',
        11: r'\[service main\] on-truncation: .*\(did you mean "reset"\)',
        12: r"\[service main\] fifo-size: ",
        14: r'\[servce other\].*\(did you mean "\[service other\]"\)',
    }
    errors = errors_of(result)
    assert len(errors) == 7, "\n".join(errors)
    for error, (line, words) in zip(errors, expected.items()):
        assert re.match(rf"{re.escape(str(path))}:{line}: error: {words}", error), error
    check = run_culvert("--check", "-c", path)
    assert check.returncode == 3 and errors_of(check) == errors


@pytest.mark.parametrize("text, line, words", [
    ("[service main]\nlisten = 0\n", 1, "backend"),
    ("[service main]\nlisten = 0\n backend = 1\n", 3, "indent"),
    ("[service main]\nlisten = 127.0.0.1:0\nbackend = 1\nbackend-name = x\n", 4, "backend-name"),
    ("listen = 1\n", 1, "section"),
    ("[service main\nlisten = 1\n", 1, ""),
    ("[service a]\n[service a]\n", 2, "a"),
    ("[service " + "n" * 64 + "]\n", 1, "63"),
])
def test_mistakes_of_form_point_at_their_line(ini, text, line, words):
    path = ini(text)
    result = run_culvert("-c", path)
    assert result.returncode == 3
    assert any(error.startswith(f"{path}:{line}: error: ") and words in error for error in errors_of(result)), result


def test_a_missing_file_is_a_configuration_error(workdir):
    result = run_culvert("-c", workdir / "nowhere.ini")
    assert result.returncode == 3 and "nowhere.ini" in result.stderr


def test_no_service_is_a_configuration_error(ini):
    result = run_culvert("-c", ini("[global]\nworkers = 1\n"))
    assert result.returncode == 3 and "service" in result.stderr


def test_ordinary_variants_of_a_file_are_understood(culvert, backend, connect, pki):
    """CRLF, a BOM, comments, a value longer than inih's 200 bytes, blank lines, no line end at the end."""
    names = ",".join(["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                      "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-ECDSA-CHACHA20-POLY1305",
                      "ECDHE-RSA-CHACHA20-POLY1305", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"])
    assert len(names) > 200
    text = (f"\ufeff# a comment\r\n[service main] ; after a section\r\n\r\n; another\r\nlisten = 127.0.0.1:0 ; here\r\n"
            f"backend={backend(Echo).address}\r\ncert = {pki.ecdsa.chain}\r\nkey   =   {pki.ecdsa.key}\r\n"
            f"ciphers = {names}")
    daemon = culvert(text, log=None)
    connect(daemon, maximum="1.2").echo()


# -- certificates --------------------------------------------------------------------------------------------------

def certificate_case(pki, workdir, case):
    """(certificate, key, words of the message)"""
    leaf = pki.issue("leaf", directory=workdir)
    if case == "missing key":
        return leaf.chain, workdir / "none.pem", "none.pem"
    if case == "other key":
        return leaf.chain, pki.ecdsa.key, "match|fit|belong"
    if case == "other key type":
        return leaf.chain, pki.rsa.key, "match|fit|belong"
    if case == "cut":
        text = open(leaf.chain).read()
        open(leaf.chain, "w").write(text[:200])
        return leaf.chain, leaf.key, "leaf-chain.pem"
    if case == "no key in the file":
        return leaf.chain, None, "leaf-chain.pem"
    open(leaf.key, "w").write("not a key\n")
    return leaf.chain, leaf.key, "leaf-key.pem"


@pytest.mark.parametrize("case", ["missing key", "other key", "other key type", "cut", "no key in the file", "not pem"])
def test_a_certificate_that_does_not_do_is_exit_4(ini, pki, workdir, case):
    """At the start and at --check alike, with the line of the guilty key in the file, and nothing bound."""
    cert, key, words = certificate_case(pki, workdir, case)
    config = Config({"main": {"backend": "127.0.0.1:1", "cert": cert, "key": key}})
    path = ini(config.render(pki))
    for args in (["-c", path], ["--check", "-c", path]):
        result = run_culvert(*args)
        assert result.returncode == 4, result
        errors = errors_of(result)
        assert errors and re.search(words, "\n".join(errors)), result.stderr
        assert all(re.match(rf"{re.escape(str(path))}:\d+: error: \[service main\] (cert|key): ", one)
                   for one in errors), errors


def test_errors_of_the_file_come_before_those_of_the_certificates(ini, pki, workdir):
    config = Config({"main": {"backend": "127.0.0.1:1", "cert": workdir / "none.pem", "idle-timeout": "soon"}})
    assert run_culvert("-c", ini(config.render(pki))).returncode == 3


def test_each_credential_error_stands_at_its_own_line(ini, pki, workdir):
    """Both files of a pair are looked at, so that one round of mending is enough."""
    path = ini(f"[service main]\nlisten = 0\nbackend = 127.0.0.1:1\nkey = {workdir}/no.key\ncert = {workdir}/no.pem\n")
    result = run_culvert("--check", "-c", path)
    assert result.returncode == 4
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"{path}:4: error: [service main] key: ") and "no.key" in lines[0], lines
    assert lines[1].startswith(f"{path}:5: error: [service main] cert: ") and "no.pem" in lines[1], lines
    path = ini(Config({"main": {"backend": "127.0.0.1:1", "cert": pki.ecdsa.chain, "key": pki.rsa.key}}).render(pki))
    (line,) = run_culvert("--check", "-c", path).stderr.splitlines()
    assert "[service main] key: " in line and "does not belong" in line


def test_a_wrong_group_is_the_groups_error(ini, pki):
    path = ini("[global]\nuser = nobody\ngroup = nosuch\n" + Config({"main": {"backend": "127.0.0.1:1"}}).render(pki))
    for arguments in (["-c", path], ["--check", "-c", path]):
        done = run_culvert(*arguments)
        assert done.returncode == 3
        assert f'{path}:3: error: [global] group: there is no group "nosuch"' in done.stderr.splitlines()


@pytest.mark.skipif(not is_root(), reason="becomes somebody else")
def test_check_tells_when_the_user_cannot_be_reached(pki):
    """The one who checks may not be the one who starts: a note, which strict refuses."""
    with tempfile.TemporaryDirectory() as copies:
        os.chmod(copies, 0o755)
        for source, name in ((BINARY, "culvert"), (pki.ecdsa.chain, "cert"), (pki.ecdsa.key, "key")):
            os.chmod(shutil.copy(source, f"{copies}/{name}"), 0o755)
        with open(f"{copies}/c.ini", "w") as file:
            file.write("[global]\nuser = daemon\n" + Config({"main": {
                "backend": "127.0.0.1:1", "cert": f"{copies}/cert", "key": f"{copies}/key"}}).render(pki))
        for option, code, word in (("--check", 0, "note"), ("--check=strict", 3, "error")):
            done = subprocess.run([f"{copies}/culvert", option, "-c", f"{copies}/c.ini"], user="nobody", capture_output=True,
                                  text=True, env=clean_environment())
            assert done.returncode == code, done
            assert f"c.ini:2: {word}: [global] user: cannot become user daemon" in done.stderr, done


@pytest.mark.parametrize("arguments", [["--version"], ["--help"], ["--generate", "man"], ["--dump-config", "-c", "{good}"],
                                       ["--check", "-c", "{good}"]])
def test_output_that_cannot_be_written_is_no_success(good, arguments):
    with open("/dev/full", "w") as full:
        done = subprocess.run([BINARY, *(one.format(good=good) for one in arguments)], stdout=full, text=True,
                              stderr=subprocess.PIPE, env=clean_environment())
    assert done.returncode == 1
    assert "cannot write to standard output: No space left on device" in done.stderr


@pytest.mark.parametrize("name,config,strict_only", [
    ("overlap", {"listen": ["{port}", "127.0.0.1:{port}"]}, False),
    ("no directory", {"listen": "unix:{dir}/none/x.sock"}, True),
    ("plain file", {"listen": "unix:{dir}/plain"}, True),
    ("log", {"log": "file:{dir}/none/x.log"}, True),
    ("pid file", {"pid-file": "{dir}"}, True)])
def test_check_finds_what_the_start_would_refuse(ini, pki, workdir, name, config, strict_only):
    """What is wrong in the file itself is an error, what may be different at the start a note that strict refuses."""
    (workdir / "plain").touch()
    fill = {"port": free_port(), "dir": workdir}
    options = {key: [one.format(**fill) for one in ([value] if isinstance(value, str) else value)]
               for key, value in config.items()}
    listen = {"listen": options.pop("listen")} if "listen" in options else {}
    path = ini(Config({"main": {"backend": "127.0.0.1:1", **listen}}, globals_=options).render(pki))
    assert run_culvert("-c", path).returncode in (3, 5)
    result = run_culvert("--check", "-c", path)
    assert result.returncode == (0 if strict_only else 5), result
    assert ("note: " if strict_only else "error: ") in result.stderr, result
    assert run_culvert("--check=strict", "-c", path).returncode == 5


def test_an_expired_certificate_is_warned_of(ini, pki, workdir):
    hour = datetime.timedelta(hours=1)
    old = pki.issue("old", directory=workdir, start=-3 * hour, end=-hour)
    result = run_culvert("--check", "-c", ini(Config({"main": {"backend": "127.0.0.1:1", "cert": old.chain,
                                                               "key": old.key}}).render(pki)))
    assert "expired" in result.stderr + result.stdout
    assert str(old.chain) in result.stderr + result.stdout


def test_certificate_and_key_in_one_file(culvert, backend, connect, pki):
    daemon = culvert(backend=backend(Echo).address, service={"cert": pki.ecdsa.both, "key": None})
    connect(daemon).echo()


# -- binding -------------------------------------------------------------------------------------------------------

def test_a_taken_address_is_exit_5_with_its_line(culvert):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = Config({"main": {"listen": [f"127.0.0.1:{free_port()}", f"127.0.0.1:{port}"], "backend": "1"}})
        with pytest.raises(StartFailed) as failed:
            daemon = culvert(config, wait=False)
            daemon.allowed_exits = (5,)
            daemon.wait_ready()
        assert failed.value.code == 5
        assert re.search(rf"culvert\.ini:\d+: error: \[service main\] listen: .*{port}", failed.value.stderr)


# -- --check -------------------------------------------------------------------------------------------------------

def test_check_of_a_good_file(good):
    result = run_culvert("--check", "-c", good)
    assert result.returncode == 0, result
    assert run_culvert("-t", "-c", good).returncode == 0


def test_check_runs_beside_the_daemon(culvert, backend, connect):
    """That the addresses are in use is a note, as ExecReload needs it; strict makes it an error."""
    daemon = culvert(backend=backend(Echo).address, service={"listen": f"127.0.0.1:{free_port()}"})
    result = run_culvert("--check", "-c", daemon.config_path)
    assert result.returncode == 0, result
    assert re.search(r"culvert\.ini:\d+: note: \[service main\] listen: .*in use", result.stderr + result.stdout)
    strict = run_culvert("--check=strict", "-c", daemon.config_path)
    assert strict.returncode == 5, strict
    assert any("in use" in error for error in errors_of(strict))
    connect(daemon).echo()


def test_check_notes_a_name_that_does_not_resolve(ini, pki):
    path = ini(Config({"main": {"backend": "no-such-host.invalid:1"}}).render(pki))
    result = run_culvert("--check", "-c", path)
    assert result.returncode == 0, result
    assert re.search(r": note: \[service main\] backend: .*no-such-host\.invalid", result.stderr + result.stdout)
    assert run_culvert("--check=strict", "-c", path).returncode != 0


# -- sources and their strength ------------------------------------------------------------------------------------

def dumped(*args, env=None):
    """--dump-config as {(section, key): the line}."""
    result = run_culvert("--dump-config", *args, env=env)
    assert result.returncode == 0, result
    lines, section = {}, ""
    for line in result.stdout.splitlines():
        if line.startswith("["):
            section = line.split("]")[0].strip("[]")
        elif "=" in line and not line.lstrip().startswith("#"):
            lines[section, line.split("=")[0].strip()] = line
    return lines


def test_dump_config_tells_every_value_and_where_it_is_from(ini, pki):
    path = ini(Config({"main": {"backend": "127.0.0.1:1"}}, defaults={"idle-timeout": "5m"}, workers=3).render(pki))
    lines = dumped("-c", path, "--set", "service:main.stall-timeout=7s", env={"CULVERT_GLOBAL_LOG_LEVEL": "debug"})
    for place, value, origin in ((("global", "workers"), "3", "c.ini:2"),
                                 (("global", "log-level"), "debug", "env:CULVERT_GLOBAL_LOG_LEVEL"),
                                 (("service main", "idle-timeout"), "5m", "c.ini:5"),
                                 (("service main", "stall-timeout"), "7s", "--set#1"),
                                 (("service main", "connect-timeout"), "10s", "default")):
        assert value in lines[place] and origin in lines[place], lines[place]


@pytest.mark.parametrize("options", [
    {"backend": ["127.0.0.1:1", "127.0.0.1:2"], "alpn": "h2, http/1.1"},
    {"backend": "127.0.0.1:1", "verify-client": "required", "client-ca": "/ca.pem", "allow-cn": "a"},
    {"backend": "127.0.0.1:1", "verify-client": "required", "client-ca": "/ca.pem"},
], ids=["lists", "allow rules", "verify-client"])
def test_a_dump_is_a_configuration_file_with_the_same_meaning(ini, pki, options):
    path = ini(Config({"main": options}).render(pki))
    first = run_culvert("--dump-config", "-c", path).stdout
    again = run_culvert("--dump-config", "-c", ini(first, "again.ini"))
    assert again.returncode == 0, again.stderr

    def values(text):
        return [re.sub(r"\s+[;#].*", "", line).rstrip() for line in text.splitlines() if not line.startswith("#")]

    assert values(again.stdout) == values(first)


def test_the_wrong_mark_of_a_comment_is_warned_of(ini, pki):
    """Somebody's habit from elsewhere; in a rule of names nothing else would tell."""
    path = ini(Config({"main": {"backend": "127.0.0.1:1", "server-names": "a.example  # for now"}}).render(pki))
    done = run_culvert("-c", path, "--check")
    assert ("warning: [service main] server-names: the # and the text after it are part of the value: a comment after a "
            "value starts with ;") in done.stderr, done.stderr


def test_the_strongest_source_wins_and_replaces_a_list(ini, pki):
    """file < environment < --set < named options; repeats within one source append."""
    path = ini(Config({"main": {"backend": ["127.0.0.1:1", "127.0.0.1:2"]}}).render(pki))
    place = ("service main", "backend")
    env = {"CULVERT_TUNNEL_BACKEND": "127.0.0.1:3"}
    setting = ["--set", "service:main.backend=127.0.0.1:4", "--set", "service:main.backend=127.0.0.1:5"]

    def backends(*args, **options):
        text = run_culvert("--dump-config", "-c", path, *args, **options).stdout
        return re.findall(r"127\.0\.0\.1:([1-9])\b", "".join(
            line for line in text.splitlines() if line.startswith("backend")))

    assert dumped("-c", path)[place]
    assert backends() == ["1", "2"]
    assert backends(env=env) == ["3"]
    assert backends(*setting, env=env) == ["4", "5"]
    assert backends(*setting, "--backend", "127.0.0.1:6", env=env) == ["6"]


def test_mistakes_in_other_sources_name_their_origin(good):
    result = run_culvert("-c", good, "--set", "global.wrkers=2", "--set", "service:main.idle-timeout=soon",
                         env={"CULVERT_GLOBAL_LOG_LEVEL": "chatty", "CULVERT_NONSENSE": "1"})
    assert result.returncode == 3, result
    text = "\n".join(errors_of(result))
    assert re.search(r'^--set#1: error: \[global\] wrkers: .*did you mean "workers"', text, re.M), text
    assert re.search(r"^--set#2: error: \[service main\] idle-timeout: ", text, re.M), text
    assert re.search(r"^env:CULVERT_GLOBAL_LOG_LEVEL: error: \[global\] log-level: ", text, re.M), text
    assert re.search(r"^env:CULVERT_NONSENSE: error: ", text, re.M), text


def test_words_of_other_proxies_get_advice(ini, pki):
    """People bring the words of stunnel, hitch, ghostunnel and haproxy: in the file, in --set and as options."""
    path = ini(Config({"main": {"backend": "127.0.0.1:1", "CAfile": "/ca.pem", "send-proxy-v2": "on"}}).render(pki))
    result = run_culvert("--check", "-c", path, "--set", "global.nbthread=2")
    assert result.returncode == 3, result
    text = "\n".join(errors_of(result))
    assert re.search(r": error: \[service main\] CAfile: unknown key, a word of stunnel; culvert calls this backend-ca "
                     r"\(for servers\) or client-ca \(for clients\)$", text, re.M), text
    assert re.search(r": error: \[service main\] send-proxy-v2: unknown key, a word of haproxy; culvert calls this "
                     r"proxy-protocol = v2$", text, re.M), text
    assert re.search(r"^--set#1: error: \[global\] nbthread: unknown key, a word of haproxy; culvert calls this workers$",
                     text, re.M), text
    assert len(errors_of(result)) == 3, text

    result = run_culvert("server", "--listen", "127.0.0.1:0", "--target", "127.0.0.1:1")
    assert result.returncode == 2, result
    assert "unexpected argument \"server\", a word of haproxy and ghostunnel; " in result.stderr, result.stderr
    result = run_culvert("--listen", "127.0.0.1:0", "--target", "127.0.0.1:1")
    assert result.returncode == 2, result
    assert "unknown option \"--target\", a word of ghostunnel; culvert calls this backend; use --backend" in result.stderr


def test_names_that_kubernetes_injects_are_ignored(good):
    """A Kubernetes Service called culvert puts these into every pod."""
    env = {"CULVERT_SERVICE_HOST": "10.0.0.1", "CULVERT_SERVICE_PORT": "443", "CULVERT_PORT": "tcp://10.0.0.1:443",
           "CULVERT_PORT_443_TCP_ADDR": "10.0.0.1", "CULVERT_SERVICE_PORT_TLS": "443"}
    result = run_culvert("--check", "-c", good, env=env)
    assert result.returncode == 0 and "CULVERT_" not in result.stderr, result


def test_the_file_may_come_from_the_environment(good):
    assert run_culvert("--check", env={"CULVERT_CONFIG": str(good)}).returncode == 0


# -- without a file ------------------------------------------------------------------------------------------------

def test_a_run_without_a_file(culvert, backend, connect, pki):
    daemon = culvert(None, log=None, args=["--listen", "127.0.0.1:0", "--backend", backend(Echo).address, "--cert",
                                           pki.ecdsa.chain, "--key", pki.ecdsa.key])
    connect(daemon).echo()
    daemon.reload()
    connect(daemon).echo()


def test_a_self_signed_run(culvert, backend, connect):
    """For trying out: a certificate made at the start, good for localhost; a new one for every start."""
    daemons = [culvert(None, log=None, args=["--listen", "127.0.0.1:0", "--backend", backend(Echo).address,
                                             "--self-signed"]) for _ in range(2)]
    certificates = set()
    for daemon in daemons:
        for version in ("1.2", "1.3"):
            client = connect(daemon, verify=False, minimum=version, maximum=version)
            client.echo()
            certificates.add(client.tls.getpeercert(True))
    assert len(certificates) == 2


def test_a_run_by_environment_alone(culvert, backend, connect, pki):
    """As in a container: no file, no arguments."""
    daemon = culvert(None, log=None, env={
        "CULVERT_TUNNEL_LISTEN": "127.0.0.1:0", "CULVERT_TUNNEL_BACKEND": backend(Echo).address,
        "CULVERT_TUNNEL_CERT": pki.ecdsa.chain, "CULVERT_TUNNEL_KEY": pki.ecdsa.key, "CULVERT_GLOBAL_WORKERS": "1"})
    connect(daemon).echo()
    assert sum(name.startswith("culvert-w") for name in daemon.proc.threads().values()) == 1


# -- the command line ----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("args", [["--no-such-option"], ["-c"], ["--set", "workers=2"], ["stray"], [],
                                  ["--check=loud", "-c", "x"], ["--ready-fd", "99", "-c", "x"]])
def test_wrong_use_is_exit_2(args):
    result = run_culvert(*args)
    assert result.returncode == 2, result
    assert result.stderr.strip() and not result.stdout.strip()


def test_version_tells_the_libraries():
    result = run_culvert("-V")
    assert result.returncode == 0
    assert re.match(r"culvert \d+\.\d+\.\d+", result.stdout)
    assert re.search(r"wolfSSL:? 5\.\d+\.\d+", result.stdout) and re.search(r"libevent:? 2\.", result.stdout)
    assert run_culvert("--version").stdout == result.stdout


def test_help_lists_every_option_and_knows_every_key():
    usage = run_culvert("--help")
    assert usage.returncode == 0
    keys = ["workers", "drain-timeout", "listen", "backend", "cert", "proxy-protocol", "idle-timeout", "fifo-size"]
    for key in keys:
        assert key in usage.stdout
        about = run_culvert("--help", key)
        assert about.returncode == 0 and key in about.stdout, about
    assert "64k" in run_culvert("--help", "fifo-size").stdout
    wrong = run_culvert("--help", "fifo-sise")
    assert wrong.returncode == 2 and "fifo-size" in wrong.stderr


def test_the_generated_sample_is_a_good_configuration(ini):
    """etc/culvert.ini is this output: every option at its default."""
    sample = run_culvert("--generate", "sample")
    assert sample.returncode == 0
    result = run_culvert("--check", "-c", ini(sample.stdout))
    assert result.returncode in (0, 4), result  # its certificate is an example's


def test_a_failed_start_tells_the_ready_descriptor_nothing(good, workdir):
    """Whoever waits for `ready` gets an end of file."""
    with pytest.raises(StartFailed) as failed:
        daemon = Culvert(workdir / "failed", good.read_text() + "nonsense = 1\n", wait=False)
        daemon.wait_ready()
    assert failed.value.code == 3
