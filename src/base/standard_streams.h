// SPDX-License-Identifier: GPL-3.0-or-later
// Protects the process from a bad standard input, output or error. The parent process may have
// closed these descriptors, or connected them to a full disk or a closed pipe. Thread: any, but
// call reserveStandardStreams() before the other functions.
#pragma once

#include <cstdio>
#include <string_view>

namespace culvert {

/// Opens /dev/null for each closed descriptor of 0, 1 and 2, so that no socket gets one of these
/// numbers. Ignores SIGPIPE, so that a write to a closed pipe returns an error.
void reserveStandardStreams();

/// Writes `text` unchanged to standard output, and flushes. If not all of the text can be written,
/// prints a line on stderr and returns false.
[[nodiscard]] bool printOut(std::string_view text);

/// Writes the line and a newline. Ignores errors, because they could not be reported anywhere.
void printLine(std::FILE* stream, std::string_view line);

}  // namespace culvert
