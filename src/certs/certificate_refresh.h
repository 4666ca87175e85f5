// SPDX-License-Identifier: GPL-3.0-or-later
// Reads again what has changed by itself: certificates, and the CAs and revocation lists for those
// of clients. A reload without a configuration, which takes nothing that is worse. Thread: control.
#pragma once

#include "config/config.h"
#include "service/runtime.h"

namespace culvert {

struct CertificateRefresh {
  Runtime runtime;            ///< to be put into force, errors or not
  bool changed = false;       ///< something else is served or asked of clients
  bool lookAgain = false;     ///< something is being written: refresh again soon
  unsigned refused = 0;       ///< files that were told as refused
  unsigned clientsTaken = 0;  ///< services with other CAs or lists for client certificates
};

/// For the configuration in force. Errors in `diagnostics` tell of files that are not taken; what
/// they would have replaced stays.
CertificateRefresh refreshCertificates(const Config& config, const Runtime& before,
                                       Diagnostics& diagnostics);

}  // namespace culvert
