// SPDX-License-Identifier: GPL-3.0-or-later
// The words of other TLS proxies: the table agrees with the option table, and every source of the
// configuration shows the advice.
#include "config/foreign_words.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "base/ascii.h"
#include "load_helper.h"

namespace culvert {
namespace {

using namespace testing_config;
using Lines = std::vector<std::string>;
/// Words with a hyphen that are not keys.
constexpr std::string_view kPlainWords[] = {"e-mail", "finite-field", "diffie-hellman"};
constexpr std::string_view kOptions[] = {"--daemon"};

bool isOption(std::string_view key) {
  return findOption(OptionScope::kGlobal, key) != nullptr ||
         findOption(OptionScope::kService, key) != nullptr;
}
bool isKey(std::string_view key) { return isOption(key); }

/// The words of a text, without punctuation at their ends.
std::vector<std::string> wordsOf(std::string_view text) {
  std::vector<std::string> words(1);
  for (const char c : text) {
    if (c == ' ')
      words.emplace_back();
    else
      words.back() += c;
  }
  for (std::string& word : words) {
    while (word.ends_with(',') || word.ends_with(';') || word.ends_with(':') || word.ends_with(')'))
      word.pop_back();
    if (word.starts_with('(')) word.erase(0, 1);
  }
  return words;
}

TEST(ForeignWords, AreNotKeysOfCulvert) {
  std::set<std::string_view> seen;
  for (const ForeignWord& foreign : allForeignWords()) {
    EXPECT_FALSE(isKey(foreign.word)) << foreign.word;
    EXPECT_TRUE(seen.insert(foreign.word).second) << foreign.word << " is in the table twice";
    for (const char c : foreign.word)
      EXPECT_TRUE((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.')
          << foreign.word;
    EXPECT_FALSE(foreign.word.starts_with('-'));
    EXPECT_FALSE(foreign.tools.empty());
  }
}

TEST(ForeignWords, EveryKeyExistsAndIsInTheAdvice) {
  for (const ForeignWord& foreign : allForeignWords()) {
    const std::vector<std::string> advice = wordsOf(foreign.advice);
    for (const std::string_view key : foreign.keyList()) {
      EXPECT_TRUE(isKey(key)) << foreign.word << ": " << key;
      EXPECT_NE(std::ranges::find(advice, key), advice.end()) << foreign.word << ": " << key;
    }
  }
}

TEST(ForeignWords, TheAdviceNamesOnlyKeysThatExist) {
  for (const ForeignWord& foreign : allForeignWords()) {
    const std::vector<std::string> words = wordsOf(foreign.advice);
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (word.starts_with("--")) {
        EXPECT_NE(std::ranges::find(kOptions, word), std::end(kOptions)) << foreign.word;
      } else if (word.find('-') != std::string::npos) {
        EXPECT_TRUE(isKey(word) ||
                    std::ranges::find(kPlainWords, lower(word)) != std::end(kPlainWords))
            << foreign.word << ": " << word;
      }
      const bool named =
          (i > 0 && words[i - 1] == "this") || (i + 1 < words.size() && words[i + 1] == "=");
      if (named) {
        EXPECT_TRUE(isKey(word)) << foreign.word << ": " << word;
      }
    }
  }
}

TEST(ForeignWords, TheAdviceIsOneLineWithoutAFullStop) {
  for (const ForeignWord& foreign : allForeignWords()) {
    EXPECT_LE(foreign.advice.size(), 110u) << foreign.advice;
    EXPECT_FALSE(foreign.advice.ends_with('.')) << foreign.advice;
    EXPECT_EQ(foreign.advice.find_first_of("\n\"`"), std::string_view::npos) << foreign.advice;
  }
}

TEST(ForeignWords, AreFoundInAnySpelling) {
  for (std::string_view spelling : {"send-proxy-v2", "SEND_PROXY_V2", "Send-Proxy_v2"}) {
    const ForeignWord* foreign = findForeignWord(spelling);
    ASSERT_NE(foreign, nullptr) << spelling;
    EXPECT_EQ(foreign->text(), "a word of haproxy; culvert calls this proxy-protocol = v2");
  }
  EXPECT_EQ(findForeignWord(""), nullptr);
  EXPECT_EQ(findForeignWord("sendproxyv2"), nullptr);
  EXPECT_EQ(findForeignWord("accep"), nullptr);
  EXPECT_EQ(foreignWordHint("accep"), "");
  EXPECT_EQ(foreignWordHint("CAfile"),
            "; CAfile is a word of stunnel; culvert calls this backend-ca (for servers) or "
            "client-ca (for clients)");
}

TEST(ForeignWords, KeysAreListedOneByOne) {
  EXPECT_EQ(findForeignWord("client")->keyList(),
            (std::vector<std::string_view>{"tls", "backend-tls"}));
  EXPECT_EQ(findForeignWord("connect")->keyList(), std::vector<std::string_view>{"backend"});
  EXPECT_TRUE(findForeignWord("mode")->keyList().empty());
}

TEST(ForeignWords, AWholeServiceOfStunnelNeedsNoSecondLook) {
  const LoadOutcome outcome = load("pid = /p\n[service web]\naccept = 1\nconnect = 2\ncert = c\n");
  EXPECT_EQ(lines(outcome.diagnostics),
            (Lines{"f.ini:1: error: pid: is before the first section; allowed sections: [global], "
                   "[defaults], [service NAME]; pid is a word of stunnel and nginx; culvert calls "
                   "this pid-file",
                   "f.ini:3: error: [service web] accept: unknown key, a word of stunnel; culvert "
                   "calls this listen",
                   "f.ini:4: error: [service web] connect: unknown key, a word of stunnel; culvert "
                   "calls this backend"}));
}

TEST(ForeignWords, OverridesShowTheAdvice) {
  Overrides overrides;
  overrides.sets = {"service:web.maxconn=9"};
  overrides.environment = {"CULVERT_TUNNEL_PEM_FILE=c", "CULVERT_TUNNEL_LISTN=1"};
  EXPECT_EQ(
      lines(load(kSound, overrides).diagnostics),
      (Lines{"env:CULVERT_TUNNEL_LISTN: error: unknown variable; allowed: CULVERT_CONFIG, and "
             "CULVERT_GLOBAL_, CULVERT_DEFAULTS_ or CULVERT_TUNNEL_ with the name of an "
             "option (did you mean \"CULVERT_TUNNEL_LISTEN\")",
             "env:CULVERT_TUNNEL_PEM_FILE: error: unknown variable; allowed: CULVERT_CONFIG, "
             "and CULVERT_GLOBAL_, CULVERT_DEFAULTS_ or CULVERT_TUNNEL_ with the name of an "
             "option; PEM_FILE is a word of hitch; culvert calls this cert",
             "--set#1: error: [service web] maxconn: unknown key, a word of haproxy; culvert "
             "calls this max-tunnels"}));
}

}  // namespace
}  // namespace culvert
