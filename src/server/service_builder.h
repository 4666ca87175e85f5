// SPDX-License-Identifier: GPL-3.0-or-later
// Turns the configuration into Services: addresses become backend targets, files become
// credentials, names become numbers. What has not changed since the configuration before is carried
// over, so that a reload costs no context and keeps no second copy of a certificate. This is where
// configuration stops: nothing below server/ sees it. Thread: control.
#pragma once

#include <memory>
#include <vector>

#include "config/config.h"
#include "config/option_table.h"
#include "net/resolver.h"
#include "server/certificate_loader.h"
#include "server/service.h"

namespace culvert {

/// The checks of values that the config module cannot make itself (addresses, suites, groups).
Validators serverValidators();

/// Services in the order of the configuration; immutable once built.
struct Runtime {
  std::vector<std::shared_ptr<const Service>> services;
  std::vector<CertificateUnits> certificates;  ///< of each service, where they came from

  const std::shared_ptr<const Service>* find(std::string_view name) const;
};

/// Builds every service; all errors (exit code 4) and warnings go to `diagnostics`, with the place
/// of the option. Reads certificates and keys; `before` is nullptr at the start.
Runtime buildRuntime(const Config& config, const Runtime* before, Resolver& resolver,
                     Diagnostics& diagnostics);

/// What became of certificates whose files have changed by themselves.
struct CertificateRefresh {
  Runtime runtime;         ///< to be put into force, errors or not
  bool changed = false;    ///< something else is served
  bool lookAgain = false;  ///< something is being written: refresh again soon
  unsigned refused = 0;    ///< certificates that were told as refused
};

/// Reads certificates anew whose files have changed, for the configuration in force. Errors in
/// `diagnostics` tell of certificates that are not taken; what they would have replaced stays.
CertificateRefresh refreshCertificates(const Config& config, const Runtime& before,
                                       Diagnostics& diagnostics);

}  // namespace culvert
