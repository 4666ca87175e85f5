// SPDX-License-Identifier: GPL-3.0-or-later
// The options of the two ends of a tunnel: which combinations of tls and backend-tls are possible, and
// which keys belong to an end that speaks TLS.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/config_dump.h"
#include "load_helper.h"

namespace culvert {
namespace {

using namespace testing_config;
using Lines = std::vector<std::string>;

constexpr const char* kBare = "[service web]\nlisten = 1\nbackend = 2\n";

Lines said(const std::string& more) { return lines(load(kBare + more).diagnostics); }

TEST(Ends, ClientModeNeedsNoCertificate) {
  const LoadOutcome outcome = load(std::string(kBare) + "tls = off\nbackend-tls = on\n");
  ASSERT_TRUE(outcome.ok());
  EXPECT_TRUE(outcome.diagnostics.empty());
  EXPECT_EQ(outcome.config.services[0].tls, ClientTls::kOff);
  EXPECT_TRUE(outcome.config.services[0].backendTls);
  EXPECT_TRUE(outcome.config.services[0].backendVerify);
}

TEST(Ends, EveryCombination) {
  EXPECT_EQ(said("cert = c\n"), Lines{});
  EXPECT_EQ(said("cert = c\nbackend-tls = on\n"), Lines{});
  EXPECT_EQ(said("tls = passthrough\n"), Lines{});
  EXPECT_EQ(said("tls = no\n"),
            Lines{"f.ini:4: error: [service web] tls: is off, and backend-tls is off too: culvert "
                  "would encrypt nothing; allowed: tls = on, tls = passthrough, backend-tls = on "
                  "(client mode), or match-transport = raw on a listen address that a TLS service "
                  "shares"});
  EXPECT_EQ(said("tls = passthrough\nbackend-tls = on\n"),
            Lines{"f.ini:5: error: [service web] backend-tls: cannot be on with tls = passthrough, "
                  "which carries the client's own TLS to the backend"});
  EXPECT_EQ(
      said(""),
      Lines{"f.ini:1: error: [service web] cert: is missing; every service with tls = on needs "
            "it: PEM file with a certificate and its chain"});
}

TEST(Ends, KeysOfAnEndWithoutTls) {
  EXPECT_EQ(
      said("tls = off\nbackend-tls = on\ncert = c\nstarttls = smtp\n"),
      (Lines{"f.ini:6: error: [service web] cert: is a key of TLS with clients, but tls = off",
             "f.ini:7: error: [service web] starttls: is a key of TLS with clients, but tls = "
             "off"}));
  EXPECT_EQ(
      said("tls = passthrough\nalpn = h2\n"),
      Lines{"f.ini:5: error: [service web] alpn: is a key of TLS with clients, but with tls = "
            "passthrough TLS ends at the backend"});
  EXPECT_EQ(said("cert = c\nbackend-ca = x\nbackend-starttls = imap\n"),
            (Lines{"f.ini:5: error: [service web] backend-ca: needs backend-tls = on",
                   "f.ini:6: error: [service web] backend-starttls: needs backend-tls = on"}));
}

TEST(Ends, InheritedKeysAndDefaultValuesAreNotMistakes) {
  EXPECT_EQ(lines(load("[defaults]\ncert = c\nalpn = h2\nbackend-ca = x\n[service a]\nlisten = 1\n"
                       "backend = 2\ntls = off\nbackend-tls = on\n[service b]\nlisten = 3\n"
                       "backend = 2\n")
                      .diagnostics),
            Lines{});
  EXPECT_EQ(said("tls = off\nbackend-tls = on\nsession-tickets = on\nverify-depth = 3\n"), Lines{});
}

TEST(Ends, ADumpOfEachCombinationCanBeReadAgain) {
  for (const char* more : {"tls = off\nbackend-tls = on\n", "tls = passthrough\n", "cert = c\n",
                           "cert = c\nbackend-tls = on\nbackend-verify = off\n"}) {
    const LoadOutcome first = load(std::string(kBare) + more);
    ASSERT_TRUE(first.ok()) << more;
    const LoadOutcome again = load(dumpConfig(first.config, nullptr));
    EXPECT_TRUE(again.ok()) << more << lines(again.diagnostics)[0];
    EXPECT_TRUE(sameOptions(again.config.services[0], first.config.services[0])) << more;
  }
}

TEST(Ends, TheTrustInBackends) {
  const std::string on = "tls = off\nbackend-tls = on\n";
  EXPECT_EQ(said(on + "backend-verify = off\n"),
            Lines{"f.ini:6: warning: [service web] backend-verify: is off: culvert accepts any "
                  "certificate, so whoever is on the path to the backend can read and change "
                  "everything"});
  EXPECT_EQ(said(on + "backend-verify = off\nbackend-ca = x\n").back(),
            "f.ini:7: error: [service web] backend-ca: has no effect with backend-verify = off");
  EXPECT_EQ(said(on + "backend-crl = x\n"),
            Lines{"f.ini:6: error: [service web] backend-crl: needs backend-ca: the issuers of the "
                  "lists have to be in it"});
  EXPECT_EQ(
      said(on + "backend-spki =\n"),
      Lines{"f.ini:6: error: [service web] backend-spki: is empty: culvert would accept every "
            "key; leave the key out if that is intended"});
}

TEST(Ends, AUnixSocketHasNoNameThatACertificateCanHave) {
  const std::string base =
      "[service web]\nlisten = 1\nbackend = unix:/s\ntls = off\nbackend-tls = on\n";
  EXPECT_EQ(
      lines(load(base).diagnostics),
      Lines{"f.ini:3: error: [service web] backend: is a UNIX socket, so it has no name that a "
            "certificate can have; backend-name says which name to expect"});
  EXPECT_EQ(lines(load(base + "backend-name = db\n").diagnostics), Lines{});
  EXPECT_EQ(lines(load(base + "backend-spki = 1\n").diagnostics), Lines{});
}

TEST(Ends, Via) {
  const std::string on = "tls = off\nbackend-tls = on\n";
  EXPECT_EQ(said(on + "via-auth-file = x\n"),
            Lines{"f.ini:6: error: [service web] via-auth-file: needs via"});
  EXPECT_EQ(
      said(on + "backend = 3\nvia = http://p:1\n"),
      Lines{"f.ini:6: error: [service web] backend: is the second backend; with via a service "
            "can have only one"});
  EXPECT_EQ(said(on + "via = http://p:1\n"), Lines{});
}

TEST(Ends, AGreetingServerLearnsNothingOfTheHandshake) {
  const std::string mutual =
      "cert = c\nverify-client = required\nclient-ca = a\nproxy-protocol = v2\nstarttls = ";
  EXPECT_EQ(
      said(mutual + "imap\n"),
      Lines{"f.ini:7: warning: [service web] proxy-protocol: the header leaves before the TLS "
            "handshake, because with this starttls the backend greets first: it has no fields "
            "about TLS and the certificate"});
  EXPECT_EQ(said(mutual + "ldap\n"), Lines{});
}

}  // namespace
}  // namespace culvert
