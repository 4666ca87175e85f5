// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the temporary certificate for the option `cert = self-signed`: ECDSA P-256, valid for one
// year. Thread: any (start).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/credentials/credentials.h"

namespace culvert {

/// The value of Credentials::certPath() for a self-signed certificate.
inline constexpr const char* kSelfSignedPath = "(self-signed)";

struct SelfSigned {
  std::shared_ptr<const Credentials> credentials;
  std::string fingerprint;  ///< SHA-256 of the certificate in DER, as "AB:CD:..."
};

/// Makes a certificate for the host names and IP addresses in `names`, or for localhost and its
/// addresses if `names` is empty. Fails if a name is too long for a certificate or if there are too
/// many names.
Result<SelfSigned> makeSelfSigned(const std::vector<std::string>& names = {});

}  // namespace culvert
