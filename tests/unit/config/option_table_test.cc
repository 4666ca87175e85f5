// SPDX-License-Identifier: GPL-3.0-or-later
// The table itself: every default is a value the option accepts, the structs start with the table's
// defaults, keys are unique and well-formed, and every option can be set, written, and compared.
#include "config/option_table.h"

#include <gtest/gtest.h>

#include <set>

namespace culvert {
namespace {

class EveryOption : public ::testing::TestWithParam<const OptionInfo*> {
 protected:
  const OptionInfo& info_ = *GetParam();
  GlobalOptions global_, otherGlobal_;
  ServiceOptions service_, otherService_;
  OptionSet& set() {
    return info_.scope == OptionScope::kGlobal ? static_cast<OptionSet&>(global_) : service_;
  }
  OptionSet& other() {
    return info_.scope == OptionScope::kGlobal ? static_cast<OptionSet&>(otherGlobal_)
                                               : otherService_;
  }
};

TEST_P(EveryOption, HasAKeyInKebabCaseAndWords) {
  for (char c : info_.key) EXPECT_TRUE((c >= 'a' && c <= 'z') || c == '-') << info_.key;
  EXPECT_FALSE(info_.brief.empty());
  EXPECT_NE(info_.brief.back(), '.');
  if (!info_.detail.empty()) {
    EXPECT_EQ(info_.detail.back(), '.');
  }
  EXPECT_FALSE(info_.typeWords().empty());
}

TEST_P(EveryOption, StartsAtTheDefaultOfTheTable) {
  if (info_.isList()) {
    EXPECT_TRUE(info_.list(set())->empty());
    EXPECT_TRUE(info_.defaultText.empty());
    return;
  }
  const Result<void> taken = info_.set(info_, set(), info_.defaultText);
  ASSERT_TRUE(taken) << taken.error().text;
  EXPECT_TRUE(info_.equal(set(), other()));
}

TEST_P(EveryOption, ReadsWhatItWrites) {
  if (info_.isList()) {
    info_.list(set())->push_back({"x", {}});
    EXPECT_FALSE(info_.equal(set(), other()));
    EXPECT_EQ(formatValue(info_, set()), "x");
    return;
  }
  const std::string written = formatValue(info_, set());
  ASSERT_TRUE(info_.set(info_, other(), written)) << written;
  EXPECT_TRUE(info_.equal(set(), other()));
}

TEST_P(EveryOption, HoldsItsRange) {
  if (info_.min == info_.max) return;
  const auto write = [&](int64_t value) {
    return std::to_string(value) + (info_.type == ValueType::kDuration ? "ms" : "");
  };
  EXPECT_TRUE(info_.set(info_, set(), write(info_.min)));
  EXPECT_TRUE(info_.set(info_, set(), write(info_.max)));
  const Result<void> above = info_.set(info_, set(), write(info_.max + 1));
  ASSERT_FALSE(above);
  EXPECT_NE(above.error().text.find("is too large; allowed: " + info_.allowedWords()),
            std::string::npos);
  if (info_.min > 1) {
    EXPECT_FALSE(info_.set(info_, set(), write(info_.min - 1)));
  }
}

TEST_P(EveryOption, TakesEachOfItsChoices) {
  for (const Choice& choice : info_.choices) {
    ASSERT_TRUE(info_.set(info_, set(), choice.name)) << choice.name;
    EXPECT_EQ(formatValue(info_, set()), choice.name);
  }
  if (info_.choices.empty()) return;
  const Result<void> other = info_.set(info_, set(), "no such word");
  ASSERT_FALSE(other);
  EXPECT_NE(other.error().text.find("allowed: " + info_.allowedWords()), std::string::npos);
}

std::vector<const OptionInfo*> all() {
  std::vector<const OptionInfo*> options;
  for (const OptionInfo& info : allOptions()) options.push_back(&info);
  return options;
}
INSTANTIATE_TEST_SUITE_P(Table, EveryOption, ::testing::ValuesIn(all()), [](const auto& param) {
  std::string name = param.param->scope == OptionScope::kGlobal ? "global_" : "service_";
  for (char c : param.param->key) name += c == '-' ? '_' : c;
  return name;
});

/// The limits that a service and the whole process can have.
const std::set<std::string_view> kOfBothScopes = {"handshake-rate", "max-tunnels",
                                                  "max-tunnels-per-source", "tunnel-rate"};

TEST(OptionTable, KeysAreUniqueOverBothScopesButForLimits) {
  std::set<std::string_view> keys, twice;
  for (const OptionInfo& info : allOptions())
    if (!keys.insert(info.key).second) twice.insert(info.key);
  EXPECT_EQ(twice, kOfBothScopes);
}

TEST(OptionTable, FindsByScope) {
  EXPECT_NE(findOption(OptionScope::kGlobal, "workers"), nullptr);
  EXPECT_EQ(findOption(OptionScope::kService, "workers"), nullptr);
  EXPECT_NE(findOption(OptionScope::kService, "listen"), nullptr);
  EXPECT_EQ(findOption(OptionScope::kGlobal, "nothing"), nullptr);
}

TEST(OptionTable, ListsAreSplitByTheirKind) {
  using Items = std::vector<std::string>;
  const auto split = [](std::string_view key, std::string_view text) {
    return splitList(*findOption(OptionScope::kService, key), text);
  };
  EXPECT_EQ(split("listen", "1, [::1]:2 ,3").value(), (Items{"1", "[::1]:2", "3"}));
  EXPECT_EQ(split("ciphers", "A:B,C").value(), (Items{"A", "B", "C"}));
  EXPECT_EQ(split("alpn", "h2, http/1.1").value(), (Items{"h2", "http/1.1"}));
  EXPECT_EQ(split("cert", "/a,b:c").value(), (Items{"/a,b:c"}));
  EXPECT_EQ(split("alpn", " ").value(), Items{});
  for (const char* text : {",", "1,", ",1", "1,,2", "1, ,2"})
    EXPECT_FALSE(split("listen", text)) << text;
}

TEST(OptionTable, LogPlaces) {
  const OptionInfo& info = *findOption(OptionScope::kGlobal, "log");
  GlobalOptions options;
  ASSERT_TRUE(info.set(info, options, "file:/var/log/a b.log"));
  EXPECT_EQ(options.log, (LogPlace{LogTarget::kFile, "/var/log/a b.log"}));
  EXPECT_EQ(formatValue(info, options), "file:/var/log/a b.log");
  ASSERT_TRUE(info.set(info, options, "syslog"));
  EXPECT_EQ(options.log.sink, LogTarget::kSyslog);
  const std::pair<const char*, const char*> rows[] = {
      {"/var/log/x", "(did you mean \"file:/var/log/x\")"},
      {"sysolg", "(did you mean \"syslog\")"},
      {"file:", "(did you mean \"file:PATH\")"}};
  for (const auto& [text, meant] : rows) {
    const Result<void> taken = info.set(info, options, text);
    ASSERT_FALSE(taken) << text;
    EXPECT_NE(taken.error().text.find(meant), std::string::npos) << taken.error().text;
  }
}

TEST(OptionTable, EnvironmentNames) {
  EXPECT_EQ(environmentName("CULVERT_TUNNEL_", "half-close-timeout"),
            "CULVERT_TUNNEL_HALF_CLOSE_TIMEOUT");
}

}  // namespace
}  // namespace culvert
