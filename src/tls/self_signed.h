// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the throw-away certificate of --self-signed: ECDSA P-256, valid for a year, for
// localhost and its addresses. Thread: any (start).
#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "tls/credentials.h"

namespace culvert {

struct SelfSigned {
  std::shared_ptr<const Credentials> credentials;
  std::string fingerprint;  ///< SHA-256 of the DER, "AB:CD:..."
};

Result<SelfSigned> makeSelfSigned();

}  // namespace culvert
