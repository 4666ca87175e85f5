# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of conformance: one case a line, with what the client sends, the section of the RFC and the alert that culvert
must send. A refusal always ends in order: one fatal alert, nothing after it, then a FIN and never an RST.

    CASES = [
        case("no key_share", "8446 9.2", hello(without(Extension.KEY_SHARE)), "missing_extension"),
        case("GREASE group", "8701 4.1", hello(...), SERVED),
    ]
    test_hello = table(CASES)

If wolfSSL violates the RFC in a case, the case is marked `library="what it does instead"`: a strict xfail, which the report
at the end of the run names. The marks are those of the pinned release. With another release, every failing case counts as
the library's and no mark is strict, except for what culvert refuses before there is a session (steps.scanned)."""

import re
from dataclasses import dataclass
from typing import Callable

import pytest

from raw_tls import Alert, End, Ended, HandshakeFailed, Link, Outcome, Tls12Client, Tls13Client

from .util import OWN_RECORDS, WOLFSSL, slack

MARKED_FOR = (5, 9, 2)

SERVED = "served"          # the handshake is completed, an echo comes back and the session ends cleanly
FULL = "served, not resumed"
RESUMED = "served, resumed"
RETRIED = "served after a HelloRetryRequest"
CLOSED = "closed without an alert"


@dataclass(frozen=True)
class Case:
    name: str
    rfc: str
    act: Callable
    expect: str
    tls: int = 13
    service: str = "main"
    library: str = None
    options: Callable = dict  # further options of the client, made when the case runs


def case(name, rfc, act, expect, own=None, kind=Case, **more):
    """`own` says why only culvert's own record layer does what the case expects. `kind` is the class of the case."""
    marks = [pytest.mark.skipif(not OWN_RECORDS, reason=f"culvert's own record layer only: {own}")] if own else []
    culverts = getattr(act, "scanned", False) and expect not in (SERVED, FULL, RESUMED, RETRIED, CLOSED)
    if WOLFSSL != MARKED_FOR and not (culverts and not more.get("library")):
        release = ".".join(map(str, WOLFSSL))
        marks.append(pytest.mark.xfail(reason=f"library: {more.get('library') or 'release ' + release}"))
    elif more.get("library"):
        marks.append(pytest.mark.xfail(strict=True, reason=f"library: {more['library']}"))
    return pytest.param(kind(name, rfc, act, expect, **more), id=re.sub(r"[^\w.+-]+", "-", name), marks=marks)


def table(cases):
    """The test that walks `cases`."""
    ids = [one.id for one in cases]
    twice = {one for one in ids if ids.count(one) > 1}
    assert not twice, f"two cases of the same name: {twice}"

    @pytest.mark.parametrize("case", cases)
    def test(case, conformance):
        """The connection ends as the RFC says."""
        run(case, conformance)

    return test


def run(one, daemon):
    with make_client(one, daemon) as client:
        if one.expect in (SERVED, FULL, RESUMED, RETRIED):
            return served(one, client)
        result = ended(client, one.act)
        alerts = [alert for alert in result.alerts if alert.code != 0]
        assert result.end == "eof" and not result.cut, f"no orderly end: {result}"
        if one.expect == CLOSED:
            assert not alerts, f"an alert where none belongs: {result}"
            return
        assert len(alerts) == 1 and len(result.alerts) == 1, f"not exactly one alert: {result}"
        assert not result.behind, f"more behind the alert: {result}"
        assert alerts[0].fatal and alerts[0].name in one.expect.split("|"), f"{alerts[0].name}, not {one.expect}"
    assert daemon.running()


def make_client(one, daemon):
    kind = Tls13Client if one.tls == 13 else Tls12Client
    # A violation of the library is often an alert that it never sends.
    return kind(Link(daemon.address(one.service), timeout=slack(1 if one.library else 5)), **one.options())


def served(one, client):
    """`act` sends the unusual part; this function completes the handshake."""
    one.act(client)
    if not client.established:
        client.handshake()
    client.send(b"still there")
    assert client.read(11) == b"still there"
    assert client.finish().clean
    if one.expect in (FULL, RESUMED):
        assert client.resumed == (one.expect == RESUMED)
    if one.tls == 13:
        assert (client.retry is not None) == (one.expect == RETRIED), "a HelloRetryRequest, or none"


def ended(client, act):
    """How the server ends what `act` sends; `act` may be interrupted by that end."""
    early = []
    try:
        act(client)
    except HandshakeFailed as failure:
        if isinstance(failure.event, End):
            return Outcome(end=failure.event.how, cut=failure.event.cut)
        assert isinstance(failure.event, Alert), failure
        early.append(failure.event)
    except Ended:
        pass  # the server has stopped reading; what it sent can still be read
    result = client.outcome(alerted=any(alert.fatal for alert in early))
    result.alerts = early + result.alerts
    return result


# The report.

def summary(reporter):
    """Lines for the end of the run: how many cases there were, how many were right, and each wrong one by name."""
    def of(outcome):
        return [one for one in reporter.stats.get(outcome, []) if "/test_conformance" in f"/{one.nodeid}"]

    right, other, wrong = of("passed") + of("xpassed"), of("xfailed"), of("failed")
    right = [one for one in right if one.when == "call"]
    if not right and not wrong and not other:
        return
    reporter.section("conformance")
    reporter.line(f"{len(right) + len(other) + len(wrong)} cases, {len(right)} right, "
                  f"{len(other)} wrong by the library, {len(wrong)} wrong by culvert")
    for one in sorted(other, key=lambda one: one.nodeid):
        reporter.line(f"  library  {_name(one)}: {one.wasxfail.removeprefix('library: ')}")
    for one in sorted(wrong, key=lambda one: one.nodeid):
        reporter.line(f"  culvert  {_name(one)}: {one.longreprtext.splitlines()[-1][:150]}")


def _name(report):
    return report.nodeid.rpartition("/")[2].removeprefix("test_conformance_").replace(".py::test_", " ")
