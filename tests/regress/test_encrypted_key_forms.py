# SPDX-License-Identifier: GPL-3.0-or-later
"""Encrypted private keys were opened in few of the forms that openssl and other tools write, not with a long passphrase,
and every failure had the message of a wrong passphrase. Right: what openssl writes opens; what cannot be opened is named
with a way to convert it, with and without a passphrase; a wrong passphrase has a message of its own."""

import subprocess

import pytest
from cryptography.hazmat.primitives import serialization

from harness import Config
from harness.daemon import run_culvert

LONG = "a passphrase of many words " * 20
LEGACY = ("-provider", "legacy", "-provider", "default")

pytestmark = pytest.mark.wolfssl(5, 9)

OPENS = {
    **{f"pbes2 {cipher}": ("pkcs8", "-topk8", "-v2", cipher)
       for cipher in ("aes-128-cbc", "aes-192-cbc", "aes-256-cbc", "des3")},
    **{f"pbes2 {prf}": ("pkcs8", "-topk8", "-v2", "aes-256-cbc", "-v2prf", prf)
       for prf in ("hmacWithSHA1", "hmacWithSHA224", "hmacWithSHA384", "hmacWithSHA512")},
    "scrypt": ("pkcs8", "-topk8", "-scrypt"),
    "pkcs12 3des": ("pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES"),
    "pkcs12 2des": ("pkcs8", "-topk8", "-v1", "PBE-SHA1-2DES"),
    "pbes1 md5 des": ("pkcs8", "-topk8", "-v1", "PBE-MD5-DES", *LEGACY),
    "pbes1 sha1 des": ("pkcs8", "-topk8", "-v1", "PBE-SHA1-DES", *LEGACY),
    **{f"old form {cipher}": ("pkey", "-traditional", f"-{cipher}")
       for cipher in ("aes128", "aes192", "aes256", "des3")},
}

NAMED = {
    "camellia": (("pkcs8", "-topk8", "-v2", "camellia-256-cbc"), "PBES2: PBKDF2 with SHA-256, Camellia-256-CBC"),
    "aria": (("pkcs8", "-topk8", "-v2", "aria-256-cbc"), "PBES2: PBKDF2 with SHA-256, ARIA-256-CBC"),
    "cfb": (("pkcs8", "-topk8", "-v2", "aes-256-cfb"), "PBES2: PBKDF2 with SHA-256, AES-256-CFB"),
    "rc4": (("pkcs8", "-topk8", "-v1", "PBE-SHA1-RC4-128", *LEGACY), "PBE-SHA1-RC4-128"),
    "rc2": (("pkcs8", "-topk8", "-v1", "PBE-SHA1-RC2-40", *LEGACY), "PBE-SHA1-RC2-40"),
    "old form camellia": (("pkey", "-traditional", "-camellia256"), "OpenSSL's traditional format: Camellia-256-CBC"),
}


def openssl(*args, phrase, source, out):
    command = ["openssl", args[0], "-in", source, "-out", out, "-passout", f"pass:{phrase}", *args[1:]]
    return subprocess.run(command, capture_output=True, text=True, timeout=30)


@pytest.fixture(scope="module")
def leaf(pki, tmp_path_factory):
    made = pki.issue("forms", directory=tmp_path_factory.mktemp("forms"))
    with open(made.key, "wb") as file:
        file.write(made.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                              serialization.NoEncryption()))
    return made


def check(workdir, pki, leaf, key, phrase):
    """What --check says of a service with this key: (exit status, messages)."""
    service = {"cert": leaf.cert, "key": str(key), "backend": "127.0.0.1:9"}
    if phrase is not None:
        (workdir / "phrase").write_text(phrase + "\n")
        service["key-passphrase-file"] = str(workdir / "phrase")
    (workdir / "check.conf").write_text(Config({"main": service}).render())
    done = run_culvert("--config", str(workdir / "check.conf"), "--check")
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("phrase", ["sesame", LONG.strip(), "pässwörd €"], ids=["short", "long", "utf-8"])
def test_what_openssl_writes_opens(workdir, pki, leaf, phrase):
    some = ("pbes2 aes-256-cbc", "scrypt", "pkcs12 3des", "pbes1 md5 des", "old form aes256")
    for form, args in OPENS.items():
        if phrase != "sesame" and form not in some:
            continue
        key = workdir / f"{form}.key"
        made = openssl(*args, phrase=phrase, source=leaf.key, out=key)
        if made.returncode != 0 and LEGACY[0] in args:
            continue  # without its legacy provider
        assert made.returncode == 0, (form, made.stderr)
        status, said = check(workdir, pki, leaf, key, phrase)
        assert status == 0, (form, said)


def test_a_scheme_that_cannot_be_opened_is_named(workdir, pki, leaf):
    for form, (args, scheme) in NAMED.items():
        key = workdir / f"{form}.key"
        made = openssl(*args, phrase="sesame", source=leaf.key, out=key)
        if made.returncode != 0 and LEGACY[0] in args:
            continue
        assert made.returncode == 0, (form, made.stderr)
        for phrase in ("sesame", None):
            status, said = check(workdir, pki, leaf, key, phrase)
            assert status == 4, (form, said)
            assert f"the private key is encrypted with {scheme}, which is not supported; convert it: openssl pkcs8" in said
            assert "passphrase is wrong" not in said


def test_a_wrong_passphrase_has_its_own_message(workdir, pki, leaf):
    for args in (("pkcs8", "-topk8", "-v2", "aes-256-cbc"), ("pkey", "-traditional", "-aes256")):
        key = workdir / "wrong.key"
        assert openssl(*args, phrase="sesame", source=leaf.key, out=key).returncode == 0
        status, said = check(workdir, pki, leaf, key, "sesam")
        assert status == 4 and "the private key cannot be decrypted: the passphrase is wrong, or the file is damaged" in said
        assert "not supported" not in said


def test_an_openssh_key_is_called_by_its_name(workdir, pki, leaf):
    key = workdir / "openssh.key"
    key.write_bytes(leaf.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH,
                                               serialization.NoEncryption()))
    status, said = check(workdir, pki, leaf, key, None)
    assert status == 4 and "in OpenSSH format" in said and "ssh-keygen -p -m PEM -f FILE" in said
