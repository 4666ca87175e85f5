// SPDX-License-Identifier: GPL-3.0-or-later
// The table in words: every key is in every document, and the sample file is a valid configuration
// of defaults.
#include "config/option_docs.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "load_helper.h"

namespace culvert {
namespace {

using namespace testing_config;

std::string builtIn(std::string_view key) { return key == "groups" ? "G1, G2" : ""; }

TEST(OptionDocs, EveryKeyIsInEveryDocument) {
  const std::string sample = sampleFile(), man = manOptions(), readme = readmeTable(),
                    index = optionIndex();
  for (const OptionInfo& info : allOptions()) {
    const std::string key(info.key);
    EXPECT_TRUE(sample.find("\n#" + key + " =") != std::string::npos ||
                sample.find("\n" + key + " =") != std::string::npos)
        << key;
    EXPECT_NE(man.find(".B " + roffText(key) + "\n"), std::string::npos) << key;
    EXPECT_NE(readme.find("| `" + key + "` |"), std::string::npos) << key;
    EXPECT_NE(index.find("\n  " + key + " "), std::string::npos) << key;
    EXPECT_FALSE(optionHelp(key).empty()) << key;
  }
  EXPECT_TRUE(optionHelp("nothing").empty());
}

TEST(OptionDocs, HelpForAKeySaysTypeRangeDefaultSectionAndOtherPlaces) {
  const std::string help = optionHelp("idle-timeout");
  for (const char* words : {"idle-timeout - ", "section    [defaults] or [service NAME]",
                            "type       duration", "allowed    1ms to 365d, or off (no limit)",
                            "default    1h", "CULVERT_TUNNEL_IDLE_TIMEOUT"})
    EXPECT_NE(help.find(words), std::string::npos) << words << "\n" << help;
  EXPECT_NE(optionHelp("workers").find("needs a restart"), std::string::npos);
  EXPECT_NE(optionHelp("groups", &builtIn).find("default    G1, G2"), std::string::npos);
  EXPECT_NE(optionHelp("listen").find("key is required"), std::string::npos);
}

TEST(OptionDocs, TheSampleIsSoundAndAllDefaults) {
  const LoadOutcome outcome = load(sampleFile(&builtIn));
  ASSERT_TRUE(outcome.ok()) << lines(outcome.diagnostics)[0];
  EXPECT_TRUE(outcome.diagnostics.empty());
  ASSERT_EQ(outcome.config.services.size(), 1u);
  EXPECT_TRUE(sameOptions(outcome.config.global, GlobalOptions{}));
  for (const OptionInfo& info : allOptions()) {
    if (info.scope == OptionScope::kService && !info.isList()) {
      EXPECT_EQ(outcome.config.services[0].originOf(info.key).text(), "default") << info.key;
    }
  }
}

TEST(OptionDocs, TheSampleIsSoundWithEveryCommentedOptionTakenIn) {
  std::string text = sampleFile(), taken;
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    std::string line = text.substr(at, end - at);
    const bool isOption = line.size() > 2 && line[0] == '#' && line[1] != ' ';
    taken += (isOption ? line.substr(1) : line) + "\n";
    at = end + 1;
  }
  const LoadOutcome outcome = load(taken);
  EXPECT_EQ(lines(outcome.diagnostics), std::vector<std::string>{});
  ASSERT_EQ(outcome.config.services.size(), 1u);
  EXPECT_TRUE(sameOptions(outcome.config.global, GlobalOptions{}));
}

TEST(OptionDocs, Wrapping) {
  EXPECT_EQ(wrapWords("aa bb cc", 7, "> "), "> aa bb\n> cc\n");
  EXPECT_EQ(wrapWords("", 7, "> "), "> \n");
  EXPECT_EQ(wrapWords("averyveryverylongword b", 7, "> "), "> averyveryverylongword\n> b\n");
}

TEST(OptionDocs, RoffIsEscaped) {
  EXPECT_EQ(roffText("a-b\\c"), "a\\-b\\ec");
  EXPECT_EQ(roffText(".x"), "\\&.x");
  EXPECT_EQ(roffText("'x"), "\\&'x");
}

TEST(OptionDocs, NearestOption) { EXPECT_EQ(nearestOption("idle-timout"), "idle-timeout"); }

}  // namespace
}  // namespace culvert
