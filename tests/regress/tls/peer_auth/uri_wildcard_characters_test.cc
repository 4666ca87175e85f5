// SPDX-License-Identifier: GPL-3.0-or-later
// Wildcards of allow-uri stood for anything. Done: certificates with a URI whose path has %2e%2e,
// %2f, a line feed or ?x#y where the rule has a wildcard; DNS names that no host has. Seen: they
// pass. Right: a wildcard stands for plain characters of one path segment, in SPIFFE ids for
// letters, digits, "-", "." and "_"; allow-dns wants a host name.
#include <gtest/gtest.h>

#include "tls/peer_auth/peer_rules.h"

namespace culvert {
namespace {

TEST(UriWildcardCharacters, NothingThatIsDecodedOrCutLater) {
  const std::string base = "spiffe://example.org/ns/";
  for (const char* odd : {"%2e%2e", "a%2fb", "a\nb", "a?x", "a#y", "a?x#y", "a b", "a\\b",
                          "\xc3\xa9", "a\x7f", "a~b", "a:b", "a@b"}) {
    EXPECT_FALSE(uriMatches(base + "*", base + odd)) << odd;
    EXPECT_FALSE(uriMatches(base + "**", base + odd)) << odd;
    EXPECT_FALSE(uriMatches(base + "**", base + "x/" + odd)) << odd;
    EXPECT_FALSE(uriMatches(base + "a*", base + "a" + odd)) << odd;
    EXPECT_TRUE(uriMatches(base + odd, base + odd)) << "spelled out it is what it is: " << odd;
  }
  EXPECT_FALSE(uriMatches(base + "*", base + std::string("a\0b", 3)));
  for (const char* plain : {"web", "web-1.2_3", "A", "..."})
    EXPECT_TRUE(uriMatches(base + "*", base + plain)) << plain;
}

TEST(UriWildcardCharacters, WhatTheRuleSpellsOutStays) {
  EXPECT_TRUE(uriMatches("https://h/a%20*", "https://h/a%20b"));
  EXPECT_FALSE(uriMatches("https://h/a%20*", "https://h/a%20%20"));
  EXPECT_TRUE(uriMatches("https://h/*%20*", "https://h/a%20b"));
  EXPECT_TRUE(uriMatches("urn:device:*", "urn:device:a:b@c;d=e~f"));
  EXPECT_FALSE(uriMatches("urn:device:*", "urn:device:a%2fb"));
  EXPECT_FALSE(uriMatches("https://h/**", "https://h/a?b"));
}

TEST(UriWildcardCharacters, DnsNamesAreHostNames) {
  PeerRules rules;
  ASSERT_TRUE(rules.add(PeerRule::kDns, "*.example.org"));
  const auto allows = [&rules](std::string name) {
    PeerCertificate certificate;
    certificate.dnsNames = {std::move(name)};
    return rules.allows(certificate);
  };
  EXPECT_TRUE(allows("a-b_1.example.org"));
  for (const char* odd : {"a b.example.org", "a\n.example.org", "*.example.org", "a/b.example.org",
                          "a@b.example.org", "\xc3\xa9.example.org", ".example.org"})
    EXPECT_FALSE(allows(odd)) << odd;
  EXPECT_FALSE(allows(std::string("a\0.example.org", 14)));
  EXPECT_FALSE(allows(std::string(64, 'a') + ".example.org")) << "longer than a label may be";
  for (const char* bad : {"a..b", ".a", "a.", "*.", "*", "a b"})
    EXPECT_FALSE(PeerRules().add(PeerRule::kDns, bad)) << bad;
}

TEST(UriWildcardCharacters, TheNameThatMatchedComesFirst) {
  PeerRules rules;
  ASSERT_TRUE(rules.add(PeerRule::kCn, "second"));
  ASSERT_TRUE(rules.add(PeerRule::kUri, "spiffe://example.org/*"));
  PeerCertificate certificate;
  certificate.commonNames = {"first", "second", "third"};
  certificate.uris = {"https://x/", "spiffe://example.org/web"};
  rules.putMatchesFirst(certificate);
  EXPECT_EQ(certificate.commonNames, (std::vector<std::string>{"second", "first", "third"}));
  EXPECT_EQ(certificate.uris.front(), "spiffe://example.org/web");
}

}  // namespace
}  // namespace culvert
