// SPDX-License-Identifier: GPL-3.0-or-later
// Changes in directories wake the loop; those that are watched no more do not.
#include "event/directory_watcher.h"

#include <gtest/gtest.h>

#include <cstdio>

#include "event/event_loop.h"
#include "event/timer.h"
#include "temp_dir.h"

namespace culvert {
namespace {

class DirectoryWatcherTest : public ::testing::Test {
 protected:
  /// Whether a change is told within a moment.
  bool told() {
    changes_ = 0;
    Timer end(loop_, &loop_, [](void* loop) { static_cast<EventLoop*>(loop)->stop(); });
    end.armBy(Clock::now() + Millis(50));
    loop_.run();
    return changes_ != 0;
  }

  TempDir dir_;
  EventLoop loop_;
  int changes_ = 0;
  DirectoryWatcher watcher_{
      loop_, this, [](void* self) { ++static_cast<DirectoryWatcherTest*>(self)->changes_; }};
};

TEST_F(DirectoryWatcherTest, TellsOfWritesRenamesAndRemovals) {
  dir_.write("one/a", "x");
  ASSERT_TRUE(watcher_.open());
  EXPECT_EQ(watcher_.watch({dir_ / "one", dir_ / "none"}), 1u) << "one is not there";
  EXPECT_FALSE(told());
  dir_.write("one/a", "y");
  EXPECT_TRUE(told());
  dir_.write("b", "z");
  EXPECT_FALSE(told()) << "in another directory";
  ASSERT_EQ(std::rename((dir_ / "b").c_str(), (dir_ / "one/a").c_str()), 0);
  EXPECT_TRUE(told());
  ASSERT_EQ(std::remove((dir_ / "one/a").c_str()), 0);
  EXPECT_TRUE(told());
}

TEST_F(DirectoryWatcherTest, TheSetIsReplaced) {
  dir_.write("one/a", "x");
  dir_.write("two/a", "x");
  ASSERT_TRUE(watcher_.open());
  EXPECT_EQ(watcher_.watch({dir_ / "one"}), 0u);
  EXPECT_EQ(watcher_.watch({dir_ / "two"}), 0u);
  told();  // the end of the first watch is told too
  dir_.write("one/a", "y");
  EXPECT_FALSE(told());
  dir_.write("two/a", "y");
  EXPECT_TRUE(told());
}

}  // namespace
}  // namespace culvert
