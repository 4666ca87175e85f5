// SPDX-License-Identifier: GPL-3.0-or-later
// Standard input, output and error. The parent process may have closed them, or connected them to a
// full disk or a closed pipe. None of this may kill the process. Thread: any, but call
// reserveStandardStreams() before the other functions.
#pragma once

#include <cstdio>
#include <string_view>

namespace culvert {

/// Opens /dev/null for each closed descriptor of 0, 1 and 2, so that no socket gets one of these
/// numbers. Ignores SIGPIPE, so that a write to a closed pipe returns an error.
void reserveStandardStreams();

/// Writes `text` unchanged to standard output, and flushes. If the output is missing or incomplete,
/// returns false and prints a line on stderr.
[[nodiscard]] bool printOut(std::string_view text);

/// Writes the line and a newline. Ignores errors, because they could not be reported anywhere.
void printLine(std::FILE* stream, std::string_view line);

}  // namespace culvert
