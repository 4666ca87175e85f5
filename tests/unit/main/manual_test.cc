// SPDX-License-Identifier: GPL-3.0-or-later
// The manual pages hold what the tables hold, each in its place.
#include <gtest/gtest.h>

#include "config/option_table.h"
#include "main/help.h"
#include "stats/counters.h"

namespace culvert {
namespace {

/// Where each of the lines stands in `page`; in this order, and each once.
void expectLines(const std::string& page, const std::vector<std::string>& lines) {
  size_t last = 0;
  for (const std::string& line : lines) {
    const size_t at = page.find("\n" + line + "\n");
    ASSERT_NE(at, std::string::npos) << line;
    EXPECT_GT(at, last) << line;
    EXPECT_EQ(page.find("\n" + line + "\n", at + 1), std::string::npos) << line;
    last = at;
  }
}

TEST(Manual, CulvertHasItsListsInTheirSections) {
  const std::string page = manCulvert();
  EXPECT_TRUE(page.starts_with(".\\\" SPDX-License-Identifier: GPL-3.0-or-later\n"));
  EXPECT_EQ(page.find("generated:"), std::string::npos) << "a marker is left";
  expectLines(page, {".SH OPTIONS", ".B \\-c, \\-\\-config FILE", ".SH CONFIGURATION",
                     ".SH EXIT STATUS", ".B 8", ".SH COUNTERS", ".B accepted",
                     ".B log_lines_suppressed", ".BI closed_by_cause. CAUSE", ".SH EXAMPLES"});
  for (size_t i = 0; i < kCounterCount; ++i) {
    const auto name = std::string(counterInfo(static_cast<Counter>(i)).name);
    EXPECT_NE(page.find("\n.B " + name + "\n"), std::string::npos) << name;
  }
}

TEST(Manual, IniHasEveryKey) {
  const std::string page = manIni();
  EXPECT_EQ(page.find("generated:"), std::string::npos) << "a marker is left";
  expectLines(page, {".SH VALUES", ".SH OPTIONS OF [global]",
                     ".SH OPTIONS OF [service NAME] AND [defaults]", ".B backend", ".SH EXAMPLE"});
}

}  // namespace
}  // namespace culvert
