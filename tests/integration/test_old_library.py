# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian 12's wolfSSL (WOLFSSL=fallback, distro) cannot do everything: what it lacks is refused by name where it is asked
for, and left out where it is not."""

import pytest

from harness import WOLFSSL, Config
from harness.daemon import run_culvert

pytestmark = pytest.mark.skipif(WOLFSSL >= (5, 9), reason="this library has it all")


@pytest.mark.parametrize("options, key, words", [
    ({"ocsp-stapling": "fetch"}, "ocsp-stapling", "cannot staple OCSP responses"),
    ({"ocsp-stapling": "file"}, "ocsp-stapling", "cannot staple OCSP responses"),
    ({"groups": "X25519MLKEM768"}, "groups", "has no X25519MLKEM768; it has: X25519, P-256, P-384, P-521"),
])
def test_what_it_lacks_is_refused(pki, workdir, options, key, words):
    path = workdir / "c.ini"
    path.write_text(Config({"main": {"backend": "127.0.0.1:1", **options}}).render(pki))
    done = run_culvert("-c", path, "--check")
    assert done.returncode in (3, 4) and f"[service main] {key}: " in done.stderr and words in done.stderr, done.stderr
    assert "5.5" in done.stderr


def test_the_defaults_are_served(culvert, echo, connect):
    """Without a word of complaint: the defaults ask for what there is."""
    daemon = culvert(backend=echo.address)
    connect(daemon).echo()
    assert not [line for line in daemon.log_lines() if "staple" in line.text or "group" in line.text and "error" in line.text]
