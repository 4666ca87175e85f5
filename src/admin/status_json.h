// SPDX-License-Identifier: GPL-3.0-or-later
// The document of /status. Thread: loop (culvert-admin).
#pragma once

#include <string>
#include <vector>

#include "admin/admin_parts.h"
#include "admin/problems.h"
#include "log/recent_lines.h"

namespace culvert {

struct StatusInput {
  const AdminParts& parts;
  const AdminView& view;
  const CounterSnapshot& counters;
  const TimingSnapshot& timings;
  Verdict live;
  std::vector<RecentLines::Entry> recent;
  TimePoint now{};
  WallTime wall{};
};
std::string statusJson(const StatusInput& input);

}  // namespace culvert
