# SPDX-License-Identifier: GPL-3.0-or-later
"""What public scanners find at a service of default policy, with an ECDSA and an RSA certificate: nothing above INFO
but what a list here names with its reason."""

import json
import subprocess
import xml.etree.ElementTree as xml

import pytest

from harness import slack
from test_forced_parameters import AEAD12, SUITES13

pytestmark = pytest.mark.slow

# testssl.sh: finding -> (severities, why it is no fault of culvert's). The prefix is compared.
REASONED = {
    "cert_trust": ("name", "the test's certificates are for localhost, and the scanner came by address"),
    "cert_chain_of_trust": ("authority", "the test's own authority is in no system's store"),
    "cert_notAfter": ("lifetime", "the test's certificates live a month"),
    "cert_expirationStatus": ("lifetime", "the test's certificates live a month"),
    "cert_crlDistributionPoints": ("revocation", "the test's authority publishes no revocation"),
    "cert_ocspURL": ("revocation", "the test's authority publishes no revocation"),
    "cert_revocation": ("revocation", "the test's authority publishes no revocation"),
    "OCSP_stapling": ("revocation", "the test's authority has no responder, so there is nothing to staple"),
    "engine_problem": ("scanner", "the OpenSSL here has no GOST engine, which only the scanner would want"),
    "RC4": ("scanner", "the OpenSSL here cannot speak RC4, so the scanner cannot ask for it; no suite of it is listed"),
}


@pytest.fixture
def port(culvert, echo, pki):
    both = {"cert": [pki.ecdsa.chain, pki.rsa.chain], "key": [pki.ecdsa.key, pki.rsa.key]}
    return culvert(backend=echo.address, service=both).port()


def sslscan(port):
    """Its report, and the protocols that it saw."""
    done = subprocess.run(["sslscan", "--xml=-", "--no-colour", f"127.0.0.1:{port}"], text=True, capture_output=True,
                          timeout=slack(60), check=True)
    found = xml.fromstring(done.stdout).find("ssltest")
    return found, {f"{one.get('type')}{one.get('version')}": one.get("enabled") for one in found.findall("protocol")}


def test_sslscan(port, need):
    """Its probe for TLS 1.3 sends random bytes for an X25519 share: half of those have the highest bit set, which has to
    be ignored (RFC 7748 section 5)."""
    need("sslscan")
    found, protocols = sslscan(port)
    assert {name for name, enabled in protocols.items() if enabled == "1"} == {"tls1.2", "tls1.3"}, protocols
    assert {"ssl2", "ssl3", "tls1.0", "tls1.1"} <= set(protocols), protocols
    assert {one.get("cipher") for one in found.findall("cipher")} == {*AEAD12, *SUITES13}
    strengths = {one.get("strength") for one in found.findall("cipher")}
    assert strengths <= {"strong", "acceptable"}, strengths
    preferred = {one.get("sslversion"): one.get("cipher") for one in found.findall("cipher")
                 if one.get("status") == "preferred"}
    assert preferred == {"TLSv1.2": "ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.3": "TLS_AES_128_GCM_SHA256"}
    assert {one.get("name") for one in found.findall("group")} == {"secp256r1 (NIST P-256)", "secp384r1 (NIST P-384)",
                                                                   "x25519"}
    assert found.find("renegotiation").get("supported") == "0"
    compression = found.find("compression")
    assert compression is None or compression.get("supported") == "0"
    heartbleed = {one.get("vulnerable") for one in found.findall("heartbleed")}
    assert heartbleed <= {"0"}, heartbleed


def test_testssl(port, need, workdir):
    """Protocols, suites by category, forward secrecy, the server's preference and defaults, all vulnerabilities."""
    need("testssl")
    report = workdir / "report.json"
    done = subprocess.run(
        ["testssl", "--quiet", "--color", "0", "--warnings", "off", "--nodns", "none", "--fast", "--openssl",
         "/usr/bin/openssl", "-p", "-s", "-f", "-P", "-S", "-U", "--jsonfile", report, f"127.0.0.1:{port}"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=slack(170),
        check=False)
    findings = json.loads(report.read_text())
    by_id = {one["id"]: one for one in findings}
    assert len(findings) > 80, done.stdout
    for name in ("SSLv2", "SSLv3", "TLS1", "TLS1_1", "TLS1_2", "TLS1_3"):
        offered = name in ("TLS1_2", "TLS1_3")
        assert by_id[name]["finding"].startswith("offered" if offered else "not offered"), by_id[name]
    above = [one for one in findings if one["severity"] not in ("OK", "INFO", "DEBUG")]
    reasons, rest = {}, []
    for one in above:
        known = next((key for key in REASONED if one["id"].startswith(key)), None)
        if known:
            reasons[one["id"]] = REASONED[known][1]
        else:
            rest.append(one)
    print(f"testssl: {len(findings)} findings, {len(above)} above INFO, all for a reason:" if not rest else rest)
    for name, why in sorted(reasons.items()):
        print(f"  {name} ({by_id[name]['severity']}: {by_id[name]['finding']}): {why}")
    assert not rest, json.dumps(rest, indent=1)
