// SPDX-License-Identifier: GPL-3.0-or-later
// The certificates, CAs and CRLs of all services, as JSON. Thread: loop (culvert-admin).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "service/runtime.h"

namespace culvert {

/// `service` is a name, or empty for all services. `now` is in seconds since the epoch.
std::string certificatesJson(const Runtime& runtime, std::string_view service, int64_t now);

/// Seconds until the first certificate of the service expires, 0 if one has expired; nothing if the
/// service has no certificate.
std::optional<int64_t> secondsLeft(const RuntimeService& service, int64_t now);

/// The credentials that the service serves.
size_t certificateCount(const RuntimeService& service);

/// Seconds since the epoch, as RFC 3339 in UTC.
std::string rfc3339(int64_t seconds);

}  // namespace culvert
