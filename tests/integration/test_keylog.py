# SPDX-License-Identifier: GPL-3.0-or-later
"""`keylog-file`: refused by an ordinary build; in one made for it (make WOLFSSL_KEYLOG=1) the secrets of every session
are in the file, as the client derived them."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from harness import Config, eventually
from harness.daemon import run_culvert
from harness.util import WOLFSSL
from raw_tls import Tls12Client, Tls13Client

KEYLOG = "keylog" in run_culvert("--version").stdout.split()
needs_keylog = pytest.mark.skipif(not KEYLOG, reason="this build does not tell its secrets (make WOLFSSL_KEYLOG=1)")


@pytest.mark.skipif(KEYLOG, reason="this build tells its secrets")
def test_an_ordinary_build_refuses(workdir, pki):
    """With the line of the option, at the check and at the start, and no file is made."""
    path = workdir / "c.ini"
    secrets = workdir / "secrets"
    path.write_text(Config({"main": {"backend": "127.0.0.1:1", "keylog-file": secrets}}).render(pki))
    line = next(number for number, text in enumerate(path.read_text().splitlines(), 1) if "keylog" in text)
    for arguments in (["--check", "-c", path], ["-c", path]):
        result = run_culvert(*arguments)
        assert result.returncode == 3, result
        assert f"{path}:{line}: error: [service main] keylog-file: " in result.stderr, result
        assert ("WOLFSSL_KEYLOG=1" if WOLFSSL >= (5, 9, 0) else "cannot report TLS secrets") in result.stderr
    assert not secrets.exists()


@pytest.mark.parametrize("kind", ["fallback", "distro"])
def test_only_the_pinned_library_is_built_for_it(kind):
    script = Path(__file__).parents[2] / "scripts/wolfssl.sh"
    for arguments in ((), ("--print-prefix",)):
        result = subprocess.run([script, *arguments], capture_output=True, text=True, timeout=60,
                                env={**os.environ, "WOLFSSL": kind, "WOLFSSL_KEYLOG": "1"})
        assert result.returncode != 0 and f"not with WOLFSSL={kind}" in result.stderr, result


def entries(path, random):
    """label -> secret, of one client."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return {label: secret for label, client, secret in lines if client == random.hex()}


@needs_keylog
def test_the_secrets_are_those_that_the_client_derived(culvert, echo, workdir):
    path = workdir / "secrets"
    daemon = culvert(backend=echo.address, service={"keylog-file": path})
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert f"keylog-file: the secrets of every TLS session go to {path}" in daemon.wait_log("secrets")
    with Tls13Client(daemon.address()).handshake() as client:
        client.send(b"ping")
        assert client.read(4) == b"ping"
        assert entries(path, client.hello.random) == {
            "CLIENT_HANDSHAKE_TRAFFIC_SECRET": client.client_secret.hex(),
            "SERVER_HANDSHAKE_TRAFFIC_SECRET": client.server_secret.hex(),
            "CLIENT_TRAFFIC_SECRET_0": client.writer.secret.hex(),
            "SERVER_TRAFFIC_SECRET_0": client.reader.secret.hex(),
        }
    with Tls12Client(daemon.address()).handshake() as client:
        client.send(b"ping")
        assert client.read(4) == b"ping"
        assert entries(path, client.hello.random) == {"CLIENT_RANDOM": client.master_secret.hex()}


@needs_keylog
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_a_resumed_session_is_told_too(culvert, echo, connect, workdir, version):
    """In TLS 1.2 the library says nothing of it by itself."""
    path = workdir / "secrets"
    daemon = culvert(backend=echo.address, service={"keylog-file": path})
    first = connect(daemon, minimum=version, maximum=version)
    first.echo()
    context, session = first.tls.context, first.tls.session
    first.close()
    daemon.wait_closed()
    before = {line.split()[1] for line in path.read_text().splitlines()}
    second = connect(daemon, context=context, session=session)
    second.echo()
    assert second.tls.session_reused
    lines = eventually(lambda: [line.split() for line in path.read_text().splitlines() if line.split()[1] not in before])
    labels = {label for label, *_ in lines}
    assert labels >= ({"CLIENT_RANDOM"} if version == "1.2" else {"CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"})
