// SPDX-License-Identifier: GPL-3.0-or-later
// Done: `alpn = h2;http/1.1` and `alpn = H2`. Seen: no word of it, and every client that offers h2
// was refused. Right: a name that no registry lists is warned of, with what was probably meant.
#include "config/alpn_names.h"

#include <gtest/gtest.h>

#include "tests/unit/config/load_helper.h"

namespace culvert {
namespace {

using namespace testing_config;

TEST(AlpnNames, WhatWasProbablyMeant) {
  const std::pair<const char*, const char*> rows[] = {
      {"H2", "h2"},
      {"h2;http/1.1", "h2, http/1.1"},
      {"http/1.1:h2", "http/1.1, h2"},
      {"http1.1", "http/1.1"},
      {"HTTP/1.1", "http/1.1"},
      {"postgres", "postgresql"},
      {"imaps", "imap"},
      {"my-own-protocol", ""},
  };
  for (const auto& [name, meant] : rows) {
    EXPECT_FALSE(isRegisteredAlpn(name)) << name;
    EXPECT_EQ(alpnMeant(name), meant) << name;
  }
}

TEST(AlpnNames, AreWarnedOf) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(lines(load(kSound + "alpn = h2, http/1.1, acme-tls/1\n").diagnostics), Lines{});
  const LoadOutcome outcome = load(kSound + "alpn = h2;http/1.1, mine\n");
  constexpr const char* kAllowed =
      " is not a protocol name that IANA lists; allowed: names such as h2, http/1.1, with a comma "
      "between two";
  EXPECT_TRUE(outcome.ok());
  EXPECT_EQ(lines(outcome.diagnostics),
            (Lines{std::string("f.ini:5: warning: [service web] alpn: \"h2;http/1.1\"") + kAllowed +
                       " (did you mean \"h2, http/1.1\")",
                   std::string("f.ini:5: warning: [service web] alpn: \"mine\"") + kAllowed}));
  EXPECT_EQ(lines(load(kSound + "server-names = any.example\n").diagnostics), Lines{});
}

}  // namespace
}  // namespace culvert
