// SPDX-License-Identifier: GPL-3.0-or-later
// See close_line.h.
#include "worker/close_line.h"

#include "limit/source_key.h"
#include "log/log_render.h"

namespace culvert {

LogLevel levelOfCause(CloseCause cause) {
  switch (cause) {
    case CloseCause::kProbe:
      return LogLevel::kDebug;
    case CloseCause::kInternal:
      return LogLevel::kErr;
    case CloseCause::kClientRevoked:
      return LogLevel::kNotice;
    case CloseCause::kBackendRefused:
    case CloseCause::kBackendUnreachable:
    case CloseCause::kBackendTimeout:
    case CloseCause::kBackendCertificate:
    case CloseCause::kBackendEjected:
    case CloseCause::kLimit:
      return LogLevel::kWarning;
    default:
      return LogLevel::kInfo;
  }
}

std::string startText(TimePoint accepted) {
  const auto ago = std::chrono::duration_cast<WallTime::duration>(Clock::now() - accepted);
  return renderTime(std::chrono::system_clock::now() - ago);
}

LogLine refusalLine(const RefusedConnection& connection, const CloseReason& reason) {
  LogLine line(levelOfCause(reason.cause), connection.message);
  line.add("service", connection.service).add("client", connection.client.text());
  if (connection.proxy != nullptr) line.add("proxy", connection.proxy->text());
  line.addNonEmpty("sni", connection.serverName).add("cause", reason.text());
  line.addNonEmpty("detail", reason.detail).add("start", startText(connection.accepted));
  line.addMillis("total_ms", Clock::now() - connection.accepted);
  line.collapseBy(std::string(connection.service) + " " + reason.text(),
                  SourceKey::of(connection.client).text());
  return line;
}

}  // namespace culvert
