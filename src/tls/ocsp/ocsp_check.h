// SPDX-License-Identifier: GPL-3.0-or-later
// Makes the OCSP request for one of culvert's own certificates, and verifies the OCSP response. The
// verification uses a separate certificate manager that trusts only the issuer. It does not change
// the contexts that serve clients. Thread: any.
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

/// The largest response that culvert keeps, in bytes. Common responses have 500 to 2,500 bytes.
/// OpenSSL clients abort a TLS 1.2 handshake if the response does not fit into one record of 16
/// KiB.
inline constexpr size_t kMaxOcspResponse = 16'000;

/// Fails if this build of wolfSSL does not support stapling.
Result<void> staplingPossible();

/// The issuer's certificate from the chain, in DER; empty if the chain does not contain the issuer.
std::span<const uint8_t> issuerOf(const Credentials& credentials);

/// An OCSP request for the leaf's status, in DER (RFC 6960 4.1). The request has a SHA-1 CertID,
/// because every responder supports SHA-1. It has no nonce, so that the responder may answer from
/// its cache.
Result<std::vector<uint8_t>> makeOcspRequest(const Credentials& credentials);

/// Verifies a response. The issuer, or a responder that the issuer has authorised, must have signed
/// it. It must be for the leaf, be valid at `now`, and have the status good or revoked. The error
/// text is the end of a sentence "the response ...", for example "is for another certificate".
Result<std::shared_ptr<const Staple>> checkOcspResponse(const Credentials& credentials,
                                                        std::span<const uint8_t> response,
                                                        int64_t now);

}  // namespace culvert
