// SPDX-License-Identifier: GPL-3.0-or-later
// --check and --dump-config: what the configuration is and whether it could be served, without
// binding anything for longer than a moment, so that both can run beside the daemon. Thread: start.
#pragma once

#include "config/config_source.h"

namespace culvert {

/// Checks the file and everything it names; the exit code: 0, 3, 4, 5 only with `strict`, 1 where
/// the TLS library does not start or the output cannot be written. What cannot be bound, resolved
/// or written now, or a user that this process cannot become, is a note, an error with `strict`.
int checkConfig(const ConfigSource& source, bool strict);

/// Prints every effective value with its origin; the exit code: 0, 3, 1 where it cannot be
/// written.
int dumpConfig(const ConfigSource& source);

}  // namespace culvert
