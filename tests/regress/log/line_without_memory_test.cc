// SPDX-License-Identifier: GPL-3.0-or-later
// Done: a connection was dropped for want of memory, and a line said so. Seen: there was no memory
// for that line either, in a function that lets no exception out, and the process ended; repeats
// that could be noted by half left the filter with a line that cannot be read. Right: a line that
// finds no memory is counted as lost, and what was noted before stays whole.
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "log/logger.h"
#include "log/repeat_filter.h"
#include "scarce_memory.h"

namespace culvert {
namespace {

constexpr std::string_view kWords =
    "connection dropped: out of memory, and these are the words for it";

TEST(LineWithoutMemory, IsCountedAsLost) {
  Logger logger;
  {
    const ScarceMemory scarce(0);
    logger.log(LogLevel::kErr, kWords);
    logger.tell(LogLevel::kErr, [] { return LogLine(LogLevel::kErr, kWords).add("key", kWords); });
    logger.tell(LogLevel::kDebug, [] { return LogLine(LogLevel::kDebug, kWords); });
  }
  EXPECT_EQ(logger.counts().dropped, 2u) << "debug is not enabled";
}

/// Every allocation of the filter fails once; the lines before and after must still be summed up.
TEST(LineWithoutMemory, ARepeatIsNotedAsAWholeOrNotAtAll) {
  const auto lineOf = [](int number) {
    LogLine line(LogLevel::kInfo, std::string(static_cast<size_t>(20 + number % 7 * 40), 'm'));
    for (int i = 0; i <= number % 5; ++i) line.add("key", std::string(kWords));
    line.collapseBy("a key that is too long to lie in the string " + std::to_string(number % 3));
    return line;
  };
  size_t failed = 0;
  for (size_t allowed = 0; allowed < 40; ++allowed) {
    RepeatFilter filter(1, Millis(1000), 2);
    const TimePoint now = Clock::now();
    for (int number = 0; number < 30; ++number) {
      const LogLine line = lineOf(number);
      const ScarceMemory scarce(number % 4 == 0 ? allowed : 1000);
      try {
        (void)filter.suppress(line, now + Millis(number * 100));
      } catch (const std::bad_alloc&) {
        ++failed;
      }
    }
    for (const LogLine& summary : filter.takeAll(now + Millis(5000)))
      for (const auto& field : summary.fields()) EXPECT_FALSE(summary.value(field).empty());
    EXPECT_EQ(filter.nextDue(), kNever);
  }
  EXPECT_GT(failed, 20u);
}

}  // namespace
}  // namespace culvert
