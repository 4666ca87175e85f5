// SPDX-License-Identifier: GPL-3.0-or-later
// See backend_report.h.
#include "worker/backend_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/duration.h"

namespace culvert {
namespace {

AddressSet allAddresses(const ConnectorOptions& options) {
  AddressSet all;
  for (const auto& target : options.targets) {
    const auto addresses = target->addresses();
    all.insert(all.end(), addresses->begin(), addresses->end());
  }
  return all;
}

std::string errorOf(const AddressReport& report) {
  if (report.error == ETIMEDOUT && report.status == AddressStatus::kSilent)
    return fmt::format("no answer for {}",
                       formatDuration(std::max<int64_t>(report.waited.count(), 1)));
  return errnoText(report.error);
}

std::string actionOf(const ConnectorOptions& options, AddressStatus status) {
  if (options.memory->anyUp(allAddresses(options)))
    return "using the other addresses, trying again until it answers";
  if (!options.retry && status == AddressStatus::kFailing)
    return "closing the tunnels that need it (connect-retry is off)";
  if (options.connectTimeout.count() == 0) return "trying again until it answers";
  return fmt::format("trying again until connect-timeout ({}) expires",
                     formatDuration(options.connectTimeout.count()));
}

const char* statusText(AddressStatus status) {
  switch (status) {
    case AddressStatus::kUp:
      return "up";
    case AddressStatus::kFailing:
      return "failing";
    case AddressStatus::kSilent:
      return "silent";
  }
  return "?";
}

}  // namespace

LogLine backendNewsLine(const ConnectorOptions& options, const AddressNews& news) {
  const AddressReport& report = news.report;
  const bool up = report.status == AddressStatus::kUp;
  LogLine line(up ? LogLevel::kNotice : LogLevel::kWarning,
               up ? "backend answers again" : "backend failed");
  line.add("service", options.service).add("backend", report.address.text());
  if (up) {
    line.addMillis("failed_for_ms", news.lasted).add("failures", report.failures);
  } else {
    line.add("error", errorOf(report)).add("action", actionOf(options, report.status));
  }
  if (news.untold != 0) line.add("changes_not_logged", news.untold);
  return line;
}

std::vector<LogLine> backendStateLines(const ConnectorOptions& options, TimePoint now) {
  std::vector<LogLine> lines;
  const auto begin = [&](std::string_view backend) -> LogLine& {
    lines.emplace_back(LogLevel::kNotice, "state");
    lines.back().add("service", options.service).add("backend", backend);
    return lines.back();
  };
  for (const auto& target : options.targets) {
    const auto addresses = target->addresses();
    if (addresses->empty()) begin(target->text()).add("status", "unresolved");
    for (const SocketAddress& address : *addresses) {
      const AddressReport report = options.memory->report(address);
      LogLine& line = begin(address.text());
      if (address.text() != target->text()) line.add("name", target->text());
      line.add("status", statusText(report.status));
      if (report.status == AddressStatus::kUp) continue;
      line.add("error", errorOf(report))
          .addMillis("failed_for_ms", now - report.since)
          .add("failures", report.failures);
    }
  }
  return lines;
}

}  // namespace culvert
