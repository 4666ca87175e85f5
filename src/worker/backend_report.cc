// SPDX-License-Identifier: GPL-3.0-or-later
// See backend_report.h.
#include "worker/backend_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "base/duration.h"

namespace culvert {
namespace {

std::string errorOf(const AddressReport& report) {
  if (report.error == ETIMEDOUT && report.status == AddressStatus::kSilent)
    return fmt::format("no answer for {}",
                       formatDuration(std::max<int64_t>(report.waited.count(), 1)));
  return errnoText(report.error);
}

std::string actionOf(const ConnectorOptions& options, AddressStatus status) {
  if (options.pool->memory().anyUp(options.pool->addresses()))
    return "using the other addresses, trying again until it answers";
  if (!options.retry && status == AddressStatus::kFailing)
    return "closing the tunnels that need it (connect-retry is off)";
  if (options.connectTimeout.count() == 0) return "trying again until it answers";
  return fmt::format("trying again until connect-timeout ({}) expires",
                     formatDuration(options.connectTimeout.count()));
}

const char* statusText(const BackendState& state) {
  if (state.check == CheckState::kDown) return "down";
  if (state.ejectedUntil != TimePoint{}) return "ejected";
  switch (state.connects.status) {
    case AddressStatus::kUp:
      return "up";
    case AddressStatus::kFailing:
      return "failing";
    case AddressStatus::kSilent:
      return "silent";
  }
  return "?";
}

const char* checkText(CheckState check) {
  switch (check) {
    case CheckState::kUp:
      return "up";
    case CheckState::kDown:
      return "down";
    case CheckState::kUnknown:
      break;
  }
  return "unknown";
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

LogLine poolNewsLine(const ConnectorOptions& options, const PoolNews& news) {
  const auto begin = [&](LogLevel level, const char* message) {
    LogLine line(level, message);
    line.add("service", options.service).add("backend", news.address.text());
    return line;
  };
  LogLine line = [&] {
    switch (news.event) {
      case PoolEvent::kDown:
        return begin(LogLevel::kWarning, "backend is down: its checks fail")
            .add("error", news.why)
            .add("failures", news.failures);
      case PoolEvent::kUp:
        return begin(LogLevel::kNotice, "backend is up again: its checks succeed")
            .addMillis("down_for_ms", news.lasted);
      case PoolEvent::kEjected:
        return begin(LogLevel::kWarning, "backend ejected: tunnels to it fail")
            .add("error", news.why)
            .add("failures", news.failures)
            .add("eject_time", formatDuration(news.time.count()));
      case PoolEvent::kReturned:
        break;
    }
    return begin(LogLevel::kNotice, "backend returns from ejection")
        .addMillis("ejected_for_ms", news.lasted);
  }();
  if (news.untold != 0) line.add("changes_not_logged", news.untold);
  return line;
}

std::vector<LogLine> backendEventLines(const ConnectorOptions& options,
                                       const BackendEvents& events) {
  std::vector<LogLine> lines;
  for (const AddressNews& news : events.addresses) lines.push_back(backendNewsLine(options, news));
  for (const PoolNews& news : events.pool) lines.push_back(poolNewsLine(options, news));
  return lines;
}

BackendWords backendWords(const BackendPool& pool, const BackendState& state) {
  if (!state.address.isSet())
    return {
        .status = "unresolved", .check = "off", .error = "the name has no address", .since = {}};
  BackendWords words{.status = statusText(state),
                     .check = pool.options().checked ? checkText(state.check) : "off",
                     .error = {},
                     .since = {}};
  if (state.check == CheckState::kDown) {
    words.error = state.checkError;
    words.since = state.checkedSince;
  } else if (state.connects.status != AddressStatus::kUp) {
    words.error = errorOf(state.connects);
    words.since = state.connects.since;
  } else if (state.ejectedUntil != TimePoint{}) {
    words.error = "tunnels through it failed";
  }
  return words;
}

std::vector<LogLine> backendStateLines(const ConnectorOptions& options, TimePoint now) {
  std::vector<LogLine> lines;
  for (const BackendState& state : options.pool->report(now)) {
    LogLine& line = lines.emplace_back(LogLevel::kNotice, "state");
    line.add("service", options.service);
    if (!state.address.isSet()) {
      line.add("backend", state.name).add("status", "unresolved");
      continue;
    }
    const std::string address = state.address.text();
    line.add("backend", address);
    if (address != state.name) line.add("name", state.name);
    line.add("status", statusText(state));
    line.add("tunnels", state.open).add("weight", state.share.weight);
    if (options.pool->options().checked) {
      line.add("check", checkText(state.check));
      if (state.check == CheckState::kDown)
        line.add("check_error", state.checkError)
            .addMillis("down_for_ms", now - state.checkedSince);
    }
    if (state.ejectedUntil != TimePoint{})
      line.addMillis("ejected_left_ms", state.ejectedUntil - now);
    const AddressReport& report = state.connects;
    if (report.status == AddressStatus::kUp) continue;
    line.add("error", errorOf(report))
        .addMillis("failed_for_ms", now - report.since)
        .add("failures", report.failures);
  }
  return lines;
}

}  // namespace culvert
