# SPDX-License-Identifier: GPL-3.0-or-later
"""Many certificates: directories, selection by server name and by what the client can verify, encrypted keys, and
certificates made at the start."""

import datetime
import os
import re
import ssl
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness.renewal import served


@pytest.fixture
def shelf(pki, workdir):
    """A directory of certificates: shelf('web', ['a.example']) makes web.crt and web.key in it."""
    directory = workdir / "shelf"
    directory.mkdir()

    def put(stem, names, both=False, kind="ecdsa", **options):
        made = pki.issue(stem, names=names, kind=kind, directory=workdir, **options)
        if both:
            os.rename(made.both, directory / f"{stem}.pem")
        else:
            os.rename(made.chain, directory / f"{stem}.crt")
            os.rename(made.key, directory / f"{stem}.key")
        return made

    put.path = str(directory)
    return put


def s_client(daemon, *args):
    host, port = daemon.address()[:2]
    return subprocess.run(["openssl", "s_client", "-connect", f"{host}:{port}", *args], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=20)


def fails(daemon):
    """The exit status of a daemon that must not start."""
    daemon.allowed_exits = (3, 4)
    return daemon.wait()


# -- which certificate ---------------------------------------------------------------------------------------------

def test_the_server_name_chooses_exactly_then_by_wildcard_then_the_first(culvert, echo, pki, shelf):
    """RFC 6125 6.4.3: a wildcard stands for one label, the leftmost. The first certificate is the first by name."""
    first = shelf("a-default", ["default.example"])
    exact = shelf("exact", ["www.wild.example"])
    wild = shelf("wild", ["*.wild.example"], both=True)
    daemon = culvert(backend=echo.address, service={"cert": shelf.path, "key": None})
    for name, want in [("default.example", first), ("www.wild.example", exact), ("WWW.Wild.Example", exact),
                       ("other.wild.example", wild), ("a.b.wild.example", first), ("wild.example", first),
                       ("unknown.example", first), (None, first)]:
        assert served(daemon, pki, name) == want.der, name


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_strict_names_refuse_what_no_certificate_has(culvert, echo, shelf, version):
    shelf("web", ["www.example", "*.wild.example"])
    daemon = culvert(backend=echo.address, service={"cert": shelf.path, "key": None, "strict-sni": "on"})
    for name in ["www.example", "x.wild.example"]:
        assert "CONNECTED" in (out := s_client(daemon, version, "-servername", name)).stdout and out.returncode == 0
    for args in (["-servername", "unknown.example"], ["-servername", "a.b.wild.example"], ["-noservername"]):
        out = s_client(daemon, version, *args)
        assert "alert number 112" in out.stderr, (args, out.stderr)
        assert daemon.wait_log("handshake failed")["cause"] == "tls-sent:unrecognized_name"


def test_ecdsa_and_rsa_for_one_name_are_chosen_by_what_the_client_verifies(culvert, echo, shelf):
    shelf("ec", ["both.example"])
    shelf("rsa", ["both.example"], kind="rsa")
    daemon = culvert(backend=echo.address, service={"cert": shelf.path, "key": None})
    for args, kind in [((), "id-ecPublicKey"), (("-sigalgs", "ECDSA+SHA256"), "id-ecPublicKey"),
                       (("-sigalgs", "RSA-PSS+SHA256"), "rsaEncryption"),
                       (("-tls1_2", "-sigalgs", "RSA+SHA256"), "rsaEncryption"),
                       (("-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256"), "rsaEncryption"),
                       (("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"), "id-ecPublicKey")]:
        out = s_client(daemon, "-servername", "both.example", *args)
        assert f"PKEY: {kind}" in out.stdout, (args, out.stdout, out.stderr)


def test_a_valid_certificate_goes_before_an_expired_one_of_the_same_name(culvert, echo, pki, shelf):
    """A directory gathers leftovers: certbot's example and example-0001."""
    hour = datetime.timedelta(hours=1)
    shelf("a-expired", ["www.example"], start=-48 * hour, end=-24 * hour)
    valid = shelf("b-valid", ["www.example"], kind="rsa")
    daemon = culvert(backend=echo.address, service={"cert": shelf.path, "key": None})
    assert served(daemon, pki, "www.example") == valid.der
    assert served(daemon, pki, None) == valid.der


# -- directories ---------------------------------------------------------------------------------------------------

def test_a_bad_file_in_a_directory_disables_only_itself(culvert, echo, pki, shelf):
    good = shelf("good", ["good.example"])
    shelf("mismatch", ["mismatch.example"])
    other = shelf("other", ["other.example"])
    os.rename(os.path.join(shelf.path, "other.key"), os.path.join(shelf.path, "mismatch.key"))
    with open(os.path.join(shelf.path, "garbage.pem"), "w") as file:
        file.write("this is no PEM file\n")
    del other
    daemon = culvert(backend=echo.address, service={"cert": shelf.path, "key": None})
    assert served(daemon, pki, "good.example") == good.der
    assert served(daemon, pki, "mismatch.example") == good.der
    for stem, why in [("mismatch.key", "does not belong to certificate"), ("garbage.pem", "no certificate found"),
                      ("other.crt", "no private key found")]:
        assert re.search(rf"warning: \[service main\] cert: .*{stem}.*{why}.*; it is left out", daemon.stderr()), stem


def test_a_directory_without_a_usable_certificate_is_an_error(culvert, echo, shelf):
    daemon = culvert(backend=echo.address, service={"cert": shelf.path, "key": None}, wait=False)
    assert fails(daemon) == 4
    assert "error: [service main] cert: there is no usable certificate" in daemon.stderr()


@pytest.mark.parametrize("cert, key", [("fullchain.pem", "privkey.pem"), ("tls.crt", "tls.key")])
def test_the_layouts_of_certbot_and_kubernetes_are_known(culvert, echo, pki, workdir, cert, key):
    """Pairs in directories one level down, behind symbolic links."""
    made = {}
    for name in ["one.example", "two.example"]:
        (workdir / "archive" / name).mkdir(parents=True)
        (workdir / "live" / name).mkdir(parents=True)
        leaf = pki.issue(name, names=[name], directory=workdir / "archive" / name)
        os.symlink(leaf.chain, workdir / "live" / name / cert)
        os.symlink(leaf.key, workdir / "live" / name / key)
        os.symlink(leaf.cert, workdir / "live" / name / "cert.pem")
        made[name] = leaf
    daemon = culvert(backend=echo.address, service={"cert": str(workdir / "live"), "key": None})
    for name, leaf in made.items():
        assert served(daemon, pki, name) == leaf.der
    assert daemon.counters()["certificates"] == 2


# -- encrypted keys ------------------------------------------------------------------------------------------------

def encrypted(private, form, phrase=b"sesame"):
    return private.private_bytes(serialization.Encoding.PEM, form, serialization.BestAvailableEncryption(phrase))


@pytest.fixture
def locked(pki, workdir):
    """A certificate whose key is encrypted, and the file of its passphrase."""
    def make(kind="ecdsa", form=serialization.PrivateFormat.PKCS8):
        leaf = pki.issue("locked", kind=kind, directory=workdir)
        with open(leaf.key, "wb") as file:
            file.write(encrypted(leaf.private, form))
        phrase = workdir / "phrase"
        phrase.write_text("sesame\n")
        return leaf, str(phrase)
    return make


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
def test_an_encrypted_key_is_read_with_its_passphrase(culvert, echo, pki, locked, kind):
    leaf, phrase = locked(kind)
    daemon = culvert(backend=echo.address,
                     service={"cert": leaf.chain, "key": leaf.key, "key-passphrase-file": phrase})
    assert served(daemon, pki, "localhost") == leaf.der


def test_words_about_encrypted_keys(culvert, echo, locked, workdir):
    """Neither passphrase nor key ever stands in a message."""
    leaf, phrase = locked()
    service = {"cert": leaf.chain, "key": leaf.key}
    wrong = workdir / "wrong"
    wrong.write_text("open sesame\n")
    for more, said in [({}, r'key: .*the private key is encrypted; name the file of its passphrase with '
                            r'"key-passphrase-file"'),
                       ({"key-passphrase-file": str(wrong)}, r"key: .*the private key cannot be decrypted: the "
                                                             r"passphrase is wrong"),
                       ({"key-passphrase-file": str(workdir / "none")}, r"key-passphrase-file: .*none.*[Nn]o such"),
                       ({"key-passphrase-file": [phrase, str(wrong)]},
                        r"key-passphrase-file: 2 files for 1 certificates")]:
        daemon = culvert(backend=echo.address, service={**service, **more}, wait=False)
        assert fails(daemon) == (3 if "2 files" in said else 4)
        assert re.search(said, daemon.stderr()), daemon.stderr()
        assert "sesame" not in daemon.stderr()


# -- made at the start ---------------------------------------------------------------------------------------------

def test_a_self_signed_certificate_of_a_service_names_what_is_asked_for(culvert, echo):
    daemon = culvert(backend=echo.address, service={"cert": "self-signed", "key": None,
                                                    "server-names": "dev.example, *.dev.example, 192.0.2.7"})
    pem = ssl.get_server_certificate(daemon.address())
    text = subprocess.run(["openssl", "x509", "-noout", "-ext", "subjectAltName"], input=pem, text=True,
                          capture_output=True, check=True).stdout
    assert "DNS:dev.example, DNS:*.dev.example, IP Address:192.0.2.7" in text
    assert "serves a self-signed certificate made at the start, for tests only (SHA-256 " in daemon.stderr()
    daemon.reload()
    assert ssl.get_server_certificate(daemon.address()) == pem, "who trusted it goes on doing so"


def test_self_signed_stands_alone(culvert, echo, pki):
    for more in ({"key": pki.ecdsa.key}, {"key": None, "cert": ["self-signed", pki.ecdsa.both]}):
        daemon = culvert(backend=echo.address, service={"cert": "self-signed", **more}, wait=False)
        assert fails(daemon) == 3
        assert "error: [service main] cert: self-signed must be the only cert" in daemon.stderr()


# -- ten thousand --------------------------------------------------------------------------------------------------

def write_many(directory, pki, count):
    """`count` certificates of one key, n0.many.example and so on, as fast as python can."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = pki.issue("many", names=["n0.many.example"], private=key, directory=directory.parent)
    del leaf
    for number in range(count):
        one = pki.issue("one", names=[f"n{number}.many.example"], private=key, directory=directory.parent)
        os.rename(one.both, directory / f"n{number:05}.pem")


def micros_each(daemon, pki, names):
    """CPU time of the daemon for one handshake, as it is asked for these names in turn."""
    before = daemon.cpu_seconds()
    for name in names:
        served(daemon, pki, name)
    return (daemon.cpu_seconds() - before) / len(names) * 1e6


@pytest.mark.slow
@pytest.mark.nosan
def test_ten_thousand_certificates_load_in_seconds_and_are_told_apart(culvert, echo, pki, workdir):
    """Contexts are made at first use and bounded: the memory for a certificate is that of its contents."""
    count = 10_000
    directory = workdir / "many"
    directory.mkdir()
    write_many(directory, pki, count)
    service = {"cert": str(directory), "key": None, "strict-sni": "on"}
    one = culvert(backend=echo.address)
    begin = time.monotonic()
    daemon = culvert(backend=echo.address, service=service, timeout=60)
    took = time.monotonic() - begin
    memory = (daemon.rss() - one.rss()) / 1024
    for number in (0, 1, 4999, 9998, 9999):
        assert f"n{number}.many.example".encode() in served(daemon, pki, f"n{number}.many.example")
    assert daemon.counters()["certificates"] == count
    alone = micros_each(one, pki, ["localhost"] * 1000)
    same = micros_each(daemon, pki, ["n7.many.example"] * 1000)
    others = micros_each(daemon, pki, [f"n{number * 7}.many.example" for number in range(1000)])
    print(f"\n{count} certificates: ready after {took:.1f} s, {memory / count:.1f} KiB each; CPU time of a handshake "
          f"{alone:.0f} us with one certificate, {same:.0f} us for one of these, {others:.0f} us for another each time")
    assert took < 20 and memory / count < 12
    assert same < alone * 1.5 and others < alone * 2
