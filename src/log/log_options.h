// SPDX-License-Identifier: GPL-3.0-or-later
// The log settings that the operator can configure: target, level and format. Thread: frozen.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/choices.h"
#include "log/log_line.h"

namespace culvert {

/// The values of the option `syslog-facility`.
inline constexpr std::array<std::string_view, 12> kSyslogFacilityNames = {
    "daemon", "auth",   "authpriv", "user",   "local0", "local1",
    "local2", "local3", "local4",   "local5", "local6", "local7"};

struct LogOptions {
  LogTarget target = LogTarget::kStderr;
  std::string path;  ///< for kFile only
  LogLevel level = LogLevel::kInfo;
  LogFormat format = LogFormat::kText;
  std::string facility = "daemon";  ///< for kSyslog only; one of kSyslogFacilityNames
  /// The owner of a new log file; -1 leaves the choice to the system. culvert sets the user as
  /// which it runs after the privilege drop, so that it can reopen the file.
  uid_t fileOwner = static_cast<uid_t>(-1);
  gid_t fileGroup = static_cast<gid_t>(-1);
};

}  // namespace culvert
