// SPDX-License-Identifier: GPL-3.0-or-later
// Enumerations for options with a fixed set of values; option_table.cc has their names. Modules
// that act on these options use the same enumerations. Thread: any (values).
#pragma once

#include <cstdint>

namespace culvert {

/// kAuto: resolved before a log is opened, by whether the process is a daemon.
enum class LogTarget : uint8_t { kAuto, kSyslog, kStderr, kStdout, kFile };
enum class LogFormat : uint8_t { kText, kJson };
enum class ProxyVersion : uint8_t { kOff, kV1, kV2 };
enum class StapleMode : uint8_t {
  kOff,
  kAuto,   ///< a file; also fetched for a certificate that requires stapling
  kFile,   ///< only a file
  kFetch,  ///< a file, and fetched if that is missing or expires soon
};
enum class VerifyClient : uint8_t { kOff, kOptional, kRequired };
enum class RevokedEnd : uint8_t { kClose, kKeep };
enum class TruncationEnd : uint8_t { kReset, kFin };

}  // namespace culvert
