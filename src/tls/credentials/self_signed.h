// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the throw-away certificate of `cert = self-signed`: ECDSA P-256, valid for a year. Thread:
// any (start).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/credentials/credentials.h"

namespace culvert {

/// Credentials::certPath() of such a certificate.
inline constexpr const char* kSelfSignedPath = "(self-signed)";

struct SelfSigned {
  std::shared_ptr<const Credentials> credentials;
  std::string fingerprint;  ///< SHA-256 of the DER, "AB:CD:..."
};

/// For these host names and IP addresses; none: localhost and its addresses. Errors: a name that
/// does not fit into a certificate, no room for all of them.
Result<SelfSigned> makeSelfSigned(const std::vector<std::string>& names = {});

}  // namespace culvert
