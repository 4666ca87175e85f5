# SPDX-License-Identifier: GPL-3.0-or-later
"""A client that insists on one version, one suite or one group gets exactly that, or the alert that says why not; and
the log says the same. One row a case, over openssl s_client, gnutls-cli and curl."""

from collections import Counter

import pytest

from harness import eventually
from harness.programs import curl, gnutls, openssl

pytestmark = pytest.mark.records

AEAD12 = {"ECDHE-ECDSA-AES128-GCM-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
          "ECDHE-ECDSA-AES256-GCM-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
          "ECDHE-ECDSA-CHACHA20-POLY1305": "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
          "ECDHE-RSA-AES128-GCM-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
          "ECDHE-RSA-AES256-GCM-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
          "ECDHE-RSA-CHACHA20-POLY1305": "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"}
CBC = {"ECDHE-ECDSA-AES128-SHA": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
       "ECDHE-ECDSA-AES256-SHA": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
       "ECDHE-ECDSA-AES128-SHA256": "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
       "ECDHE-ECDSA-AES256-SHA384": "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384",
       "ECDHE-RSA-AES128-SHA": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
       "ECDHE-RSA-AES256-SHA": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
       "ECDHE-RSA-AES128-SHA256": "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
       "ECDHE-RSA-AES256-SHA384": "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384"}
SUITES13 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
NEVER12 = ("AES128-SHA", "AES256-SHA", "AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA256",
           "DHE-RSA-AES128-GCM-SHA256", "DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-CHACHA20-POLY1305", "DHE-RSA-AES128-SHA",
           "AECDH-AES128-SHA", "ECDHE-RSA-NULL-SHA", "ECDHE-ECDSA-AES128-CCM", "ECDHE-RSA-CAMELLIA128-SHA256",
           "ECDHE-ECDSA-ARIA128-GCM-SHA256")
# Old names and weak suites are there in openssl, behind its security level.
WEAK = ":@SECLEVEL=0"
REFUSED = "handshake_failure"


class Table:
    """Runs rows against one daemon and collects what is not as expected, the log's word beside the client's."""

    def __init__(self, daemon):
        self.daemon = daemon
        self.rows, self.wrong, self.served, self.causes = 0, [], 0, Counter()

    def cause(self):
        """Why the last connection ended, by the counters: the log sums up causes that come again and again."""
        def ended():
            now = Counter({name: value for name, value in self.daemon.counters().items()
                           if name.startswith("closed_by_cause.")})
            return now if now.total() >= self.rows else None

        before, self.causes = self.causes, eventually(ended, what=f"the end of connection {self.rows}")
        return ", ".join((self.causes - before).elements()).replace("closed_by_cause.", "")

    def row(self, words, answer, **expected):
        self.rows += 1
        cause = self.cause()
        if "alert" in expected:
            log = cause
            seen = {"alert": answer.alert, "cause": cause}
            wanted = {"alert": expected["alert"], "cause": "tls-sent"}
        else:
            log, self.served = self.daemon.wait_log("tunnel closed", count=self.served + 1), self.served + 1
            log = log if self.served == 1 else log[-1]
            logged = {"version": log.get("tls"), "suite": log.get("suite"), "group": log.get("group")}
            seen = {key: getattr(answer, key) for key in expected if key != "iana"}
            wanted = {key: value for key, value in expected.items() if key != "iana"}
            for key in ("version", "group"):
                if key in expected:
                    seen[f"log {key}"], wanted[f"log {key}"] = logged[key], expected[key]
            if "iana" in expected:
                seen["log suite"], wanted["log suite"] = logged["suite"], expected["iana"]
        if seen != wanted:
            self.wrong.append(f"{words}: {seen}, not {wanted}\n{log}\n{answer.text[-600:]}")

    def check(self, least):
        print(f"{self.rows} forced negotiations, {len(self.wrong)} wrong")
        assert not self.wrong, "\n".join(self.wrong)
        assert self.rows >= least


@pytest.fixture
def table(culvert, echo, pki):
    """A daemon with an ECDSA and an RSA certificate, and the table of what is asked of it."""
    def make(**service):
        both = {"cert": [pki.ecdsa.chain, pki.rsa.chain], "key": [pki.ecdsa.key, pki.rsa.key]}
        return Table(culvert(backend=echo.address, service={**both, **service}))
    return make


@pytest.mark.slow
def test_openssl_forces_versions_and_suites(table):
    rows = table()
    port = rows.daemon.port()
    for version in ("1.2", "1.3"):
        flag = "-tls" + version.replace(".", "_")
        rows.row(flag, openssl(port, flag), version=f"TLSv{version}")
    for flag in ("-tls1", "-tls1_1"):
        rows.row(flag, openssl(port, flag, "-cipher", "DEFAULT" + WEAK), alert="protocol_version")
    for suite in SUITES13:
        answer = openssl(port, "-tls1_3", "-ciphersuites", suite)
        rows.row(suite, answer, version="TLSv1.3", suite=suite, iana=suite)
    for suite in ("TLS_AES_128_CCM_SHA256", "TLS_AES_128_CCM_8_SHA256"):
        rows.row(suite, openssl(port, "-tls1_3", "-ciphersuites", suite), alert=REFUSED)
    for suite, iana in AEAD12.items():
        rows.row(suite, openssl(port, "-tls1_2", "-cipher", suite), version="TLSv1.2", suite=suite, iana=iana)
    for suite in (*CBC, *NEVER12):
        rows.row(suite, openssl(port, "-tls1_2", "-cipher", suite + WEAK), alert=REFUSED)
    rows.check(2 + 2 + 3 + 2 + 6 + 8 + len(NEVER12))


@pytest.mark.slow
def test_openssl_forces_groups(table):
    """In TLS 1.2 the client that knows X25519 only is served with RSA: the list limits the certificate's curve too
    (RFC 8422 section 5.3)."""
    rows = table()
    port = rows.daemon.port()
    for version in ("1.2", "1.3"):
        flag = "-tls" + version.replace(".", "_")
        for group in ("X25519", "P-256", "P-384"):
            rows.row(f"{flag} {group}", openssl(port, flag, "-groups", group), version=f"TLSv{version}", group=group)
        for group in ("P-521", "X448", "brainpoolP256r1", "secp256k1", "ffdhe2048", "ffdhe3072"):
            if (group, version) == ("brainpoolP256r1", "1.3") or (group, version) == ("secp256k1", "1.3"):
                continue  # of TLS 1.2 only
            if group.startswith("ffdhe") and version == "1.2":
                continue  # openssl makes no DHE group list before TLS 1.3
            rows.row(f"{flag} {group}", openssl(port, flag, "-groups", group), alert=REFUSED)
    rows.check(6 + 8 - 2)


def test_openssl_is_served_what_was_asked_for(table):
    """P-521 and every CBC suite where the options name them, and nothing else then."""
    rows = table(groups="P-521", ciphers=", ".join(CBC))
    port = rows.daemon.port()
    for version in ("1.2", "1.3"):
        flag = "-tls" + version.replace(".", "_")
        limits = ["-groups", "P-521"] if version == "1.3" else ["-groups", "P-521", "-cipher", "ECDHE-RSA-AES128-SHA"]
        rows.row(f"{flag} P-521", openssl(port, flag, *limits), version=f"TLSv{version}", group="P-521")
        rows.row(f"{flag} X25519", openssl(port, flag, "-groups", "X25519"), alert=REFUSED)
    for suite, iana in CBC.items():
        rows.row(suite, openssl(port, "-tls1_2", "-cipher", suite), version="TLSv1.2", suite=suite, iana=iana,
                 group="P-521")
    for suite in AEAD12:
        rows.row(suite, openssl(port, "-tls1_2", "-cipher", suite), alert=REFUSED)
    rows.check(4 + 8 + 6)


@pytest.mark.parametrize("service, accepted", [
    ({"min-version": "1.3"}, {"1.3"}), ({"max-version": "1.2"}, {"1.2"}), ({"policy": "modern"}, {"1.3"}),
    ({"policy": "intermediate"}, {"1.2", "1.3"}), ({"policy": "modern", "min-version": "1.2"}, {"1.2", "1.3"}),
    ({"policy": "modern", "min-version": "1.2", "max-version": "1.2"}, {"1.2"}),
])
def test_version_limits_and_presets(table, service, accepted):
    """openssl, gnutls-cli and curl, each limited to one version."""
    rows = table(**service)
    port = rows.daemon.port()
    for version in ("1.2", "1.3"):
        expected = {"version": f"TLSv{version}"} if version in accepted else {"alert": "protocol_version"}
        rows.row(f"openssl {version}", openssl(port, "-tls" + version.replace(".", "_")), **expected)
        rows.row(f"gnutls {version}", gnutls(port, f"NORMAL:-VERS-ALL:+VERS-TLS{version}"), **expected)
        rows.row(f"curl {version}", curl(port, f"--tlsv{version}", "--tls-max", version), **expected)
    rows.check(6)


@pytest.mark.slow
def test_gnutls_forces_versions_groups_and_suites(table, need):
    need("gnutls-cli")
    rows = table()
    port = rows.daemon.port()
    rows.row("1.1", gnutls(port, "NORMAL:-VERS-ALL:+VERS-TLS1.1"), alert="protocol_version")
    for version in ("1.2", "1.3"):
        base = f"NORMAL:-VERS-ALL:+VERS-TLS{version}"
        for group, ours in (("X25519", "X25519"), ("SECP256R1", "P-256"), ("SECP384R1", "P-384")):
            # The RSA certificate serves TLS 1.2 whatever the group.
            words = f"{base}:-GROUP-ALL:+GROUP-{group}" + (":-ECDHE-ECDSA" if version == "1.2" else "")
            rows.row(words, gnutls(port, words), version=f"TLSv{version}", group=ours)
        for group in ("SECP521R1", "X448", "FFDHE2048"):
            words = f"{base}:-GROUP-ALL:+GROUP-{group}"
            rows.row(words, gnutls(port, words), alert=REFUSED)
        for cipher, iana in (("AES-128-GCM", "AES_128_GCM_SHA256"), ("AES-256-GCM", "AES_256_GCM_SHA384"),
                             ("CHACHA20-POLY1305", "CHACHA20_POLY1305_SHA256")):
            words = f"{base}:-CIPHER-ALL:+{cipher}"
            prefix = "TLS_ECDHE_ECDSA_WITH_" if version == "1.2" else "TLS_"
            rows.row(words, gnutls(port, words), version=f"TLSv{version}", suite=cipher, iana=prefix + iana)
        rows.row(f"{base} CCM", gnutls(port, f"{base}:-CIPHER-ALL:+AES-128-CCM"), alert=REFUSED)
    base = "NORMAL:-VERS-ALL:+VERS-TLS1.2"
    for words in (f"{base}:-CIPHER-ALL:+AES-128-CBC:+SHA1", f"{base}:-CIPHER-ALL:+AES-256-CBC:+SHA1",
                  f"{base}:-CIPHER-ALL:+3DES-CBC:+SHA1", f"{base}:-CIPHER-ALL:+ARCFOUR-128:+SHA1",
                  f"{base}:-KX-ALL:+RSA", f"{base}:-KX-ALL:+DHE-RSA", f"{base}:-KX-ALL:+ANON-ECDH"):
        rows.row(words, gnutls(port, words), alert=REFUSED)
    rows.check(1 + 2 * 10 + 7)


@pytest.mark.parametrize("etm", [True, False], ids=["encrypt-then-mac", "mac-then-encrypt"])
def test_cbc_is_carried_with_and_without_encrypt_then_mac(table, need, etm):
    """RFC 7366: the MAC over the ciphertext where the client knows it. Many records, both ways."""
    need("gnutls-cli")
    rows = table(ciphers=", ".join(CBC))
    for cipher, mac, iana in (("AES-128-CBC", "SHA1", "AES_128_CBC_SHA"), ("AES-256-CBC", "SHA1", "AES_256_CBC_SHA"),
                              ("AES-128-CBC", "SHA256", "AES_128_CBC_SHA256"),
                              ("AES-256-CBC", "SHA384", "AES_256_CBC_SHA384")):
        for kx in ("ECDSA", "RSA"):
            words = f"NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+{cipher}:-MAC-ALL:+{mac}:-KX-ALL:+ECDHE-{kx}"
            answer = gnutls(rows.daemon.port(), words + ("" if etm else ":%NO_ETM"))
            rows.row(words, answer, version="TLSv1.2", iana=f"TLS_ECDHE_{kx}_WITH_{iana}")
            assert ("EtM" in answer.text) == etm, answer.text
    rows.check(8)


def test_cbc_carries_bytes(culvert, echo, connect):
    """OpenSSL's client (encrypt-then-MAC) sends and gets a megabyte back."""
    daemon = culvert(backend=echo.address, service={"ciphers": ", ".join(CBC)})
    for suite in ("ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"):
        client = connect(daemon, maximum="1.2", ciphers=suite)
        assert client.tls.cipher()[0] == suite
        sent = client.exchange_paced(1 << 20, 1 << 20)
        assert sent["sent"] == sent["received"]


def test_cbc_is_warned_of(culvert, echo):
    """At the start, with the place of the option; never where nobody asked."""
    quiet = culvert(backend=echo.address)
    assert not quiet.find_log("CBC")
    loud = culvert(backend=echo.address, service={"ciphers": "ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256"})
    line = loud.wait_log("CBC suites are served")
    assert "warning: [service main] ciphers" in line and "ECDHE-ECDSA-AES128-SHA;" in line


def test_the_curves_of_tls12_follow_our_order(table):
    """wolfSSL by itself takes the client's order and does not look at `groups`; openssl offers all four here."""
    orders = [("X25519", "P-256"), ("P-256", "X25519"), ("P-384", "X25519"), ("P-521", "P-384", "P-256")]
    for order in orders:
        rows = table(groups=", ".join(order))
        rows.row(str(order), openssl(rows.daemon.port(), "-tls1_2", "-groups", "P-521:P-384:P-256:X25519"),
                 version="TLSv1.2", group=order[0])
        rows.check(1)


def test_a_share_in_hand_is_taken_and_none_is_asked_for(table):
    """TLS 1.3: openssl sends a share for its first group. One of ours is taken as it is, without a round trip more;
    else the first of ours that the client knows is asked for."""
    rows = table(groups="X25519, P-256, P-384")
    for offer, group in (("P-384:X25519", "P-384"), ("P-521:P-256:X25519", "X25519"), ("X448:P-384:P-256", "P-256")):
        rows.row(offer, openssl(rows.daemon.port(), "-tls1_3", "-groups", offer), version="TLSv1.3", group=group)
    rows.check(3)
