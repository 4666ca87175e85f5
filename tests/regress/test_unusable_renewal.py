# SPDX-License-Identifier: GPL-3.0-or-later
"""A renewal that no client accepts was taken.

Done: the files of a served certificate were replaced by one for clients only, signed with SHA-1, with an RSA-1024 key, of a CA,
with a keyUsage that forbids signatures, or with an intermediate of that kind. Seen: it was taken, some in silence, and
`--check=strict` exited with 0. Right: it is worse than what is served, so the watch refuses it with an error line and the
counter; a start serves it with an error line; `--check` says it.
"""

import shutil
import warnings

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from harness import Config
from harness.client_pki import ClientPki
from harness.daemon import run_culvert
from harness.renewal import HOUR, served


def only(**allowed):
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: allowed.get(name, False) for name in names})


ISSUER = "certificate 2 (C=DE, CN=issuer), its issuer, "
FLAWS = {
    "clients-only": (dict(usage="client"), {}, "the certificate is not for servers (extendedKeyUsage lacks serverAuth)"),
    "sha1": (dict(digest=hashes.SHA1()), {}, "the certificate is signed with SHA-1"),
    "rsa1024": (dict(kind="rsa1024"), {}, "RSA-1024 is weaker than clients accept"),
    "ca": (dict(ca=True), {}, "the first certificate is a CA's, not a server's"),
    "agreement": (dict(key_usage=only(key_agreement=True)), {}, "keyUsage lacks digitalSignature"),
    "encipherment": (dict(kind="rsa", key_usage=only(key_encipherment=True)), {}, "keyUsage lacks digitalSignature"),
    "issuer-no-ca": ({}, dict(ca=False, usage=None), ISSUER + "must not issue certificates"),
    "issuer-sha1": ({}, dict(digest=hashes.SHA1()), ISSUER + "is signed with SHA-1"),
    "issuer-rsa1024": ({}, dict(kind="rsa1024"), ISSUER + "has an RSA-1024 key"),
}
EXPIRED_ISSUER = {"issuer-expired": ({}, dict(start=-9 * HOUR, end=-HOUR), "UTC, as its issuer in the file)")}


class Shelf:
    """A pair of files a service, and a sound and a flawed certificate for each."""

    def __init__(self, directory, cases):
        self.directory, self.cases = directory, cases
        stage = directory / "stage"
        stage.mkdir()
        pki = ClientPki(stage)
        self.root = pki.ca("root")
        self.sound, self.flawed = {}, {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # cryptography dislikes SHA-1, too
            for case, (leaf, issuer, _) in cases.items():
                sans = {"sans": [x509.DNSName("localhost")], "usage": "server"}
                self.sound[case] = pki.make("sound", issuer=pki.ca("issuer", issuer=self.root), **sans)
                above = pki.make("issuer", issuer=self.root, **{"ca": True, **issuer})
                self.flawed[case] = pki.make("flawed", issuer=above, **{**sans, **leaf})

    def put(self, which):
        for case, one in which.items():
            for source, name in ((one.key, "key"), (one.chain, "crt")):
                shutil.copy(source, self.directory / "new")
                (self.directory / "new").rename(self.directory / f"{case}.{name}")

    def config(self, backend):
        return Config({case: {"backend": backend, "cert": str(self.directory / f"{case}.crt"),
                              "key": str(self.directory / f"{case}.key")} for case in self.cases})


def test_the_watch_refuses_what_no_client_accepts(culvert, echo, pki, workdir):
    shelf = Shelf(workdir, FLAWS | EXPIRED_ISSUER)
    shelf.put(shelf.sound)
    daemon = culvert(shelf.config(echo.address))
    shelf.put(shelf.flawed)
    lines = daemon.wait_log("; the one in use stays", 10, count=len(shelf.cases))
    for case, (_, _, words) in shelf.cases.items():
        (line,) = [line for line in lines if f"/{case}.crt: " in line.text]
        assert " err " in line.text and words in line.text
        assert served(daemon, pki, "localhost", service=case) == shelf.sound[case].der
    counters = daemon.counters()
    assert (counters["certificates_refused"], counters["certificates_taken"]) == (len(shelf.cases), 0)
    daemon.reload(expect=False)
    assert counters["certificates_invalid"] == 0 == daemon.counters()["certificates_taken"]


def test_a_start_serves_it_with_an_error_line(culvert, echo, pki, workdir):
    """As an expired one: a reboot must not be an outage. A renewal with the same flaw is not worse, and is taken."""
    shelf = Shelf(workdir, FLAWS)
    shelf.put(shelf.flawed)
    daemon = culvert(shelf.config(echo.address))
    for case, (_, _, words) in FLAWS.items():
        line = daemon.wait_log(lambda line: "serving a certificate that clients refuse" in line.text
                               and line["service"] == case)
        assert " err " in line.text and words in line["reason"] and line["cert"].endswith(f"{case}.crt")
        assert served(daemon, pki, "localhost", service=case) == shelf.flawed[case].der
    assert daemon.counters()["certificates_invalid"] == len(FLAWS)
    case = "clients-only"
    shelf.put({case: shelf.flawed["issuer-sha1"]})  # another flaw is refused
    daemon.wait_log("; the one in use stays")
    shelf.put({case: shelf.sound[case]})
    daemon.wait_log("certificate loaded")
    assert daemon.counters()["certificates_invalid"] == len(FLAWS) - 1


@pytest.mark.parametrize("strict", [False, True])
def test_check_says_it(echo, pki, workdir, strict):
    shelf = Shelf(workdir, FLAWS | EXPIRED_ISSUER)
    shelf.put(shelf.flawed)
    path = workdir / "c.ini"
    path.write_text(shelf.config("127.0.0.1:1").render(pki))
    done = run_culvert("--check=strict" if strict else "--check", "-c", path)
    assert done.returncode == (4 if strict else 0)
    for case, (_, _, words) in FLAWS.items():
        (line,) = [line for line in done.stderr.splitlines() if f"/{case}.crt: " in line]
        assert words in line and (": error: " if strict else ": warning: ") in line
    (line,) = [line for line in done.stderr.splitlines() if "/issuer-expired.crt: " in line]
    assert "expired 1 hour ago" in line and "as its issuer in the file" in line
