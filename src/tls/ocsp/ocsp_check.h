// SPDX-License-Identifier: GPL-3.0-or-later
// The two messages of OCSP for one of culvert's own certificates: makes the request to its
// responder, and verifies the response. The verification uses its own certificate manager, which
// trusts the issuer alone. It does not touch a serving context. Thread: any.
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

/// Largest response that is kept; usual ones have 500 to 2,500 bytes. OpenSSL clients abort a TLS
/// 1.2 handshake if the response does not fit into one record of 16 KiB.
inline constexpr size_t kMaxOcspResponse = 16'000;

/// An error if this build of wolfSSL cannot staple.
Result<void> staplingPossible();

/// The issuer's certificate from the chain, in DER; empty if the chain lacks it.
std::span<const uint8_t> issuerOf(const Credentials& credentials);

/// A request for the leaf's status in DER (RFC 6960 4.1). It has a SHA-1 CertID, which every
/// responder supports. It has no nonce, so that the responder may answer from its cache.
Result<std::vector<uint8_t>> makeOcspRequest(const Credentials& credentials);

/// Verifies a response: signed by the issuer, or by a responder that the issuer has authorised; for
/// this certificate; valid at `now`; status good or revoked. The error text continues "the response
/// ..": "is for another certificate".
Result<std::shared_ptr<const Staple>> checkOcspResponse(const Credentials& credentials,
                                                        std::span<const uint8_t> response,
                                                        int64_t now);

}  // namespace culvert
