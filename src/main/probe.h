// SPDX-License-Identifier: GPL-3.0-or-later
// --probe connects to the backends of the configuration, as a tunnel would, and prints what each of
// them presents and whether culvert accepts it. It can run beside the daemon. Thread: start.
#pragma once

#include <string>

#include "config/config_source.h"

namespace culvert {

/// Probes the backends of the service `service`, or of all services if it is empty. Returns the exit
/// code: 0 if every backend is accepted, 1 if one is not or the output cannot be written, 2 if there
/// is no such service, and the exit code of --check if the configuration is not sound.
int probeBackends(const ConfigSource& source, const std::string& service);

}  // namespace culvert
