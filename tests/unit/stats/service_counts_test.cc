// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers of a service: one cell for each worker, kept by name over reloads, gone with the last
// tunnel.
#include "stats/service_counts.h"

#include <gtest/gtest.h>

#include <set>
#include <thread>

namespace culvert {
namespace {

TEST(ServiceCounts, CellsOfAllWorkersAreSummed) {
  ServiceCounts counts;
  EXPECT_EQ(counts.totals().get(ServiceCount::kAccepted), 0u);
  counts.cell(0).add(ServiceCount::kAccepted);
  counts.cell(17).add(ServiceCount::kAccepted, 2);
  counts.cell(ServiceCounts::kMostWriters - 1).add(ServiceCount::kBytesIn, 5);
  counts.cell(0).add(ServiceCount::kTunnels);
  counts.cell(0).of(ServiceCount::kTunnels).sub();
  EXPECT_EQ(&counts.cell(17), &counts.cell(17));
  EXPECT_NE(&counts.cell(16), &counts.cell(17));
  EXPECT_EQ(reinterpret_cast<uintptr_t>(&counts.cell(3)) % 64, 0u);
  const ServiceTotals totals = counts.totals();
  EXPECT_EQ(totals.get(ServiceCount::kAccepted), 3u);
  EXPECT_EQ(totals.get(ServiceCount::kBytesIn), 5u);
  EXPECT_EQ(totals.get(ServiceCount::kTunnels), 0u);
}

TEST(ServiceCounts, WorkersMakeTheirCellsAtOnce) {
  ServiceCounts counts;
  std::vector<std::thread> workers;
  for (size_t i = 0; i < 4; ++i) {
    workers.emplace_back([&counts, i] {
      for (int k = 0; k < 10000; ++k) counts.cell(i).add(ServiceCount::kAccepted);
    });
  }
  for (int k = 0; k < 100; ++k) (void)counts.totals();
  for (auto& worker : workers) worker.join();
  EXPECT_EQ(counts.totals().get(ServiceCount::kAccepted), 40000u);
}

TEST(ServiceCounts, AReloadedServiceContinues) {
  ServiceCountsTable table;
  auto before = table.of("web");
  before->cell(0).add(ServiceCount::kAccepted, 7);
  auto after = table.of("web");  // the reload, while the old configuration is in force
  EXPECT_EQ(before, after);
  before.reset();
  ASSERT_EQ(table.rows().size(), 1u);
  EXPECT_EQ(table.rows()[0].service, "web");
  EXPECT_EQ(table.rows()[0].totals.get(ServiceCount::kAccepted), 7u);
}

TEST(ServiceCounts, ARemovedServiceGoesWithItsLastTunnel) {
  ServiceCountsTable table;
  auto service = table.of("web");
  auto tunnel = service;
  service.reset();
  EXPECT_EQ(table.rows().size(), 1u);
  tunnel.reset();
  EXPECT_TRUE(table.rows().empty());
  EXPECT_EQ(table.of("web")->totals().get(ServiceCount::kAccepted), 0u);
}

TEST(ServiceCounts, NamesOfServicesThatAreGoneAreForgotten) {
  ServiceCountsTable table;
  const auto kept = table.of("kept");
  for (int i = 0; i < 10000; ++i) (void)table.of("service" + std::to_string(i));
  EXPECT_LT(table.names(), 300u);
  ASSERT_EQ(table.rows().size(), 1u);
  EXPECT_EQ(table.rows()[0].service, "kept");
}

TEST(ServiceCounts, RowsAreSortedByName) {
  ServiceCountsTable table;
  const auto b = table.of("b");
  const auto a = table.of("a");
  const auto c = table.of("c");
  std::string names;
  for (const auto& row : table.rows()) names += row.service;
  EXPECT_EQ(names, "abc");
}

TEST(ServiceCounts, NamesAreSound) {
  std::set<std::string_view> names;
  for (size_t i = 0; i < kServiceCountCount; ++i) {
    const CounterInfo& info = serviceCountInfo(static_cast<ServiceCount>(i));
    EXPECT_TRUE(names.insert(info.name).second) << info.name;
    EXPECT_EQ(info.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_"), std::string_view::npos);
    EXPECT_FALSE(info.brief.ends_with('.'));
  }
}

}  // namespace
}  // namespace culvert
