// SPDX-License-Identifier: GPL-3.0-or-later
// Finds flaws for which clients refuse a server's certificate chain, although the chain parses and
// matches its key. Does not check dates. Thread: any.
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
    kAuthority,      ///< the certificate is a CA's and is not self-signed
    kWeakKey,
    kWeakHash,
    kIssuer,  ///< the issuer's certificate has a flaw, or is not a CA certificate
  };
  Kind kind;
  std::string text;  ///< describes the flaw, without the file's name
};

/// Returns the flaws of a chain. `chain` must not be empty and must begin with the leaf. Checks
/// only the leaf and its issuer, because clients may replace the certificates above by a root of
/// their own.
std::vector<CertificateFlaw> flawsOf(std::span<const CertificateInfo> chain);

/// Returns the leaf's issuer if `chain` contains the issuer and the issuer is not a root. Otherwise
/// returns nullptr.
const CertificateInfo* intermediateOf(std::span<const CertificateInfo> chain);

}  // namespace culvert
