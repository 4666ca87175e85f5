# SPDX-License-Identifier: GPL-3.0-or-later
"""cert = "/etc/x.pem": the quotes were taken literally and the message said only "No such file or directory". Right: the
message says that the quotes are part of the path."""

import pytest

from harness import Config
from harness.daemon import run_culvert

NOTE = "the quotes are part of the path: write it without them"


@pytest.mark.parametrize("quote", ['"', "'"])
@pytest.mark.parametrize("key", ["cert", "key", "key-passphrase-file", "client-ca"])
def test_the_message_says_that_quotes_are_taken_literally(workdir, pki, key, quote):
    service = {"backend": "127.0.0.1:9", "cert": pki.ecdsa.chain, "key": pki.ecdsa.key, "verify-client": "required",
               "client-ca": pki.ca_file, key: f"{quote}{pki.ca_file}{quote}"}
    (workdir / "check.conf").write_text(Config({"main": service}).render())
    done = run_culvert("--config", str(workdir / "check.conf"), "--check")
    assert done.returncode == 4 and NOTE in done.stdout + done.stderr, done.stdout + done.stderr


def test_the_log_file_too(workdir, pki):
    config = Config({"main": {"backend": "127.0.0.1:9", "cert": pki.ecdsa.chain, "key": pki.ecdsa.key}},
                    globals_={"log": f'file:"{workdir}/log"'})
    (workdir / "log.conf").write_text(config.render())
    done = run_culvert("--config", str(workdir / "log.conf"), cwd=str(workdir))
    assert done.returncode in (3, 4) and NOTE in done.stdout + done.stderr, done.stdout + done.stderr


def test_a_path_without_quotes_has_no_such_note(workdir, pki):
    service = {"backend": "127.0.0.1:9", "cert": "/nonexistent/x.pem", "key": pki.ecdsa.key}
    (workdir / "check.conf").write_text(Config({"main": service}).render())
    done = run_culvert("--config", str(workdir / "check.conf"), "--check")
    assert done.returncode == 4 and "No such file" in done.stderr + done.stdout and NOTE not in done.stdout + done.stderr
