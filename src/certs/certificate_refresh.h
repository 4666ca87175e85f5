// SPDX-License-Identifier: GPL-3.0-or-later
// Reads changed files without a reload: certificates, and the CAs and CRLs for client certificates.
// A certificate that is worse than the one in use is not loaded. Thread: control.
#pragma once

#include "config/config.h"
#include "service/runtime.h"

namespace culvert {

struct CertificateRefresh {
  Runtime runtime;            ///< to be applied even after errors
  bool changed = false;       ///< the served certificates or the requirements for clients have
                              ///< changed
  bool lookAgain = false;     ///< a file is being written, so refresh again soon
  unsigned refused = 0;       ///< files whose refusal was reported
  unsigned clientsTaken = 0;  ///< services with different CAs or CRLs for client certificates
};

/// `config` is the configuration in force. An error in `diagnostics` reports a file that was not
/// loaded; its contents in use stay.
CertificateRefresh refreshCertificates(const Config& config, const Runtime& before,
                                       Diagnostics& diagnostics);

}  // namespace culvert
