// SPDX-License-Identifier: GPL-3.0-or-later
// Turns a LogLine into one line of text or JSON. Whatever a peer put into a value, the result has
// no newline, no control character and no invalid UTF-8. So it cannot break the line or a terminal
// that shows it. Thread: any.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>

#include "log/log_line.h"

namespace culvert {

using WallTime = std::chrono::system_clock::time_point;

/// `message key=value key="value with spaces"`, without time and level, which the sink adds.
std::string renderText(const LogLine& line);

/// `{"time":"...","level":"info","pid":1,"msg":"...","key":"value"}`.
std::string renderJson(const LogLine& line, WallTime time, pid_t pid);

/// `2026-11-21T10:00:00.123Z` (RFC 3339, UTC, milliseconds).
std::string renderTime(WallTime time);

/// Appends `value` in the text form: without quotes if that is unambiguous, else quoted. Escapes
/// are \" \\ \n \r \t, \xHH for a control character or a byte that is not UTF-8, and \u{H} for a
/// code point that could disturb a terminal.
void appendTextValue(std::string& out, std::string_view value);

/// Appends `value` as a JSON string with its quotes; bytes that are not UTF-8 become U+FFFD.
void appendJsonString(std::string& out, std::string_view value);

}  // namespace culvert
