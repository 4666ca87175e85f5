// SPDX-License-Identifier: GPL-3.0-or-later
// The services, as JSON. Thread: loop (culvert-admin).
#pragma once

#include <string>

#include "admin/admin_view.h"
#include "admin/parameters.h"

namespace culvert {

/// Which services, from the parameters service, after and limit.
struct ServiceQuery {
  std::string service;  ///< empty: all
  std::string after;    ///< only services behind this one, in the order of the configuration
  size_t limit = 1000;
};
Result<ServiceQuery> parseServiceQuery(const Parameters& all);

/// `wall` is in seconds since the epoch.
std::string servicesJson(const AdminView& view, const ServiceQuery& query, TimePoint now,
                         int64_t wall);

}  // namespace culvert
