// SPDX-License-Identifier: GPL-3.0-or-later
// Reads an OCSP response (RFC 6960 4.2) without verifying it. culvert needs the contents to find
// the signer, and to explain why wolfSSL refused a response. Thread: any.
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
  bool sha1 = false;            ///< the CertID uses SHA-1
  OcspCertStatus status = OcspCertStatus::kUnknown;
  int64_t thisUpdate = 0;             ///< seconds since the epoch
  std::optional<int64_t> nextUpdate;  ///< empty if nextUpdate is absent
};

struct OcspSummary {
  uint8_t responseStatus = 0;  ///< 0 means successful
  std::vector<OcspSingle> singles;
};

/// Reads the response status and the single responses. Fails if the bytes are not an OCSP response.
Result<OcspSummary> readOcspSummary(std::span<const uint8_t> response);

/// The signed part of an OCSP response, and the certificates in the response.
struct OcspSignature {
  SignedData data;
  std::vector<std::span<const uint8_t>> certificates;  ///< in DER, as views into the response
};

/// Reads the signature of an OCSP response. Returns nothing if the bytes are not a successful
/// response.
std::optional<OcspSignature> readOcspSignature(std::span<const uint8_t> response);

/// Returns the name of a response status, such as "tryLater" or "unauthorized" (RFC 6960 4.2.1).
std::string_view ocspResponseStatusName(uint8_t status);

/// Parses a time like "20261122013000Z". Returns nothing if the text is not such a time.
std::optional<int64_t> readGeneralizedTime(std::span<const uint8_t> text);

}  // namespace culvert
