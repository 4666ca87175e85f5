// SPDX-License-Identifier: GPL-3.0-or-later
// Checks of what services want from their listen addresses: the options that belong to a listen
// address, the match options, and several services on one address. Thread: any.
#pragma once

#include "config/config.h"
#include "config/diagnostics.h"
#include "config/option_table.h"

namespace culvert {

/// Checks the options of one service with each other.
void checkListenOptions(const ServiceOptions& service, Diagnostics& diagnostics);

/// Checks the services that share a listen address.
void checkSharedListens(const Config& config, const Validators& validators,
                        Diagnostics& diagnostics);

/// True if the service carries plain bytes beside the TLS services of its listen address.
bool carriesRaw(const ServiceOptions& service);

}  // namespace culvert
