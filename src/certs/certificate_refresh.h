// SPDX-License-Identifier: GPL-3.0-or-later
// Reads changed files without a reload: certificates, and the CAs and CRLs for those of peers.
// A certificate that is worse than the certificate in use is not loaded. Thread: control.
#pragma once

#include "config/config.h"
#include "service/runtime.h"

namespace culvert {

struct CertificateRefresh {
  Runtime runtime;             ///< the new runtime; apply it even after errors
  bool changed = false;        ///< the served certificates or the requirements for clients have
                               ///< changed
  bool lookAgain = false;      ///< a file is being written, so refresh again soon
  unsigned refused = 0;        ///< how many refused files were reported
  unsigned clientsTaken = 0;   ///< how many services have new CAs or CRLs for client certificates
  unsigned backendsTaken = 0;  ///< how many services have a new BackendTls
};

/// `config` is the configuration in force. If a file cannot be loaded, its previous contents stay in
/// use, and an error is added to `diagnostics`.
CertificateRefresh refreshCertificates(const Config& config, const Runtime& before,
                                       Diagnostics& diagnostics);

}  // namespace culvert
