// SPDX-License-Identifier: GPL-3.0-or-later
// The backends of all services, as JSON and as lines of text. Thread: loop (culvert-admin).
#pragma once

#include <string>
#include <string_view>

#include "admin/admin_view.h"

namespace culvert {

/// `service` is a name, or empty for all services.
std::string backendsJson(const AdminView& view, std::string_view service, TimePoint now);

struct BackendsText {
  std::string text;   ///< SERVICE BACKEND STATUS ERROR, one line a backend
  bool sound = true;  ///< each service has a backend that is up
};
BackendsText backendsText(const AdminView& view, TimePoint now);

/// How many backends a service has, and how many are up.
struct BackendCount {
  size_t all = 0, up = 0;
  std::string error;  ///< of the first one that is not up
};
BackendCount countBackends(const Service& service, TimePoint now);

}  // namespace culvert
