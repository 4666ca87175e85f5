// SPDX-License-Identifier: GPL-3.0-or-later
// The arithmetic of descriptors, and one real raise of the soft limit in a child process.
#include "process/fd_budget.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "base/unique_fd.h"

namespace culvert {
namespace {

constexpr size_t kCeiling = 1048576;

TEST(FdBudget, RaisesTheSoftLimitToTheNeed) {
  FdBudget budget = planFdBudget(1000, 20, {1024, 4096}, false, kCeiling);
  EXPECT_EQ(budget.nofile, 2u * 1000 + 20 + 16);
  EXPECT_EQ(budget.hard, 4096u);
  EXPECT_EQ(budget.maxTunnels, 1000u);
  EXPECT_FALSE(budget.reduced);
  EXPECT_EQ(budget.reason, "max-tunnels 1000: 2036 descriptors, 20 own, 16 spare, 2 a tunnel");
}

TEST(FdBudget, NeverLowersALimit) {
  FdBudget budget = planFdBudget(10, 20, {65536, 65536}, true, kCeiling);
  EXPECT_EQ(budget.nofile, 65536u);
  EXPECT_EQ(budget.maxTunnels, 10u);
}

TEST(FdBudget, CutsTheTunnelsAtTheHardLimit) {
  FdBudget budget = planFdBudget(10000, 20, {1024, 4096}, false, kCeiling);
  EXPECT_EQ(budget.nofile, 4096u);
  EXPECT_EQ(budget.maxTunnels, (4096u - 36) / 2);
  EXPECT_TRUE(budget.reduced);
  EXPECT_EQ(budget.reason,
            "max-tunnels 10000 -> 2030: 4096 descriptors, 20 own, 16 spare, 2 a tunnel");
}

TEST(FdBudget, RaisesTheHardLimitWithTheRight) {
  FdBudget budget = planFdBudget(10000, 20, {1024, 4096}, true, kCeiling);
  EXPECT_EQ(budget.nofile, 20036u);
  EXPECT_EQ(budget.hard, 20036u);
  EXPECT_EQ(budget.maxTunnels, 10000u);
  FdBudget huge = planFdBudget(size_t(-1), 20, {1024, 4096}, true, kCeiling);
  EXPECT_EQ(huge.nofile, kCeiling);
  EXPECT_TRUE(huge.reduced);
}

TEST(FdBudget, WithoutALimitItTakesTheHardOne) {
  FdBudget budget = planFdBudget(0, 20, {1024, 4096}, true, kCeiling);
  EXPECT_EQ(budget.nofile, 4096u);
  EXPECT_EQ(budget.hard, 4096u);
  EXPECT_EQ(budget.maxTunnels, 2030u);
  EXPECT_FALSE(budget.reduced);
  EXPECT_EQ(budget.reason,
            "max-tunnels no limit -> 2030: 4096 descriptors, 20 own, 16 spare, 2 a tunnel");
  EXPECT_EQ(planFdBudget(0, 20, {1024, size_t(1) << 30}, false, size_t(1) << 30).nofile,
            kMaxAutoNofile);
}

TEST(FdBudget, IsAtLeastOneTunnel) {
  EXPECT_EQ(planFdBudget(0, 100, {64, 64}, false, kCeiling).maxTunnels, 1u);
  EXPECT_EQ(planFdBudget(5, 46, {64, 64}, false, kCeiling).maxTunnels, 1u);
  EXPECT_EQ(planFdBudget(5, 44, {64, 64}, false, kCeiling).maxTunnels, 2u);
}

TEST(FdBudget, CountsOpenDescriptors) {
  size_t before = countOpenFds();
  UniqueFd one(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  UniqueFd two(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(countOpenFds(), before + 2);
}

TEST(FdBudget, IsSetForReal) {
  pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    rlimit present{};
    getrlimit(RLIMIT_NOFILE, &present);
    rlimit low{128, std::min<rlim_t>(present.rlim_max, 512)};
    if (setrlimit(RLIMIT_NOFILE, &low) != 0) ::_exit(10);
    FdBudget budget = applyFdBudget(100, 10);
    getrlimit(RLIMIT_NOFILE, &present);
    if (present.rlim_cur != budget.nofile || present.rlim_cur < 226) ::_exit(11);
    if (budget.maxTunnels != 100 || budget.reduced) ::_exit(12);
    // At a reload, descriptors opened since (tunnels) do not count as culvert's own.
    for (int i = 0; i < 50; ++i) [[maybe_unused]] int tunnel = ::open("/dev/null", O_RDONLY);
    FdBudget again = reapplyFdBudget(101, budget);
    if (again.maxTunnels != 101 || again.own != budget.own) ::_exit(13);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace culvert
