// SPDX-License-Identifier: GPL-3.0-or-later
// Standard input, output and error, which a caller may have closed, filled or piped into nothing:
// none of that may end the process. Thread: any, but reserveStandardStreams() before all others.
#pragma once

#include <cstdio>
#include <string_view>

namespace culvert {

/// Opens /dev/null in the place of whichever of the descriptors 0, 1 and 2 is closed, so that no
/// socket gets such a number; lets a broken pipe be an error instead of a signal.
void reserveStandardStreams();

/// Writes `text` as it is to standard output, and flushes. False, with a line on stderr, where that
/// fails: what was asked for is not there, or not all of it.
[[nodiscard]] bool printOut(std::string_view text);

/// Writes the line and a newline. An error is ignored: there is nobody to tell.
void printLine(std::FILE* stream, std::string_view line);

}  // namespace culvert
