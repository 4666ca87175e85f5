// SPDX-License-Identifier: GPL-3.0-or-later
// A reload must not take a backend's name that is mistyped: its clients would wait for
// connect-timeout each. Thread: control.
#pragma once

#include "config/config.h"
#include "net/host_lookup.h"

namespace culvert {

struct BackendNamesOptions {
  Millis patience{5000};                ///< for all names together
  std::function<void()> onThreadStart;  ///< see HostLookupOptions
  /// What resolves; tests put their own in.
  std::function<Result<AddressSet>(const std::string& host, uint16_t port)> lookup = resolveHost;
};

/// An error for each host name among the backends of `config` that `before` does not have and that
/// does not resolve now. Waits for the answers, and not at all where no name is new.
void checkNewBackends(const Config& config, const Config& before,
                      const BackendNamesOptions& options, Diagnostics& diagnostics);

}  // namespace culvert
