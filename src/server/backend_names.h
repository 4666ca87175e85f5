// SPDX-License-Identifier: GPL-3.0-or-later
// A reload must not apply a mistyped backend name: each of its clients would wait for
// connect-timeout. Thread: control.
#pragma once

#include "config/config.h"
#include "net/host_lookup.h"

namespace culvert {

struct BackendNamesOptions {
  Millis patience{5000};                ///< for all names together
  std::function<void()> onThreadStart;  ///< see HostLookupOptions
  /// Resolves a name; tests replace it.
  std::function<Result<AddressSet>(const std::string& host, uint16_t port)> lookup = resolveHost;
};

/// Adds an error for each host name among the backends of `config` that `before` does not have and
/// that does not resolve now. Waits for the answers; returns at once if no name is new.
void checkNewBackends(const Config& config, const Config& before,
                      const BackendNamesOptions& options, Diagnostics& diagnostics);

}  // namespace culvert
