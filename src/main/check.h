// SPDX-License-Identifier: GPL-3.0-or-later
// --check tests whether the configuration can be served; --dump-config prints its effective values.
// Both can run beside the daemon, because --check keeps no address bound for longer than a moment.
// Thread: start.
#pragma once

#include "config/config_source.h"

namespace culvert {

/// Checks the file and all files that it names. Returns exit code 0, 3 or 4. Returns 5 only with
/// `strict`, and 1 if the TLS library does not start or the output cannot be written. It adds a
/// note for each address that cannot be bound now, each name that cannot be resolved, and each file
/// that cannot be written. A user that this process cannot become is a note, too. With `strict`,
/// all these notes are errors.
int checkConfig(const ConfigSource& source, bool strict);

/// Prints every effective value with its origin. Returns the exit code: 0, 3, or 1 if the output
/// cannot be written.
int dumpConfig(const ConfigSource& source);

}  // namespace culvert
