# SPDX-License-Identifier: GPL-3.0-or-later
"""ALPN with real clients: our first choice among theirs, and no_application_protocol (RFC 7301) where there is none."""

import pytest

from harness.programs import curl, gnutls, openssl

NONE = "no_application_protocol"
# what the service speaks, what the client offers, what is agreed on
ROWS = [
    ("h2, http/1.1", ["h2", "http/1.1"], "h2"),
    ("h2, http/1.1", ["http/1.1", "h2"], "h2"),
    ("http/1.1, h2", ["h2", "http/1.1"], "http/1.1"),
    ("h2, http/1.1", ["http/1.1"], "http/1.1"),
    ("imap", ["h2", "http/1.1"], NONE),
    ("h2", ["h2c", "H2", "h"], NONE),
    ("h2", [], None),
    (None, ["h2", "http/1.1"], None),
]


def openssl_offers(port, version, names):
    return openssl(port, "-tls" + version.replace(".", "_"), *(["-alpn", ",".join(names)] if names else []))


def gnutls_offers(port, version, names):
    return gnutls(port, f"NORMAL:-VERS-ALL:+VERS-TLS{version}", *[f"--alpn={name}" for name in names])


def curl_offers(port, version, names):
    """curl offers h2 before http/1.1, or http/1.1 alone, or nothing."""
    how = {("h2", "http/1.1"): "--http2", ("http/1.1",): "--http1.1", (): "--no-alpn"}.get(tuple(names))
    if how is None:
        return None
    return curl(port, how, f"--tlsv{version}", "--tls-max", version)


@pytest.mark.parametrize("version", ["1.2", "1.3"])
@pytest.mark.parametrize("offers", [openssl_offers, gnutls_offers, curl_offers], ids=["openssl", "gnutls", "curl"])
def test_the_agreed_protocol_or_the_alert(culvert, echo, need, offers, version):
    need("gnutls-cli", "curl")
    wrong, rows = [], 0
    for service, names, expected in ROWS:
        daemon = culvert(backend=echo.address, service={"alpn": service})
        answer = offers(daemon.port(), version, names)
        if answer is None:
            continue
        rows += 1
        log = daemon.wait_closed()
        if expected == NONE:
            right = answer.alert == NONE and log["cause"] == f"tls-sent:{NONE}" and "ALPN" in log.text
        else:
            right = answer.agreed and answer.alpn == expected and log.get("alpn") == expected
        if not right:
            wrong.append(f"{service} against {names}: {answer}\n{log}")
    assert not wrong, "\n".join(wrong)
    assert rows >= (4 if offers is curl_offers else len(ROWS))
