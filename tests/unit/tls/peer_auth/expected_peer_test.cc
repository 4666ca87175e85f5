// SPDX-License-Identifier: GPL-3.0-or-later
// ExpectedPeer: which certificates are those of the host that culvert dials, by name, by address and
// by key.
#include "tls/peer_auth/expected_peer.h"

#include <gtest/gtest.h>

#include "tls/protocol/alert_number.h"

namespace culvert {
namespace {

const std::vector<uint8_t> kV4 = {192, 0, 2, 7};
const std::vector<uint8_t> kV6 = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7};
const std::vector<uint8_t> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 7};

PeerCertificate leafWith(std::vector<std::string> names,
                         std::vector<std::vector<uint8_t>> addresses = {}) {
  PeerCertificate leaf;
  leaf.subject = "CN=backend.example.org";
  leaf.commonNames = {"backend.example.org"};
  leaf.dnsNames = std::move(names);
  leaf.addresses = std::move(addresses);
  for (size_t i = 0; i < leaf.keyPin.size(); ++i) leaf.keyPin[i] = static_cast<uint8_t>(i);
  return leaf;
}

PeerRules pinsOf(const std::string& item) {
  PeerRules pins;
  EXPECT_TRUE(pins.add(PeerRule::kSpki, item));
  return pins;
}
const std::string kItsPin = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
const std::string kOtherPin(64, '7');

bool isFor(const std::string& host, const PeerCertificate& leaf) {
  const PeerRules none;
  const PeerVerdict verdict = ExpectedPeer(host, none, false).judge(leaf);
  EXPECT_EQ(int{verdict.alert}, verdict.reason.empty() ? 0 : int{Alert::bad_certificate});
  EXPECT_FALSE(verdict.ours);
  return static_cast<bool>(verdict);
}

struct NameCase {
  const char* host;
  const char* name;
  bool match;
};

TEST(ExpectedPeer, TableOfNames) {
  const NameCase cases[] = {
      {"a.example.org", "a.example.org", true},
      {"A.Example.ORG", "a.example.org", true},
      {"a.example.org.", "a.example.org", true},
      {"a.example.org..", "a.example.org", false},
      {"b.example.org", "a.example.org", false},
      {"example.org", "a.example.org", false},
      {"a.example.org", "example.org", false},
      {"a.example.org.evil.net", "a.example.org", false},
      {"a.example.org", "*.example.org", true},
      {"A.EXAMPLE.ORG.", "*.example.org", true},
      {"a.b.example.org", "*.example.org", false},
      {"example.org", "*.example.org", false},
      {".example.org", "*.example.org", false},
      {"aexample.org", "*.example.org", false},
      {"foo.example.org", "f*.example.org", false},
      {"foo.example.org", "*oo.example.org", false},
      {"a.b.example.org", "a.*.example.org", false},
      {"a.b.example.org", "*.*.example.org", false},
      {"localhost", "*", false},
      {"a.org", "*.", false},
      {"192.0.2.7", "192.0.2.7", false},  // an address has to be an address in the certificate
      {"192.0.2.7", "*.0.2.7", false},
      {"2001:db8::7", "2001:db8::7", false},
  };
  for (const NameCase& c : cases)
    EXPECT_EQ(isFor(c.host, leafWith({c.name})), c.match) << c.host << " and " << c.name;
}

TEST(ExpectedPeer, OneOfManyNamesIsEnough) {
  EXPECT_TRUE(isFor("c.org", leafWith({"a.org", "b.org", "c.org"})));
  EXPECT_FALSE(isFor("d.org", leafWith({"a.org", "b.org", "c.org"})));
}

TEST(ExpectedPeer, TableOfAddresses) {
  EXPECT_TRUE(isFor("192.0.2.7", leafWith({}, {kV6, kV4})));
  EXPECT_FALSE(isFor("192.0.2.8", leafWith({}, {kV4})));
  EXPECT_TRUE(isFor("2001:db8::7", leafWith({}, {kV4, kV6})));
  EXPECT_TRUE(isFor("2001:DB8:0:0::7", leafWith({}, {kV6}))) << "another spelling";
  EXPECT_FALSE(isFor("2001:db8::8", leafWith({}, {kV6})));
  // RFC 9525 6.5: an address is compared byte for byte.
  EXPECT_TRUE(isFor("::ffff:192.0.2.7", leafWith({}, {kMapped})));
  EXPECT_FALSE(isFor("::ffff:192.0.2.7", leafWith({}, {kV4})));
  EXPECT_FALSE(isFor("192.0.2.7", leafWith({}, {kMapped})));
  // The certificate of an address is not the certificate of a name.
  EXPECT_FALSE(isFor("a.example.org", leafWith({}, {kV4})));
  EXPECT_FALSE(isFor("192.0.2", leafWith({}, {kV4}))) << "not an address, so a name";
}

TEST(ExpectedPeer, TheCommonNameDoesNotCount) {
  const PeerRules none;
  const PeerVerdict verdict = ExpectedPeer("backend.example.org", none, false).judge(leafWith({}));
  EXPECT_EQ(int{verdict.alert}, int{Alert::bad_certificate});
  EXPECT_EQ(verdict.reason,
            "CN=backend.example.org has no name in its subjectAltName, expected "
            "backend.example.org");
}

TEST(ExpectedPeer, TheReasonListsTheNames) {
  const PeerRules none;
  const ExpectedPeer peer("C.org.", none, false);
  EXPECT_EQ(peer.judge(leafWith({"a.org", "b.org"}, {kV4, kV6})).reason,
            "certificate is for a.org, b.org, 192.0.2.7, 2001:db8::7, expected c.org");
  EXPECT_EQ(peer.judge(leafWith({"1.a", "2.a", "3.a", "4.a", "5.a", "6.a", "7.a"})).reason,
            "certificate is for 1.a, 2.a, 3.a, 4.a, 5.a and 2 more, expected c.org");
  const std::string reason = peer.judge(leafWith({"a\n\x1b[2J", std::string(5000, 'x')})).reason;
  EXPECT_EQ(reason.find('\n'), std::string::npos) << reason;
  EXPECT_EQ(reason.find('\x1b'), std::string::npos);
  EXPECT_LT(reason.size(), 400u);
}

TEST(ExpectedPeer, TheServerNameIsTheNameWithoutItsDot) {
  const PeerRules none;
  EXPECT_EQ(ExpectedPeer("A.Example.org.", none, false).serverName(), "a.example.org");
  EXPECT_EQ(ExpectedPeer("localhost", none, false).serverName(), "localhost");
  for (const char* address : {"192.0.2.7", "::1", "2001:db8::7", "::ffff:192.0.2.7"})
    EXPECT_EQ(ExpectedPeer(address, none, false).serverName(), "") << address;
  EXPECT_EQ(ExpectedPeer().serverName(), "");
}

TEST(ExpectedPeer, PinsCountBesidesTheName) {
  const PeerRules pins = pinsOf(kItsPin);
  const PeerRules others = pinsOf(kOtherPin);
  const PeerCertificate leaf = leafWith({"a.org"});
  EXPECT_TRUE(ExpectedPeer("a.org", pins, false).judge(leaf));
  EXPECT_FALSE(ExpectedPeer("b.org", pins, false).judge(leaf)) << "the name has to fit too";
  const PeerVerdict verdict = ExpectedPeer("a.org", others, false).judge(leaf);
  EXPECT_EQ(int{verdict.alert}, int{Alert::bad_certificate});
  EXPECT_EQ(verdict.reason, "CN=backend.example.org has a key that is not in backend-spki");
  PeerRules both = pinsOf(kOtherPin);
  ASSERT_TRUE(both.add(PeerRule::kSpki, kItsPin));
  EXPECT_TRUE(ExpectedPeer("a.org", both, false).judge(leaf));
}

TEST(ExpectedPeer, WithPinsOnlyTheNameDoesNotCount) {
  const PeerRules pins = pinsOf(kItsPin);
  const PeerRules others = pinsOf(kOtherPin);
  EXPECT_TRUE(ExpectedPeer("b.org", pins, true).judge(leafWith({"a.org"})));
  EXPECT_TRUE(ExpectedPeer("192.0.2.7", pins, true).judge(leafWith({})));
  EXPECT_FALSE(ExpectedPeer("a.org", others, true).judge(leafWith({"a.org"})));
}

}  // namespace
}  // namespace culvert
