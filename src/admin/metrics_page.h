// SPDX-License-Identifier: GPL-3.0-or-later
// Collects the numbers of /metrics. Thread: loop (culvert-admin).
#pragma once

#include <string>

#include "admin/admin_parts.h"
#include "admin/admin_view.h"

namespace culvert {

std::string metricsPage(const AdminParts& parts, const AdminView& view,
                        const CounterSnapshot& counters, TimePoint now);

}  // namespace culvert
