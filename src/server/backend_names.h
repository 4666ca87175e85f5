// SPDX-License-Identifier: GPL-3.0-or-later
// Checks the new backend names of a reload. A reload must not apply a mistyped name, because each
// client would then wait for connect-timeout. Thread: control.
#pragma once

#include "backend/srv_lookup.h"
#include "config/config.h"
#include "net/host_lookup.h"

namespace culvert {

struct BackendNamesOptions {
  Millis patience{5000};                ///< how long to wait for all names together
  std::function<void()> onThreadStart;  ///< see HostLookupOptions
  /// Resolves a name; tests replace it. A look-up may outlast the check, so the function must own
  /// what it uses.
  HostToAddresses lookup = resolveHost;
  /// Asks for SRV records; tests replace it.
  std::function<Result<SrvAnswer>(const std::string& name)> srv = querySrv;
};

/// Adds an error for each new backend host name that does not resolve now. A name is new if
/// `config` has it and `before` does not have it. Waits until all look-ups are finished, but at
/// most `options.patience`. Returns at once if no name is new.
void checkNewBackends(const Config& config, const Config& before,
                      const BackendNamesOptions& options, Diagnostics& diagnostics);

}  // namespace culvert
