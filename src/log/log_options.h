// SPDX-License-Identifier: GPL-3.0-or-later
// What the operator may choose about the log: where it goes, from which level, in which form.
// Thread: frozen.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/choices.h"
#include "log/log_line.h"

namespace culvert {

/// The words of `syslog-facility`.
inline constexpr std::array<std::string_view, 12> kSyslogFacilityNames = {
    "daemon", "auth",   "authpriv", "user",   "local0", "local1",
    "local2", "local3", "local4",   "local5", "local6", "local7"};

struct LogOptions {
  LogTarget target = LogTarget::kStderr;
  std::string path;  ///< kFile only
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::string facility = "daemon";  ///< kSyslog only; one of kSyslogFacilityNames
  /// Who owns a log file that does not exist yet: the user that the process becomes, so that it can
  /// be reopened after the privilege drop. -1 leaves it to the system.
  uid_t fileOwner = static_cast<uid_t>(-1);
  gid_t fileGroup = static_cast<gid_t>(-1);
};

}  // namespace culvert
