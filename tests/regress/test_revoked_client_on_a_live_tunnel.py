# SPDX-License-Identifier: GPL-3.0-or-later
"""A revoked client stayed in.

Done: a client connects, then it is revoked and the list is loaded; or it connects before the reload and shows its certificate
after it. Seen: the tunnel lives for ever, the handshake succeeds. Right: verified clients are judged again when a revocation
list, a CA or a rule has changed, on live tunnels (on-revoked = close or keep) and within the handshake."""

import datetime
import pathlib
import socket
import ssl

import pytest

from harness import Config, Echo, TlsClient, Truncated, eventually
from harness.client_pki import ClientPki

HOUR = datetime.timedelta(hours=1)
CAUSE = "client-revoked"
JUDGED = "clients were verified again"


class World:
    def __init__(self, directory):
        pki = self.pki = ClientPki(directory)
        self.root, self.other = pki.ca("clients root"), pki.ca("other root")
        self.middle = pki.ca("middle", issuer=self.root)
        self.good = pki.make("good", issuer=self.root, units=["ops"])
        self.gone = pki.make("gone", issuer=self.root)
        self.foreign = pki.make("foreign", issuer=self.other)
        self.below = pki.make("below", issuer=self.middle)
        self.all = self.read("all", self.root)
        self.all_middle = self.read("middle", self.middle)

    def read(self, stem, issuer, revoked=(), **options):
        return pathlib.Path(self.pki.crl(stem, issuer, revoked, **options)).read_bytes()


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return World(tmp_path_factory.mktemp("judged"))


@pytest.fixture
def echo(backend):
    return backend(Echo)


class Site:
    """A daemon with one service and what it takes to change its trust."""

    def __init__(self, culvert, world, pki, echo, workdir, **options):
        self.world, self.pki, self.crl = world, pki, workdir / "lists.crl"
        self.crl.write_bytes(world.all + world.all_middle)
        self.options = {"backend": echo.address, "verify-client": "required",
                        "client-ca": [world.root.cert, world.middle.cert], "crl": str(self.crl), **options}
        self.daemon = culvert(Config({"main": self.options}, workers=1))
        self.clients = []

    def open(self, entity, version="1.3", **options):
        context = self.pki.context(minimum=version, maximum=version)
        if entity:
            context.load_cert_chain(entity.chain, entity.key)
        self.clients.append(TlsClient(self.daemon.address(), context, **options))
        return self.clients[-1]

    def reload(self, **options):
        self.options.update({key.replace("_", "-"): value for key, value in options.items()})
        self.daemon.reload(Config({"main": self.options}, workers=1))


@pytest.fixture
def site(culvert, world, pki, echo, workdir):
    made = []

    def make(**options):
        made.append(Site(culvert, world, pki, echo, workdir, **options))
        return made[-1]

    yield make
    for one in made:
        for client in one.clients:
            client.sock.close()


def connected(site, *entities):
    """Their tunnels, each known to live."""
    clients = [site.open(one) for one in entities]
    for client in clients:
        client.echo()
    return clients


def test_a_list_that_the_watch_takes_ends_the_tunnel(site, world):
    main = site()
    good, gone = connected(main, world.good, world.gone)
    main.crl.write_bytes(world.read("revoked", world.root, [world.gone], start=-HOUR) + world.all_middle)
    line = main.daemon.wait_closed(timeout=10)
    assert line["cause"] == CAUSE and line["detail"] == "C=DE, CN=gone is revoked" and line["client_cert"] == "C=DE, CN=gone"
    assert gone.outcome() == (0, "reset")
    line = main.daemon.wait_log(JUDGED)
    assert (line["closed"], line["kept"], line["not_decided"]) == ("1", "0", "0")
    good.echo()


CHANGES = {
    "a CA is gone": (lambda world: {"client-ca": [world.root.cert, world.other.cert], "crl": None},
                     lambda world: {"client_ca": [world.root.cert]}, "foreign", "is no longer in client-ca"),
    "a rule": (lambda world: {}, lambda world: {"allow_ou": "ops"}, "gone", "no longer matches an allow rule"),
    "another rule": (lambda world: {"allow-ou": "ops", "allow-cn": "gone"}, lambda world: {"allow_cn": "stranger"}, "gone",
                     "no longer matches an allow rule"),
    "the first list": (lambda world: {"crl": None}, lambda world: {"crl": world.pki.crl("first", world.root, [world.gone])},
                       "gone", "is revoked"),
    "a CA in between": (lambda world: {}, None, "below", "the client CA C=DE, CN=middle is revoked by its issuer"),
}


@pytest.mark.parametrize("kind", CHANGES)
def test_every_change_judges_again(site, world, kind):
    before, after, victim, words = CHANGES[kind]
    main = site(**before(world))
    good, bad = connected(main, world.good, getattr(world, victim))
    if after is None:
        main.crl.write_bytes(world.read("of-middle", world.root, [world.middle], start=-HOUR) + world.all_middle)
        main.daemon.reload()
    else:
        main.reload(**after(world))
    line = main.daemon.wait_closed()
    assert line["cause"] == CAUSE and words in line["detail"]
    assert bad.outcome() == (0, "reset")
    good.echo()
    assert main.daemon.open_tunnels() == 1


def test_keep_lets_the_tunnel_end_by_itself(site, world):
    """A new connection of the same client is refused all the same."""
    main = site(**{"on-revoked": "keep"})
    (gone,) = connected(main, world.gone)
    main.crl.write_bytes(world.read("revoked", world.root, [world.gone], start=-HOUR) + world.all_middle)
    main.daemon.reload()
    assert main.daemon.wait_log(JUDGED)["kept"] == "1"
    gone.echo()
    with pytest.raises((ssl.SSLError, OSError, Truncated)):
        main.open(world.gone).echo()
    assert main.daemon.wait_closed()["cause"] == "tls-sent:certificate_revoked"


def test_a_shortage_of_ours_ends_nothing(site, world):
    """A list that has expired speaks against nobody by itself: new clients wait for a new one, tunnels go on. Nor does a reload
    that changes something else judge anybody."""
    main = site()
    good, gone = connected(main, world.good, world.gone)
    main.reload(idle_timeout="30m")
    main.crl.write_bytes(world.read("old", world.root, [world.gone], start=-90 * HOUR / 60, end=-HOUR) + world.all_middle)
    main.daemon.reload()
    assert main.daemon.wait_closed()["detail"] == "C=DE, CN=gone is revoked"
    (line,) = main.daemon.find_log(JUDGED)
    assert (line["closed"], line["not_decided"]) == ("1", "1")
    good.echo()
    assert gone.outcome() == (0, "reset")


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("begun", [False, True], ids=["accepted", "hello answered"])
def test_a_handshake_under_way_is_judged_by_the_newest_list(site, world, version, begun):
    main = site()
    client = main.open(world.gone, version, handshake=False)
    if begun:
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.do_handshake()
        client.flush()
        assert client.sock.recv(1, socket.MSG_PEEK), "the server's flight is here"
    eventually(lambda: main.daemon.open_tunnels() == 1, 5, "the connection")
    main.crl.write_bytes(world.read("revoked", world.root, [world.gone], start=-HOUR) + world.all_middle)
    main.daemon.reload()
    with pytest.raises((ssl.SSLError, OSError, Truncated)):
        client.handshake()
        client.echo()
    assert main.daemon.wait_closed()["cause"] == "tls-sent:certificate_revoked"


def test_verification_that_is_turned_on_holds_for_connections_that_are_open(site, world):
    """Accepted without, shown nothing: asked by the newest settings, or cut where the hello was answered already."""
    main = site(**{"verify-client": "off", "client-ca": None, "crl": None})
    waiting, begun = main.open(None, handshake=False), main.open(None, handshake=False)
    with pytest.raises(ssl.SSLWantReadError):
        begun.tls.do_handshake()
    begun.flush()
    assert begun.sock.recv(1, socket.MSG_PEEK)
    eventually(lambda: main.daemon.open_tunnels() == 2, 5, "the connections")
    main.reload(verify_client="required", client_ca=world.root.cert)
    assert main.daemon.wait_closed()["cause"] == CAUSE
    with pytest.raises((ssl.SSLError, OSError, Truncated)):
        waiting.handshake()
        waiting.echo()
    assert main.daemon.wait_closed(2)[1]["cause"] == "tls-sent:certificate_required"
