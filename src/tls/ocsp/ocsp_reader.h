// SPDX-License-Identifier: GPL-3.0-or-later
// What an OCSP response says of itself (RFC 6960 4.2), unverified: for the words of a message when
// wolfSSL has refused it, and for the look at who has signed it. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/x509/signed_data.h"

namespace culvert {

enum class OcspCertStatus : uint8_t { kGood, kRevoked, kUnknown };

struct OcspSingle {
  std::vector<uint8_t> serial;  ///< without leading zeros
  bool sha1 = false;            ///< the certificate is named by SHA-1 hashes
  OcspCertStatus status = OcspCertStatus::kUnknown;
  int64_t thisUpdate = 0;             ///< seconds since the epoch
  std::optional<int64_t> nextUpdate;  ///< nothing: not given
};

struct OcspSummary {
  uint8_t responseStatus = 0;  ///< 0: successful
  std::vector<OcspSingle> singles;
};

/// Fails where the bytes are no OCSP response.
Result<OcspSummary> readOcspSummary(std::span<const uint8_t> response);

/// What is signed of a response, and the certificates that came with it.
struct OcspSignature {
  SignedData data;
  std::vector<std::span<const uint8_t>> certificates;  ///< DER, views into the response
};

/// Nothing where the bytes are not a successful OCSP response.
std::optional<OcspSignature> readOcspSignature(std::span<const uint8_t> response);

/// "tryLater", "unauthorized", ... (RFC 6960 4.2.1).
std::string_view ocspResponseStatusName(uint8_t status);

/// "20261122013000Z"; nothing where it is no such time.
std::optional<int64_t> readGeneralizedTime(std::span<const uint8_t> text);

}  // namespace culvert
