// SPDX-License-Identifier: GPL-3.0-or-later
// --check tests whether the configuration can be served; --dump-config prints its effective values.
// Both can run beside the daemon, because --check keeps no address bound for longer than a moment.
// Thread: start.
#pragma once

#include "config/config_source.h"

namespace culvert {

/// Checks the file and all files that it names. Returns the exit code: 0, 3 or 4; 5 only with
/// `strict`; 1 if the TLS library does not start or the output cannot be written. An address, name
/// or file that cannot be bound, resolved or written now is a note, and so is a user that this
/// process cannot become. With `strict` these notes are errors.
int checkConfig(const ConfigSource& source, bool strict);

/// Prints every effective value with its origin. Returns the exit code: 0, 3, or 1 if the output
/// cannot be written.
int dumpConfig(const ConfigSource& source);

}  // namespace culvert
