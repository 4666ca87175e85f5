# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates that live for days or hours were warned of for ever.

Done: a certificate, or a client CA, of six days or of one hour was served. Seen: "expires soon" from its first second, since every
expiry was warned of 14 days ahead, and a gauge that counts days said 0. Right: a warning in the last third of a shorter life; gauges
in seconds.
"""

from harness import Config
from harness.client_pki import ClientPki
from harness.renewal import HOUR, Pair

SOON = "certificate expires soon"


def test_a_short_life_is_warned_of_in_its_last_third(culvert, echo, pki, workdir):
    fresh = dict(start=-HOUR, end=143 * HOUR)
    made = {"fresh": pki.issue("fresh", directory=workdir, **fresh),
            "hour": pki.issue("hour", directory=workdir, start=-HOUR / 4, end=HOUR * 3 / 4),
            "old": pki.issue("old", directory=workdir, start=-97 * HOUR, end=47 * HOUR),
            "long": pki.issue("long", directory=workdir, start=-24 * 76 * HOUR, end=24 * 13 * HOUR)}
    authorities = ClientPki(workdir)
    cas = [authorities.ca("fresh", **fresh), authorities.ca("old", start=-97 * HOUR, end=47 * HOUR)]
    services = {name: {"backend": echo.address, "cert": one.chain, "key": one.key} for name, one in made.items()}
    services["hour"].update({"verify-client": "required", "client-ca": [one.cert for one in cas]})
    daemon = culvert(Config(services))
    counters = daemon.counters()
    assert sorted(line["service"] for line in daemon.find_log(SOON)) == ["long", "old"]
    line = daemon.wait_log("client CA expires soon")
    assert "CN=old" in line["client_ca"]
    hour = HOUR.total_seconds()
    assert 0 < counters["certificate_seconds_left"] <= hour * 3 / 4 and counters["certificate_days_left"] == 0
    assert 46 * hour < counters["client_ca_seconds_left"] <= 47 * hour and counters["client_ca_days_left"] == 1


def test_the_warning_comes_when_the_last_third_begins(culvert, echo, pki, workdir):
    """Once, and not again for each renewal beside it."""
    pair = Pair(pki, workdir)
    soon = pki.issue("soon", names=["soon.example"], directory=workdir, start=-HOUR / 100, end=HOUR / 180)
    daemon = culvert(Config({"soon": {"backend": echo.address, "cert": soon.chain, "key": soon.key},
                             "main": {"backend": echo.address, "cert": pair.cert, "key": pair.key}}))
    assert " warning " in daemon.wait_log(SOON, 20).text
    pair.put(pair.make())
    daemon.wait_log("certificate loaded")
    assert daemon.counters()["certificates_taken"] == 1 and len(daemon.find_log(SOON)) == 1
