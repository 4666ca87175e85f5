// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the throw-away certificate of --self-signed: ECDSA P-256, valid for a year, for the given
// names and addresses. Thread: any (start).
#pragma once

#include <memory>
#include <span>
#include <string>

#include "base/result.h"
#include "tls/credentials.h"

namespace culvert {

struct SelfSigned {
  std::shared_ptr<const Credentials> credentials;
  std::string certificatePem;  ///< for a client's trust store
  std::string fingerprint;     ///< SHA-256 of the DER, "AB:CD:..."
};

/// `names` are DNS names or IP addresses in text; the first is the common name. Empty means
/// {"localhost", "127.0.0.1",
/// "::1"}. `days` is the life from now on.
Result<SelfSigned> makeSelfSigned(std::span<const std::string> names, unsigned days = 365);

}  // namespace culvert
