// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the temporary certificate of `cert = self-signed`: ECDSA P-256, valid for one year. Thread:
// any (start).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/credentials/credentials.h"

namespace culvert {

/// Credentials::certPath() of a self-signed certificate.
inline constexpr const char* kSelfSignedPath = "(self-signed)";

struct SelfSigned {
  std::shared_ptr<const Credentials> credentials;
  std::string fingerprint;  ///< SHA-256 of the DER, "AB:CD:..."
};

/// Makes a certificate for these host names and IP addresses. If `names` is empty, the certificate
/// is for localhost and its addresses. Errors: a name is too long for a certificate, or there are
/// too many names.
Result<SelfSigned> makeSelfSigned(const std::vector<std::string>& names = {});

}  // namespace culvert
