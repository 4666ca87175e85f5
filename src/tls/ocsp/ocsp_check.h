// SPDX-License-Identifier: GPL-3.0-or-later
// The OCSP protocol's two messages for one of our own certificates: the request to its responder,
// and the verification of the answer, in a certificate manager of its own that trusts the issuer
// alone. Nothing here touches a serving context. Thread: any.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/credentials/credentials.h"
#include "tls/credentials/staple.h"

namespace culvert {

/// Largest response that is kept; ordinary ones have 500 to 2,500 bytes. OpenSSL clients end a TLS
/// 1.2 handshake in which it does not fit into one record of 16 KiB.
inline constexpr size_t kMaxOcspResponse = 16'000;

/// Nothing, or why this build of wolfSSL cannot staple.
Result<void> staplingPossible();

/// The issuer's certificate out of the chain, in DER; empty where the chain does not hold it.
std::span<const uint8_t> issuerOf(const Credentials& credentials);

/// The DER of a request for the leaf's status (RFC 6960 4.1): SHA-1 CertID, as every responder
/// knows it, and no nonce, so that the responder may answer from its cache.
Result<std::vector<uint8_t>> makeOcspRequest(const Credentials& credentials);

/// Verifies: signed by the issuer, or by a responder that the issuer has authorised for this; about
/// this certificate; within its time at `now`; good or revoked. The error is a clause for "the
/// response ..": "is for another certificate".
Result<std::shared_ptr<const Staple>> checkOcspResponse(const Credentials& credentials,
                                                        std::span<const uint8_t> response,
                                                        int64_t now);

}  // namespace culvert
