// SPDX-License-Identifier: GPL-3.0-or-later
// Finds the reasons why clients would refuse a server's certificate chain, although the chain can
// be parsed and matches its key. Does not check dates. Thread: any.
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

/// Returns the flaws of the leaf and of its issuer. Does not check the certificates above the
/// issuer, because clients may replace them by a root of their own. `chain` has the leaf first and
/// must not be empty.
std::vector<CertificateFlaw> flawsOf(std::span<const CertificateInfo> chain);

/// The leaf's issuer, if it is in the chain and is not a root; else nullptr.
const CertificateInfo* intermediateOf(std::span<const CertificateInfo> chain);

}  // namespace culvert
