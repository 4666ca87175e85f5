// SPDX-License-Identifier: GPL-3.0-or-later
// BackendTls is what a service needs for TLS towards its backends: versions, suites and groups,
// whom culvert trusts, whom it expects, and the certificate that it shows. A reload keeps the object
// if nothing has changed; sessions are resumed only with the object that they were made with.
// Thread: frozen.
#pragma once

#include <memory>
#include <string>

#include "tls/credentials/credentials.h"
#include "tls/endpoint/tls_settings.h"
#include "tls/peer_auth/peer_rules.h"

namespace culvert {

struct BackendTls {
  /// `alpn` is backend-alpn: if empty, culvert offers what the client agreed on. `peerAuth` is the
  /// trust in servers; nullptr with backend-verify = off.
  std::shared_ptr<const TlsSettings> settings;
  std::string name;  ///< backend-name; if empty, the host of the address that is dialled
  PeerRules pins;    ///< backend-spki; empty: any key
  std::shared_ptr<const Credentials> credentials;  ///< backend-cert; nullptr: none is shown

  bool operator==(const BackendTls&) const = default;
};

}  // namespace culvert
