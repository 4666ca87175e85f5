// SPDX-License-Identifier: GPL-3.0-or-later
// What is wrong now, in words, and whether culvert is ready. Pure functions of what the control
// thread has published and of the state of the backends. Thread: loop (culvert-admin).
#pragma once

#include <string>
#include <vector>

#include "admin/admin_view.h"
#include "admin/backend_rows.h"
#include "admin/prometheus.h"
#include "stats/counters.h"

namespace culvert {

struct Verdict {
  bool ok = true;
  std::string why;  ///< empty if ok
};
/// listening, not draining, and with ready-needs = backends a backend up in each service.
Verdict readiness(const AdminView& view);

struct ServiceVerdict {
  ServiceState condition = ServiceState::kUp;
  std::string why;  ///< empty if up
  BackendCount backends{};
};
ServiceVerdict judgeService(const AdminView& view, const Service& service, TimePoint now);

struct Problem {
  bool error = true;    ///< clients are refused; false: a warning
  std::string service;  ///< empty: of the whole process
  std::string text;
};
/// The errors come first. `wall` is in seconds since the epoch.
std::vector<Problem> problemsOf(const AdminView& view, const CounterSnapshot& counters,
                                TimePoint now, int64_t wall);

}  // namespace culvert
