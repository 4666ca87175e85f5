// SPDX-License-Identifier: GPL-3.0-or-later
// Turns the daemon's answers into text for people. Thread: any (pure).
#pragma once

#include <cstdint>
#include <string>

#include "ctl/json_value.h"
#include "ctl/table.h"

namespace culvert {

/// `now` is in seconds since 1970: times are shown with their distance from it.
std::string statusView(const JsonValue& status, int64_t now, const Style& style);
/// True if the status says that something is wrong: not ready, not live, or an error.
bool statusIsWrong(const JsonValue& status);

/// A table of the services. `lists` are the answers of all pages.
std::string servicesView(const std::vector<JsonValue>& pages, const Style& style);
/// One service with all its figures.
std::string serviceView(const JsonValue& service);
/// The names, one a line.
std::string serviceNames(const std::vector<JsonValue>& pages);

std::string backendsView(const JsonValue& backends, std::string_view service, const Style& style);
/// The services without a backend that is up; only `service` counts unless it is empty.
std::vector<std::string> servicesWithoutBackend(const JsonValue& backends,
                                                std::string_view service);

std::string certificatesView(const JsonValue& certificates, const Style& style);

std::string tunnelsView(const JsonValue& tunnels, bool withTcp, const Style& style);
/// Everything about one tunnel.
std::string tunnelView(const JsonValue& tunnel);
/// "client 1m20s", or "" if no side is blocked.
std::string blockedWords(const JsonValue& tunnel);

/// What a reload changed, or why it failed.
std::string reloadView(const JsonValue& answer, const Style& style);
std::string drainView(const JsonValue& answer);

}  // namespace culvert
