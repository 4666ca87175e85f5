# SPDX-License-Identifier: GPL-3.0-or-later
"""The hybrid key exchanges, with a client on the same wolfSSL: no client of the distribution knows them yet."""

import pytest

from harness.programs import wolf

pytestmark = pytest.mark.wolfssl(5, 9)

X25519MLKEM768, SECP256R1MLKEM768, SECP384R1MLKEM1024 = 0x11EC, 0x11EB, 0x11ED
X25519, P256 = 0x1D, 0x17
NAMES = {X25519MLKEM768: "X25519MLKEM768", SECP256R1MLKEM768: "SecP256r1MLKEM768",
         SECP384R1MLKEM1024: "SecP384r1MLKEM1024"}


@pytest.fixture
def shake(culvert, echo):
    """shake({options of the service}, options of the client) -> (the client's word, the log's line)."""
    def run(service=None, **client):
        daemon = culvert(backend=echo.address, service=service)
        answer = wolf(daemon.port(), **client)
        if answer is None:
            pytest.skip("the wolfSSL here has no X25519MLKEM768, or no static library for a client")
        return answer, daemon.wait_closed()
    return run


def assert_agreed(answer, line, group, hellos):
    assert answer["ok"] and answer["echo"] and answer["version"] == "TLSv1.3", answer
    assert line["group"] == group and line["tls"] == "TLSv1.3", line
    assert answer["group"].lower() == group.lower(), answer
    assert answer["hellos"] == hellos, answer


def test_it_is_the_default_between_two_that_know_it(shake, pki):
    """Nothing is configured on either side; the certificate is verified."""
    answer, line = shake(ca=pki.ca_file)
    assert_agreed(answer, line, "X25519MLKEM768", hellos=1)


@pytest.mark.parametrize("shares", [[X25519, X25519MLKEM768], [X25519MLKEM768, X25519]])
def test_of_two_shares_ours_wins(shake, shares):
    """Whatever the client puts first, and also where we put X25519 first."""
    groups = sorted(shares)
    assert_agreed(*shake(groups=groups, shares=shares), "X25519MLKEM768", hellos=1)
    assert_agreed(*shake({"groups": "X25519, X25519MLKEM768"}, groups=groups, shares=shares), "X25519", hellos=1)


def test_a_share_in_hand_saves_a_round_trip(shake):
    """A client that knows the hybrid and sends X25519 alone is not made to say hello again."""
    assert_agreed(*shake(groups=[X25519MLKEM768, X25519], shares=[X25519]), "X25519", hellos=1)


def test_it_is_asked_for_where_nothing_else_will_do(shake):
    service = {"groups": "X25519MLKEM768", "min-version": "1.3"}
    answer, line = shake(service, groups=[X25519MLKEM768, X25519], shares=[X25519])
    assert_agreed(answer, line, "X25519MLKEM768", hellos=2)


def test_without_it_on_one_side_a_curve_is_agreed_on(shake):
    assert_agreed(*shake(groups=[X25519]), "X25519", hellos=1)
    assert_agreed(*shake({"groups": "P-256"}, groups=[X25519MLKEM768, P256], shares=[X25519MLKEM768]), "P-256",
                  hellos=2)


@pytest.mark.parametrize("group", [SECP256R1MLKEM768, SECP384R1MLKEM1024])
def test_the_other_hybrids_are_served_on_request(shake, group):
    answer, line = shake(groups=[group])
    assert (answer["ok"], answer["alert"], line["cause"]) == (False, "handshake_failure", "tls-sent:handshake_failure")
    assert_agreed(*shake({"groups": f"{NAMES[group]}, X25519"}, groups=[group]), NAMES[group], hellos=1)


def test_tls12_does_not_know_it(shake):
    """A client of TLS 1.2 gets a curve, also where the hybrid stands first."""
    answer, line = shake(version="1.2", groups=[X25519MLKEM768, P256])
    assert answer["ok"] and (line["tls"], line["group"]) == ("TLSv1.2", "P-256"), answer
