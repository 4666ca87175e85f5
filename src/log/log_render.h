// SPDX-License-Identifier: GPL-3.0-or-later
// Turns a LogLine into one line of text or JSON. The result never contains a newline, a control
// character or invalid UTF-8. So text from a peer cannot split the line, and cannot change the
// state of a terminal that shows the line. Thread: any.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>
#include <string_view>

#include "log/log_line.h"

namespace culvert {

using WallTime = std::chrono::system_clock::time_point;

/// Returns `message key=value key="value with spaces"`. The sink adds time and level.
std::string renderText(const LogLine& line);

/// Returns `{"time":"...","level":"info","pid":1,"msg":"...","key":"value"}`.
std::string renderJson(const LogLine& line, WallTime time, pid_t pid);

/// Returns the fields alone, as the members of a JSON object: `"key":"value","number":1`.
std::string renderJsonFields(const LogLine& line);

/// Returns for example `2026-11-21T10:00:00.123Z` (RFC 3339, UTC, milliseconds).
std::string renderTime(WallTime time);

/// Appends `value` in the text form, with quotes only if the value would be ambiguous without them.
/// The escapes are \" \\ \n \r \t \xHH and \u{H}. \xHH stands for control characters and for bytes
/// that are not UTF-8. \u{H} stands for code points that could change a terminal or the line.
void appendTextValue(std::string& out, std::string_view value);

/// Appends `value` as a JSON string in quotes. Bytes that are not UTF-8 become U+FFFD.
void appendJsonString(std::string& out, std::string_view value);

}  // namespace culvert
