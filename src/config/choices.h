// SPDX-License-Identifier: GPL-3.0-or-later
// The options that take one word out of a few, as enumerations; option_table.cc has the words.
// Thread: any (values).
#pragma once

#include <cstdint>

namespace culvert {

enum class LogPlaceKind : uint8_t { kAuto, kSyslog, kStderr, kStdout, kFile };
enum class LogForm : uint8_t { kText, kJson };
enum class ProxyHeader : uint8_t { kOff, kV1, kV2 };
enum class StapleSource : uint8_t { kOff, kAuto, kFile, kFetch };
enum class ClientVerify : uint8_t { kOff, kOptional, kRequired };
enum class RevokedEnd : uint8_t { kClose, kKeep };
enum class TruncationEnd : uint8_t { kReset, kFin };

}  // namespace culvert
