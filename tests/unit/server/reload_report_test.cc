// SPDX-License-Identifier: GPL-3.0-or-later
// What a reload says that it has changed.
#include "server/reload_report.h"

#include <gtest/gtest.h>

#include "unit/config/load_helper.h"

namespace culvert {
namespace {

using Names = std::vector<std::string>;

Config configOf(std::string_view text) {
  LoadOutcome loaded = testing_config::load(text);
  EXPECT_FALSE(loaded.diagnostics.hasErrors());
  return std::move(loaded.config);
}

std::string serviceText(const std::string& name, const std::string& more = "") {
  return "[service " + name + "]\nlisten = unix:/" + name + "\nbackend = 1\ncert = c\nkey = k\n" +
         more;
}

TEST(ReloadReportTest, ComparesServicesAndGlobalKeys) {
  const Config before = configOf(serviceText("a") + serviceText("b") + serviceText("c"));
  const Config after = configOf("[global]\nlog-level = debug\n" + serviceText("d") +
                                serviceText("c") + serviceText("b", "idle-timeout = 7s\n"));
  ReloadReport report;
  compareConfigs(before, after, report);
  EXPECT_EQ(report.added, Names{"d"});
  EXPECT_EQ(report.changed, Names{"b"});
  EXPECT_EQ(report.removed, Names{"a"});
  EXPECT_EQ(report.global, Names{"log-level"});
}

TEST(ReloadReportTest, EqualConfigurationsHaveNoDifferenceAndOneFingerprint) {
  const Config before = configOf(serviceText("a"));
  const Config after = configOf("# a comment\n" + serviceText("a", "idle-timeout = 1h\n"));
  ReloadReport report;
  compareConfigs(before, after, report);
  EXPECT_TRUE(report.added.empty() && report.changed.empty() && report.removed.empty());
  EXPECT_EQ(fingerprintOf(before), fingerprintOf(after)) << "1h is the default";
  EXPECT_NE(fingerprintOf(before),
            fingerprintOf(configOf(serviceText("a", "idle-timeout = 2h\n"))));
}

TEST(ReloadReportTest, ComparesAddresses) {
  const std::vector<BoundListener> before = {{"a", "1:1"}, {"b", "1:1"}, {"c", "1:2"}};
  const std::vector<BoundListener> after = {{"b", "1:1"}, {"d", "1:3"}, {"e", "1:3"}};
  ReloadReport report;
  compareListeners(before, after, report);
  EXPECT_EQ(report.listenersAdded, Names{"1:3"});
  EXPECT_EQ(report.listenersRemoved, Names{"1:2"});
}

TEST(ReloadReportTest, RemarksHaveFileAndLine) {
  Diagnostics diagnostics;
  diagnostics.error(Origin::file("c.ini", 7), "global", "workers", "is wrong");
  diagnostics.warning(Origin::environment("CULVERT_X", 0), "", "", "is ignored");
  diagnostics.add(Severity::kNote, Origin::file("c.ini", 9), "", "", "a note");
  ReloadReport report;
  addRemarks(diagnostics, report);
  ASSERT_EQ(report.errors.size(), 1u);
  EXPECT_EQ(report.errors[0].file, "c.ini");
  EXPECT_EQ(report.errors[0].line, 7u);
  EXPECT_EQ(report.errors[0].text, "c.ini:7: error: [global] workers: is wrong");
  ASSERT_EQ(report.warnings.size(), 1u);
  EXPECT_EQ(report.warnings[0].line, 0u);
}

}  // namespace
}  // namespace culvert
