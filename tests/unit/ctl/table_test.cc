// SPDX-License-Identifier: GPL-3.0-or-later
// The layout of tables: alignment, widths that are too small, colours.
#include "ctl/table.h"

#include <gtest/gtest.h>

#include "ctl/words_of.h"

namespace culvert {
namespace {

Table sample() {
  Table table({{"NAME", false, 0, 4}, {"SIZE", true, 0, 0}, {"EMPTY"}, {"NOTE", false, 1, 0}});
  table.add({"a", "5", "", "first"});
  table.add({"longer-name", "12345", "", ""});
  return table;
}

TEST(CtlTable, AlignsAndLeavesOutEmptyColumns) {
  EXPECT_EQ(sample().text({}),
            "NAME          SIZE  NOTE\n"
            "a                5  first\n"
            "longer-name  12345\n");
}

TEST(CtlTable, NoLineEndsInBlanks) {
  for (const std::string& line : sample().lines({})) EXPECT_NE(line.back(), ' ') << line;
}

TEST(CtlTable, CutsFirstAndDropsThen) {
  EXPECT_EQ(
      sample().lines({}, 20),
      (std::vector<std::string>{"NAME     SIZE  NOTE", "a           5  first", "long..  12345"}));
  EXPECT_EQ(sample().lines({}, 13),
            (std::vector<std::string>{"NAME     SIZE", "a           5", "long..  12345"}));
  for (size_t width = 11; width < 40; ++width)
    for (const std::string& line : sample().lines({}, width))
      EXPECT_LE(displayWidth(line), width) << line;
}

TEST(CtlTable, WidthIsThatOfTheScreen) {
  Table table({{"A"}, {"B"}});
  table.add({"b\xc3\xbc", "x"});
  table.add({"\xe4\xb8\xad", "x"});
  EXPECT_EQ(table.text({}), "A   B\nb\xc3\xbc  x\n\xe4\xb8\xad  x\n");
}

TEST(CtlTable, ColoursDoNotCountAsWidth) {
  Table table({{"A"}, {"B"}});
  table.add({{"x", Tint::kRed}, "y"});
  EXPECT_EQ(table.text({true}), "\x1b[1mA\x1b[0m  \x1b[1mB\x1b[0m\n\x1b[31mx\x1b[0m  y\n");
  EXPECT_EQ(Style{}.paint(Tint::kRed, "x"), "x");
}

TEST(CtlTable, PairsAreAlignedAndEmptyOnesLeftOut) {
  EXPECT_EQ(pairLines({{"a", "1"}, {"much-longer", ""}, {"name", "2"}}), "  a     1\n  name  2\n");
}

}  // namespace
}  // namespace culvert
