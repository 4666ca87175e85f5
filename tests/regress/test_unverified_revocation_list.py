# SPDX-License-Identifier: GPL-3.0-or-later
"""A revocation list that its issuer did not make displaced the one that it did make.

Done: a list with the right issuer's name, a signature of somebody else's, a newer thisUpdate and a nextUpdate in the past. Seen:
it counts as the newest, has expired, and every client is refused. Right: a list that does not verify, is signed with SHA-1 or
comes from the future never displaces one that was verified."""

import datetime
import pathlib

import pytest
from cryptography.hazmat.primitives import hashes

from harness import Config, TlsClient
from harness.client_pki import ClientPki
from harness.daemon import run_culvert

HOUR = datetime.timedelta(hours=1)
MINUTE = datetime.timedelta(minutes=1)


class World:
    def __init__(self, directory):
        pki = self.pki = ClientPki(directory)
        self.root, self.other = pki.ca("clients root"), pki.ca("other root")
        self.good, self.gone = pki.make("good", issuer=self.root), pki.make("gone", issuer=self.root)
        self.rsa_root = pki.ca("rsa root", kind="rsa")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("lists"))


FORGED = {
    "expired, another key": (dict(signed=True, start=-90 * MINUTE, end=-HOUR), "does not verify"),
    "current, another key": (dict(signed=True, start=-90 * MINUTE), "does not verify"),
    "SHA-1": (dict(digest=hashes.SHA1(), start=-90 * MINUTE), "is signed with MD5 or SHA-1"),
    "SHA-1, expired": (dict(digest=hashes.SHA1(), start=-90 * MINUTE, end=-HOUR), "is signed with MD5 or SHA-1"),
    "from the future": (dict(start=10 * MINUTE), "is not valid yet"),
}


def forged(world, kind, stem):
    options, words = FORGED[kind]
    options = dict(options)
    key = world.other.private if options.pop("signed", False) else None
    return pathlib.Path(world.pki.crl(stem, world.root, [world.good], signed_by=key, **options)).read_bytes(), words


def test_no_such_list_is_taken(culvert, world, pki, echo, workdir):
    """By the watch and by a reload: refused with its reason, and what was in use goes on, so the good client gets in."""
    lists = workdir / "lists.crl"
    sound = pathlib.Path(world.pki.crl("sound", world.root, [world.gone])).read_bytes()
    lists.write_bytes(sound)
    daemon = culvert(Config({"main": {"backend": echo.address, "verify-client": "required", "client-ca": world.root.cert,
                                      "crl": str(lists)}}, workers=1))

    def outcome(client):
        context = pki.context()
        context.load_cert_chain(client.chain, client.key)
        try:
            with TlsClient(daemon.address(), context) as tls:
                tls.echo()
                tls.close()
        except Exception as error:  # pylint: disable=broad-except
            return str(error)
        return "in"

    for number, kind in enumerate(FORGED):
        mark = daemon.mark()
        data, words = forged(world, kind, f"forged-{number}")
        lists.write_bytes(data)
        daemon.wait_log("changed files are not loaded; what is in use stays", since=mark)
        assert words in daemon.log_text(mark), kind
        assert outcome(world.good) == "in" and outcome(world.gone) != "in", kind
        daemon.reload(expect=False)
    # Beside the sound one it does no harm, wherever it stands.
    lists.write_bytes(forged(world, "expired, another key", "beside")[0] + sound)
    mark = daemon.mark()
    daemon.reload()
    assert "does not verify: its signature was not made by its issuer; culvert uses another CRL of its issuer" in daemon.log_text(mark)
    assert outcome(world.good) == "in" and outcome(world.gone) != "in"


def test_an_older_list_does_not_take_its_place(culvert, world, echo, workdir):
    """Two files, the newer one is replaced by a forgery: the older one must not let pass who was revoked since."""
    older, newer = workdir / "older.crl", workdir / "newer.crl"
    older.write_bytes(pathlib.Path(world.pki.crl("older", world.root, start=-5 * HOUR)).read_bytes())
    newer.write_bytes(pathlib.Path(world.pki.crl("newer", world.root, [world.gone])).read_bytes())
    daemon = culvert(Config({"main": {"backend": echo.address, "verify-client": "required", "client-ca": world.root.cert,
                                      "crl": [str(older), str(newer)]}}, workers=1))
    newer.write_bytes(forged(world, "expired, another key", "over")[0])
    mark = daemon.mark()
    daemon.reload(expect=False)
    assert f"{newer}: no longer has a usable CRL of C=DE, CN=clients root" in daemon.log_text(mark)


@pytest.mark.parametrize("kind", FORGED)
def test_alone_it_is_an_error_of_the_start(world, pki, workdir, kind):
    data, words = forged(world, kind, "alone")
    (workdir / "alone.crl").write_bytes(data)
    path = workdir / "c.ini"
    path.write_text(Config({"main": {"backend": "127.0.0.1:1", "verify-client": "required", "client-ca": world.root.cert,
                                     "crl": str(workdir / "alone.crl")}}).render(pki))
    done = run_culvert("-c", path, "--check")
    assert done.returncode == 4 and words in done.stderr, done.stderr


def test_sound_lists_of_other_algorithms_stay_sound(world, pki, workdir):
    """RSA, SHA-384 and SHA-512, a list that has expired: each verifies as it did."""
    crls = [world.pki.crl("rsa", world.rsa_root, digest=hashes.SHA512()),
            world.pki.crl("sha384", world.root, digest=hashes.SHA384(), start=-3 * HOUR, end=-HOUR)]
    path = workdir / "c.ini"
    path.write_text(Config({"main": {"backend": "127.0.0.1:1", "verify-client": "required", "crl": crls,
                                     "client-ca": [world.rsa_root.cert, world.root.cert]}}).render(pki))
    done = run_culvert("-c", path, "--check")
    assert done.returncode == 0 and "does not verify" not in done.stderr, done.stderr
    assert "CN=clients root has expired" in done.stderr
