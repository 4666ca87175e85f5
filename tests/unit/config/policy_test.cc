// SPDX-License-Identifier: GPL-3.0-or-later
// Presets: what they set, what wins over them, where a value says it comes from, and what is said
// of contradictions.
#include "config/policy.h"

#include <gtest/gtest.h>

#include "config/config_dump.h"
#include "load_helper.h"

namespace culvert {
namespace {

using namespace testing_config;

const ServiceOptions& only(const LoadOutcome& outcome) { return outcome.config.services.at(0); }

TEST(Policy, TheBuiltInOneIsInTheTable) {
  const PolicyInfo* builtIn = findPolicy(ServiceOptions{}.policy);
  ASSERT_NE(builtIn, nullptr);
  const OptionInfo* min = findOption(OptionScope::kService, "min-version");
  const OptionInfo* max = findOption(OptionScope::kService, "max-version");
  EXPECT_EQ(builtIn->minVersion, min->defaultText);
  EXPECT_EQ(builtIn->maxVersion, max->defaultText);
  EXPECT_EQ(findPolicy("old"), nullptr);
}

TEST(Policy, EveryPresetIsAChoiceAndSound) {
  for (const PolicyInfo& policy : allPolicies()) {
    const LoadOutcome outcome = load(kSound + "policy = " + std::string(policy.name) + "\n");
    ASSERT_TRUE(outcome.ok()) << lines(outcome.diagnostics)[0];
    EXPECT_TRUE(outcome.diagnostics.empty()) << policy.name;
    const OptionInfo* min = findOption(OptionScope::kService, "min-version");
    const OptionInfo* max = findOption(OptionScope::kService, "max-version");
    EXPECT_EQ(formatValue(*min, only(outcome)), policy.minVersion);
    EXPECT_EQ(formatValue(*max, only(outcome)), policy.maxVersion);
  }
}

TEST(Policy, SaysWhereItsValuesComeFrom) {
  const LoadOutcome unset = load(kSound);
  EXPECT_EQ(only(unset).originOf("min-version").text(), "default");
  const LoadOutcome modern = load(kSound + "policy = modern\ngroups = G\n");
  EXPECT_EQ(only(modern).minVersion, 0x0304);
  EXPECT_EQ(only(modern).originOf("policy").text(), "f.ini:5");
  EXPECT_EQ(only(modern).originOf("min-version").text(), "policy modern");
  EXPECT_EQ(only(modern).originOf("ciphersuites").text(), "policy modern");
  EXPECT_EQ(only(modern).originOf("groups").text(), "f.ini:6");
}

TEST(Policy, AnOptionThatIsGivenWinsWhereverItStands) {
  for (const char* order :
       {"policy = modern\nmin-version = 1.2\n", "min-version = 1.2\npolicy = modern\n"}) {
    const LoadOutcome outcome = load(kSound + order);
    EXPECT_EQ(only(outcome).minVersion, 0x0303) << order;
    EXPECT_TRUE(outcome.diagnostics.empty()) << "both in one section: that is meant";
  }
  const LoadOutcome further =
      load("[defaults]\nmin-version = 1.2\n" + kSound + "policy = modern\n");
  EXPECT_EQ(only(further).minVersion, 0x0303);
  EXPECT_EQ(lines(further.diagnostics),
            std::vector<std::string>{"f.ini:7: warning: [service web] policy: modern does not set "
                                     "min-version, because f.ini:2 sets it: 1.2"});
  const LoadOutcome nearer = load("[defaults]\npolicy = modern\n" + kSound + "min-version = 1.2\n");
  EXPECT_EQ(only(nearer).minVersion, 0x0303);
  EXPECT_TRUE(nearer.diagnostics.empty());
  const LoadOutcome equal = load("[defaults]\nmin-version = 1.3\n" + kSound + "policy = modern\n");
  EXPECT_TRUE(equal.diagnostics.empty()) << "no difference, no word";
}

TEST(Policy, APresetOfAStrongerSourceReplacesOne) {
  Overrides overrides;
  overrides.environment = {"CULVERT_DEFAULTS_POLICY=modern"};
  EXPECT_EQ(only(load(kSound, overrides)).minVersion, 0x0304);
  overrides.sets = {"service:web.policy=intermediate"};
  EXPECT_EQ(only(load(kSound, overrides)).minVersion, 0x0303);
}

TEST(Policy, ContradictionsAreNamed) {
  EXPECT_EQ(lines(load(kSound + "policy = modern\nmax-version = 1.2\n").diagnostics),
            std::vector<std::string>{"f.ini:6: error: [service web] max-version: 1.2 is below "
                                     "min-version 1.3 of policy modern"});
  EXPECT_EQ(lines(load(kSound + "policy = modern\nciphers = A\n").diagnostics),
            std::vector<std::string>{
                "f.ini:6: warning: [service web] ciphers: has no effect: these are suites of TLS "
                "1.2, and min-version is 1.3 by policy modern (TLS 1.3 uses ciphersuites)"});
  EXPECT_EQ(
      lines(load(kSound + "policy = modem\n").diagnostics),
      std::vector<std::string>{"f.ini:5: error: [service web] policy: \"modem\" is not allowed; "
                               "allowed: modern, intermediate (did you mean \"modern\")"});
}

std::string served(std::string_view key) { return "served " + std::string(key); }

TEST(Policy, TheDumpHasTheEffectiveLists) {
  const auto has = [](const std::string& dump, const std::string& key, const std::string& origin) {
    const size_t at = dump.find("\n" + key + " ");
    const std::string line =
        at == std::string::npos ? "" : dump.substr(at + 1, dump.find('\n', at + 1) - at - 1);
    EXPECT_TRUE(line.ends_with("; " + origin)) << line;
    return line.substr(key.size(), line.find("  ", key.size()) - key.size());
  };
  const std::string modern = dumpConfig(load(kSound + "policy = modern\n").config, &served);
  EXPECT_EQ(has(modern, "ciphersuites", "policy modern"), " = served ciphersuites");
  EXPECT_EQ(has(modern, "groups", "policy modern"), " = served groups");
  EXPECT_EQ(has(modern, "ciphers", "policy modern"), " =") << "none of TLS 1.2";
  const std::string old = dumpConfig(load(kSound + "max-version = 1.2\n").config, &served);
  EXPECT_EQ(has(old, "ciphers", "default"), " = served ciphers");
  EXPECT_EQ(has(old, "# ciphersuites: none", "default"), "");
}

TEST(RecordSize, IsASizeOrDynamic) {
  const auto sizeOf = [](const std::string& value) {
    return only(load(kSound + "record-size = " + value + "\n")).recordSize;
  };
  EXPECT_EQ(only(load(kSound)).recordSize, 16384u);
  EXPECT_EQ(sizeOf("dynamic"), 0u);
  EXPECT_EQ(sizeOf("512"), 512u);
  EXPECT_EQ(sizeOf("4k"), 4096u);
  for (const char* wrong : {"0", "off", "511", "16385", "17k", "Dynamic", "4 k", "-1"}) {
    const LoadOutcome outcome = load(kSound + "record-size = " + wrong + "\n");
    ASSERT_FALSE(outcome.ok()) << wrong;
    EXPECT_TRUE(outcome.diagnostics.list()[0].text().starts_with(
        "f.ini:5: error: [service web] record-size: "));
  }
  EXPECT_NE(
      lines(load(kSound + "record-size = 20k\n").diagnostics)[0].find("512 to 16k, or dynamic"),
      std::string::npos);
}

TEST(KeylogFile, IsRefusedOrWarnedOf) {
  const std::string text = kSound + "keylog-file = /tmp/keys\n";
  const auto loadWith = [&](Result<void> (*check)(std::string_view)) {
    Validators validators = testValidators();
    validators.keylogFile = check;
    return ConfigSource("f.ini", {}).loadText(text, validators);
  };
  const LoadOutcome taken = loadWith([](std::string_view) { return Result<void>{}; });
  EXPECT_EQ(
      lines(taken.diagnostics),
      std::vector<std::string>{"f.ini:5: warning: [service web] keylog-file: the secrets of every "
                               "TLS session go to /tmp/keys: a person who reads it can decrypt "
                               "the traffic"});
  const LoadOutcome refused = loadWith([](std::string_view) { return Result<void>(fail("no")); });
  EXPECT_EQ(lines(refused.diagnostics),
            std::vector<std::string>{"f.ini:5: error: [service web] keylog-file: no"});
}

}  // namespace
}  // namespace culvert
