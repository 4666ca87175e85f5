// SPDX-License-Identifier: GPL-3.0-or-later
// Reads an OCSP response (RFC 6960 4.2) without verifying it. culvert uses this to find the signer,
// and to find the error text after wolfSSL has refused the response. Thread: any.
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
  std::optional<int64_t> nextUpdate;  ///< nothing: nextUpdate is absent
};

struct OcspSummary {
  uint8_t responseStatus = 0;  ///< 0: successful
  std::vector<OcspSingle> singles;
};

/// Reads the status and the single responses. Fails if the bytes are not an OCSP response.
Result<OcspSummary> readOcspSummary(std::span<const uint8_t> response);

/// The signed part of a response, and the certificates in it.
struct OcspSignature {
  SignedData data;
  std::vector<std::span<const uint8_t>> certificates;  ///< DER, views into the response
};

/// Reads the signature of a successful OCSP response. Nothing if the bytes are not such a response.
std::optional<OcspSignature> readOcspSignature(std::span<const uint8_t> response);

/// "tryLater", "unauthorized", ... (RFC 6960 4.2.1).
std::string_view ocspResponseStatusName(uint8_t status);

/// Parses "20261122013000Z"; nothing if the text is not such a time.
std::optional<int64_t> readGeneralizedTime(std::span<const uint8_t> text);

}  // namespace culvert
