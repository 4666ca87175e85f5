// SPDX-License-Identifier: GPL-3.0-or-later
// Reads again the files that have changed by themselves: certificates, and the CAs and CRLs for
// client certificates. It is a reload without a configuration, and loads nothing that is worse.
// Thread: control.
#pragma once

#include "config/config.h"
#include "service/runtime.h"

namespace culvert {

struct CertificateRefresh {
  Runtime runtime;            ///< to be put into force even after errors
  bool changed = false;       ///< something else is served or required of clients
  bool lookAgain = false;     ///< a file is being written: refresh again soon
  unsigned refused = 0;       ///< files whose refusal was reported
  unsigned clientsTaken = 0;  ///< services with different CAs or CRLs for client certificates
};

/// For the configuration in force. An error in `diagnostics` reports a file that was not loaded;
/// culvert keeps what is in use.
CertificateRefresh refreshCertificates(const Config& config, const Runtime& before,
                                       Diagnostics& diagnostics);

}  // namespace culvert
