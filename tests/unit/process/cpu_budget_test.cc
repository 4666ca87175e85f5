// SPDX-License-Identifier: GPL-3.0-or-later
// Quotas of both cgroup versions, at every level, in a root directory of the test's own.
#include "process/cpu_budget.h"

#include <gtest/gtest.h>

#include <string>

#include "temp_dir.h"

namespace culvert {
namespace {

class CpuBudgetTest : public ::testing::Test {
 protected:
  void write(const std::string& path, const std::string& text) { root_.write(path, text + "\n"); }
  CpuBudget detect(unsigned affinity) { return detectCpuBudget(root_.path(), affinity); }

  TempDir root_;
};

TEST_F(CpuBudgetTest, WithoutCgroupsTheAffinityCounts) {
  CpuBudget budget = detect(6);
  EXPECT_EQ(budget.workers, 6u);
  EXPECT_EQ(budget.reason, "affinity 6");
}

TEST_F(CpuBudgetTest, RoundsAVersion2QuotaUp) {
  write("/proc/self/cgroup", "0::/a.slice/culvert.service");
  write("/sys/fs/cgroup/a.slice/culvert.service/cpu.max", "150000 100000");
  CpuBudget budget = detect(8);
  EXPECT_EQ(budget.workers, 2u);
  EXPECT_EQ(budget.reason, "affinity 8, cgroup quota 1.5 -> 2");
}

TEST_F(CpuBudgetTest, AQuotaOfAGroupAboveCounts) {
  write("/proc/self/cgroup", "0::/a.slice/culvert.service");
  write("/sys/fs/cgroup/a.slice/culvert.service/cpu.max", "max 100000");
  write("/sys/fs/cgroup/a.slice/cpu.max", "300000 100000");
  EXPECT_EQ(detect(8).workers, 3u);
  write("/sys/fs/cgroup/cpu.max", "10000 100000");
  EXPECT_EQ(detect(8).workers, 1u);
}

TEST_F(CpuBudgetTest, AContainersOwnGroupIsTheRoot) {
  write("/proc/self/cgroup", "0::/");
  write("/sys/fs/cgroup/cpu.max", "200000 100000");
  EXPECT_EQ(detect(8).workers, 2u);
}

TEST_F(CpuBudgetTest, NoQuotaIsNoLimit) {
  write("/proc/self/cgroup", "0::/");
  write("/sys/fs/cgroup/cpu.max", "max 100000");
  CpuBudget budget = detect(8);
  EXPECT_EQ(budget.workers, 8u);
  EXPECT_EQ(budget.reason, "affinity 8");
}

TEST_F(CpuBudgetTest, AQuotaAboveTheAffinityChangesNothing) {
  write("/proc/self/cgroup", "0::/");
  write("/sys/fs/cgroup/cpu.max", "1000000 100000");
  CpuBudget budget = detect(2);
  EXPECT_EQ(budget.workers, 2u);
  EXPECT_EQ(budget.reason, "affinity 2, cgroup quota 10 -> 10");
}

TEST_F(CpuBudgetTest, ReadsVersion1) {
  write("/proc/self/cgroup", "11:cpuset:/x\n4:cpu,cpuacct:/docker/0123\n1:name=systemd:/y");
  write("/sys/fs/cgroup/cpu,cpuacct/docker/0123/cpu.cfs_quota_us", "250000");
  write("/sys/fs/cgroup/cpu,cpuacct/docker/0123/cpu.cfs_period_us", "100000");
  EXPECT_EQ(detect(8).workers, 3u);
  write("/sys/fs/cgroup/cpu,cpuacct/docker/0123/cpu.cfs_quota_us", "-1");
  EXPECT_EQ(detect(8).workers, 8u);
}

TEST_F(CpuBudgetTest, Version1InAContainerFallsBackToTheMount) {
  write("/proc/self/cgroup", "4:cpuacct,cpu:/docker/0123");
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "50000");
  write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000");
  CpuBudget budget = detect(8);
  EXPECT_EQ(budget.workers, 1u);
  EXPECT_EQ(budget.reason, "affinity 8, cgroup quota 0.5 -> 1");
}

TEST_F(CpuBudgetTest, RubbishLimitsNothing) {
  write("/proc/self/cgroup", "nonsense\n0::/../outside\n:::");
  write("/sys/fs/cgroup/cpu.max", "zero hundred");
  EXPECT_EQ(detect(4).workers, 4u);
  write("/sys/fs/cgroup/cpu.max", "100000 0");
  EXPECT_EQ(detect(4).workers, 4u);
  write("/sys/fs/cgroup/cpu.max", "");
  EXPECT_EQ(detect(4).workers, 4u);
}

TEST(CpuBudget, OfThisMachineIsAtLeastOne) {
  CpuBudget budget = detectCpuBudget();
  EXPECT_GE(budget.workers, 1u);
  EXPECT_EQ(budget.reason.rfind("affinity ", 0), 0u);
}

}  // namespace
}  // namespace culvert
