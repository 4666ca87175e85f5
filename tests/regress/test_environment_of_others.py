# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables that others set, and those that look like it.

Done: culvert ran in a pod beside a Service called culvert-metrics; `on` was written as `yes`; CULVERT_SERVICE_LISTEN
was written for CULVERT_TUNNEL_LISTEN. Seen: exit code 3 for the first two, and no word of the last. Right: Kubernetes'
variables are ignored, yes/true/no/false stand for on/off, and an ignored variable that Kubernetes did not set is named
if the configuration is incomplete.
"""

import pytest

from harness.daemon import run_culvert


@pytest.fixture
def check(workdir, pki):
    def run(text="", env=None):
        path = workdir / "culvert.ini"
        path.write_text("[service web]\nlisten = 127.0.0.1:0\nbackend = 127.0.0.1:9\n"
                        f"cert = {pki.ecdsa.chain}\nkey = {pki.ecdsa.key}\n{text}")
        return run_culvert("--check", "-c", path, env=env)

    return run


@pytest.mark.parametrize("name", ["CULVERT_METRICS_SERVICE_HOST", "CULVERT_X_SERVICE_PORT_HTTP",
                                  "CULVERT_X_PORT_9180_TCP_ADDR", "CULVERT_TUNNEL_PORT", "CULVERT_ADMIN"])
def test_variables_of_other_services_are_ignored(check, name):
    result = check(env={name: "10.0.0.1"})
    assert (result.returncode, "CULVERT_" in result.stderr) == (0, False), result


def test_yes_and_no_stand_for_on_and_off(check):
    result = check("strict-sni = yes\nconnect-retry = no\nsession-tickets = true\nverify-client = false\n")
    assert result.returncode == 0, result


def test_variables_that_were_meant_for_culvert_are_named(check, workdir):
    hint = 'env:CULVERT_SERVICE_LISTEN: warning: is ignored'
    meant = {"CULVERT_SERVICE_LISTEN": "8443"}
    assert hint not in check(env=meant).stderr
    empty = workdir / "empty.ini"
    empty.write_text("[global]\nworkers = 1\n")
    for arguments, code in (["-c", empty], 3), ([], 2):
        result = run_culvert("--check", *arguments, env=meant)
        assert result.returncode == code, result
        assert hint in result.stderr and '(did you mean "CULVERT_TUNNEL_LISTEN")' in result.stderr, result
