// SPDX-License-Identifier: GPL-3.0-or-later
// Every kind of allow rule with what it lets in, what it keeps out, and what is no rule at all.
#include "tls/peer_auth/peer_rules.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

PeerCertificate certificate() {
  PeerCertificate c;
  c.commonNames = {"first", "second"};
  c.units = {"web", "ops"};
  c.dnsNames = {"client.example.org", "*.wild.example.org"};
  c.uris = {"spiffe://example.org/ns/prod/sa/web", "https://example.org/"};
  c.addresses = {{10, 1, 2, 3}, {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7}};
  for (size_t i = 0; i < c.keyPin.size(); ++i) c.keyPin[i] = static_cast<uint8_t>(i);
  return c;
}

bool allows(PeerRule kind, std::string_view item) {
  PeerRules rules;
  const auto added = rules.add(kind, item);
  EXPECT_TRUE(added) << added.error().text;
  EXPECT_FALSE(rules.empty());
  return rules.allows(certificate());
}

std::string errorOf(PeerRule kind, std::string_view item) {
  PeerRules rules;
  const auto added = rules.add(kind, item);
  EXPECT_TRUE(added || rules.empty());
  return added ? "" : added.error().text;
}

TEST(PeerRules, WithoutAnyEveryoneMayPass) {
  EXPECT_TRUE(PeerRules().empty());
  EXPECT_TRUE(PeerRules().allows(certificate()));
  EXPECT_TRUE(PeerRules().allows({}));
}

TEST(PeerRules, OneMatchIsEnoughAndNoneIsARefusal) {
  PeerRules rules;
  EXPECT_TRUE(rules.add(PeerRule::kCn, "nobody"));
  EXPECT_FALSE(rules.allows(certificate()));
  EXPECT_TRUE(rules.add(PeerRule::kOu, "ops"));
  EXPECT_TRUE(rules.allows(certificate()));
  EXPECT_FALSE(rules.allows({}));
}

TEST(PeerRules, CommonNamesAndUnitsByTheWholeValueWithItsCase) {
  EXPECT_TRUE(allows(PeerRule::kCn, "second"));
  EXPECT_FALSE(allows(PeerRule::kCn, "Second"));
  EXPECT_FALSE(allows(PeerRule::kCn, "sec"));
  EXPECT_FALSE(allows(PeerRule::kCn, "*"));
  EXPECT_FALSE(allows(PeerRule::kCn, "web"));
  EXPECT_TRUE(allows(PeerRule::kOu, "web"));
  EXPECT_FALSE(allows(PeerRule::kOu, "first"));
}

TEST(PeerRules, DnsNames) {
  EXPECT_TRUE(allows(PeerRule::kDns, "Client.Example.ORG"));
  EXPECT_TRUE(allows(PeerRule::kDns, "*.example.org"));
  EXPECT_FALSE(allows(PeerRule::kDns, "*.org"));
  EXPECT_FALSE(allows(PeerRule::kDns, "example.org"));
  EXPECT_FALSE(allows(PeerRule::kDns, "a.wild.example.org"))
      << "a wildcard of the certificate stands for nothing";
  EXPECT_FALSE(allows(PeerRule::kDns, "*.wild.example.org"))
      << "a name with * is not a host name, so no rule matches it";
  EXPECT_FALSE(allows(PeerRule::kDns, "first")) << "a CN is no DNS name";
  for (std::string_view bad : {"", "*", "a.*.org", "*.", ".org", "a b", "a/b"})
    EXPECT_NE(errorOf(PeerRule::kDns, bad), "") << bad;
}

TEST(PeerRules, Uris) {
  struct Case {
    std::string_view pattern, uri;
    bool matches;
  };
  const Case cases[] = {
      {"spiffe://td/a/b", "spiffe://td/a/b", true},
      {"spiffe://td/a/b", "spiffe://td/a/B", false},
      {"spiffe://td/a/b", "spiffe://td/a/b/", false},
      {"spiffe://td/a/b", "spiffe://td/a/b/c", false},
      {"spiffe://td/a/b/c", "spiffe://td/a/b", false},
      {"spiffe://td", "spiffe://td", true},
      {"spiffe://td", "spiffe://tdx", false},
      {"spiffe://td", "spiffe://td/x", false},
      {"spiffe://td/*", "spiffe://td/x", true},
      {"spiffe://td/*", "spiffe://td/", false},
      {"spiffe://td/*", "spiffe://td/x/y", false},
      {"spiffe://td/*", "spiffe://tdx/x", false},
      {"spiffe://td/*", "spiffe://td/..", false},
      {"spiffe://td/*/c", "spiffe://td/b/c", true},
      {"spiffe://td/*/c", "spiffe://td/b/d", false},
      {"spiffe://td/*/c", "spiffe://td//c", false},
      {"spiffe://td/a-*-z/c", "spiffe://td/a-1-2-z/c", true},
      {"spiffe://td/a-*-z/c", "spiffe://td/a-1-2-y/c", false},
      {"spiffe://td/a*", "spiffe://td/a", true},
      {"spiffe://td/**", "spiffe://td/x", true},
      {"spiffe://td/**", "spiffe://td/x/y/z", true},
      {"spiffe://td/**", "spiffe://td/", false},
      {"spiffe://td/**", "spiffe://td", false},
      {"spiffe://td/**", "spiffe://td/x/../y", false},
      {"spiffe://td/**", "spiffe://td/x//y", false},
      {"spiffe://td/**", "spiffe://td/x/", false},
      {"spiffe://td/a/**", "spiffe://td/a/x/y", true},
      {"spiffe://td/a/**", "spiffe://td/ab/x", false},
      {"spiffe://td/a/**", "spiffe://td/a", false},
      {"spiffe://td/*", "Spiffe://td/x", false},
      {"urn:x:y", "urn:x:y", true},
      {"urn:*", "urn:x:y", true},
      {"urn:*", "urn:x/y", false},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(errorOf(PeerRule::kUri, c.pattern), "") << c.pattern;
    EXPECT_EQ(uriMatches(c.pattern, c.uri), c.matches) << c.pattern << " " << c.uri;
  }
  for (std::string_view bad : {"", "x", "spiffe://*/x", "spiffe://t*/x", "*://td/x",
                               "spiffe://td/**/x", "spiffe://td/a**", "spiffe://td/a b", ":x"})
    EXPECT_NE(errorOf(PeerRule::kUri, bad), "") << bad;
  EXPECT_TRUE(allows(PeerRule::kUri, "spiffe://example.org/ns/*/sa/web"));
}

TEST(PeerRules, Addresses) {
  EXPECT_TRUE(allows(PeerRule::kIp, "10.1.2.3"));
  EXPECT_TRUE(allows(PeerRule::kIp, "10.1.2.2/31"));
  EXPECT_FALSE(allows(PeerRule::kIp, "10.1.2.0/31"));
  EXPECT_TRUE(allows(PeerRule::kIp, "10.0.0.0/8"));
  EXPECT_TRUE(allows(PeerRule::kIp, "0.0.0.0/0"));
  EXPECT_FALSE(allows(PeerRule::kIp, "192.0.2.0/24"));
  EXPECT_TRUE(allows(PeerRule::kIp, "fd00::/8"));
  EXPECT_FALSE(allows(PeerRule::kIp, "fd00::8"));
  EXPECT_FALSE(allows(PeerRule::kIp, "::ffff:10.1.2.3")) << "IPv4 is IPv4";
  for (std::string_view bad : {"", "host", "10.1.2", "10.1.2.3/33", "10.1.2.3/8", "fd00::/129",
                               "10.0.0.0/", "10.0.0.0/x", "10.0.0.0/-1", "10.0.0.0/0008"})
    EXPECT_NE(errorOf(PeerRule::kIp, bad), "") << bad;
}

TEST(PeerRules, KeyPins) {
  const std::string_view hex = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
  EXPECT_TRUE(allows(PeerRule::kSpki, hex));
  EXPECT_TRUE(allows(PeerRule::kSpki, "sha256:" + std::string(hex)));
  EXPECT_TRUE(allows(PeerRule::kSpki,
                     "00:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:17:18:"
                     "19:1A:1B:1C:1D:1E:1F"));
  EXPECT_TRUE(allows(PeerRule::kSpki, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
  EXPECT_TRUE(allows(PeerRule::kSpki, "sha256//AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
  EXPECT_FALSE(allows(PeerRule::kSpki, "BAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="));
  for (std::string_view bad : {"", "00", "zz", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"})
    EXPECT_NE(errorOf(PeerRule::kSpki, bad), "") << bad;
}

}  // namespace
}  // namespace culvert
