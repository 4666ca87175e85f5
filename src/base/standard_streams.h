// SPDX-License-Identifier: GPL-3.0-or-later
// Standard input, output and error. A caller may have closed them, or connected them to a full disk
// or a closed pipe; none of these may end the process. Thread: any, but reserveStandardStreams()
// before all others.
#pragma once

#include <cstdio>
#include <string_view>

namespace culvert {

/// Opens /dev/null for each closed descriptor of 0, 1 and 2, so that no socket gets such a number.
/// Makes a broken pipe an error instead of a signal.
void reserveStandardStreams();

/// Writes `text` unchanged to standard output, and flushes. If that fails, returns false and prints
/// a line on stderr: the output is missing or incomplete.
[[nodiscard]] bool printOut(std::string_view text);

/// Writes the line and a newline. Ignores errors, because there is no place to report them.
void printLine(std::FILE* stream, std::string_view line);

}  // namespace culvert
