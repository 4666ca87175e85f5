// SPDX-License-Identifier: GPL-3.0-or-later
// Finds reasons why clients refuse a server's certificate chain that parses and matches its key.
// Does not check dates. Thread: any.
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
    kUsage,          ///< keyUsage does not allow the key's use in a handshake
    kAuthority,      ///< a CA certificate that is not self-signed
    kWeakKey,
    kWeakHash,
    kIssuer,  ///< the issuer's certificate has a flaw, or is not a CA certificate
  };
  Kind kind;
  std::string text;  ///< without the file's name
};

/// `chain` has the leaf first and is never empty. Of the other certificates only the leaf's issuer
/// is checked, because clients may replace those above it by a root of their own.
std::vector<CertificateFlaw> flawsOf(std::span<const CertificateInfo> chain);

/// The leaf's issuer, if it is in the chain and is not a root; else nullptr.
const CertificateInfo* intermediateOf(std::span<const CertificateInfo> chain);

}  // namespace culvert
