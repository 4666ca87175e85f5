// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the OCSP request for one of culvert's own certificates, and verifies the OCSP response. The
// verification uses a certificate manager of its own that trusts only the issuer, so it does not
// change the contexts that serve clients. Thread: any.
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

/// The largest response that culvert stores, in bytes. Common responses have 500 to 2,500 bytes. In
/// TLS 1.2, OpenSSL clients abort the handshake if the response does not fit into one record of 16
/// KiB.
inline constexpr size_t kMaxOcspResponse = 16'000;

/// Fails if this build of wolfSSL does not support stapling.
Result<void> staplingPossible();

/// Returns the issuer's certificate from the chain, in DER. Empty if the chain lacks the issuer.
std::span<const uint8_t> issuerOf(const Credentials& credentials);

/// Makes an OCSP request for the leaf, in DER (RFC 6960 4.1). The CertID uses SHA-1, because every
/// responder supports SHA-1. The request has no nonce, so that the responder may answer from its
/// cache.
Result<std::vector<uint8_t>> makeOcspRequest(const Credentials& credentials);

/// Verifies an OCSP response. The signer must be the issuer, or a responder that the issuer has
/// authorised. The response must be for the leaf, be valid at `now`, and have the status good or
/// revoked. The error text completes the sentence "the response ...", for example "is for another
/// certificate".
Result<std::shared_ptr<const Staple>> checkOcspResponse(const Credentials& credentials,
                                                        std::span<const uint8_t> response,
                                                        int64_t now);

}  // namespace culvert
