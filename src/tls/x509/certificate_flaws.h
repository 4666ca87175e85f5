// SPDX-License-Identifier: GPL-3.0-or-later
// Why clients refuse a server's certificate chain although it can be parsed and matches its key.
// Dates are not looked at here. Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tls/x509/certificate_info.h"

namespace culvert {

struct CertificateFlaw {
  enum class Kind : uint8_t {
    kExtendedUsage,  ///< extendedKeyUsage does not allow TLS servers
    kUsage,          ///< keyUsage does not allow what the key does in a handshake
    kAuthority,      ///< a CA's certificate, and not a self-signed one
    kWeakKey,
    kWeakHash,
    kIssuer,  ///< the certificate of the issuer has one of these flaws, or is not a CA's
  };
  Kind kind;
  std::string text;  ///< without the file's name
};

/// `chain`: leaf first, never empty. Of the others only the issuer of the leaf is judged: clients
/// may replace what comes above it by a root of their own.
std::vector<CertificateFlaw> flawsOf(std::span<const CertificateInfo> chain);

/// The leaf's issuer, where it is in the chain and is not a root; else nullptr.
const CertificateInfo* intermediateOf(std::span<const CertificateInfo> chain);

}  // namespace culvert
