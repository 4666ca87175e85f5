// SPDX-License-Identifier: GPL-3.0-or-later
// --check and --dump-config: what the configuration contains and whether it could be served. They
// bind nothing for longer than a moment, so both can run beside the daemon. Thread: start.
#pragma once

#include "config/config_source.h"

namespace culvert {

/// Checks the file and everything it names. Returns the exit code: 0, 3 or 4; 5 only with `strict`;
/// 1 if the TLS library does not start or the output cannot be written. What cannot be bound,
/// resolved or written now, and a user that this process cannot become, is a note; with `strict` it
/// is an error.
int checkConfig(const ConfigSource& source, bool strict);

/// Prints every effective value with its origin. Returns the exit code: 0, 3, or 1 if the output
/// cannot be written.
int dumpConfig(const ConfigSource& source);

}  // namespace culvert
