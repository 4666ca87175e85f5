// SPDX-License-Identifier: GPL-3.0-or-later
// The options that take one word out of a few, as enumerations; option_table.cc has the words. The
// modules that act on them use the same ones. Thread: any (values).
#pragma once

#include <cstdint>

namespace culvert {

/// kAuto: decided by whether the process is a daemon, before a log is opened.
enum class LogTarget : uint8_t { kAuto, kSyslog, kStderr, kStdout, kFile };
enum class LogFormat : uint8_t { kText, kJson };
enum class ProxyVersion : uint8_t { kOff, kV1, kV2 };
enum class StapleMode : uint8_t {
  kOff,
  kAuto,   ///< a file; fetched as well for a certificate that demands stapling
  kFile,   ///< only a file
  kFetch,  ///< a file, and fetched where that is missing or grows old
};
enum class VerifyClient : uint8_t { kOff, kOptional, kRequired };
enum class RevokedEnd : uint8_t { kClose, kKeep };
enum class TruncationEnd : uint8_t { kReset, kFin };

}  // namespace culvert
