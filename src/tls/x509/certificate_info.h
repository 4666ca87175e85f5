// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the names, the dates and the key of one certificate in DER. Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "tls/x509/key_info.h"

namespace culvert {

/// The contents of one certificate.
struct CertificateInfo {
  std::string subject;  ///< for example "C=DE, O=Example, CN=www.example.org"
  std::string issuer;
  std::vector<std::string>
      dnsNames;  ///< subjectAltName, lower case; the CN if there is no subjectAltName
  std::vector<std::string> addresses;  ///< the IP addresses in subjectAltName, as text
  int64_t notBefore = 0;               ///< seconds since the epoch
  int64_t notAfter = 0;
  KeyType keyType = KeyType::kUnknown;  ///< see KeyInfo, also for the next five members
  unsigned keyBits = 0;
  std::string keyText;
  std::string keyFault;
  bool keyPss = false;
  uint16_t keyPssScheme = 0;
  std::string fingerprint;                ///< SHA-256 of the certificate in DER, as "AB:CD:..."
  std::array<uint8_t, 32> subjectHash{};  ///< equal names have equal hashes
  std::array<uint8_t, 32> issuerHash{};
  std::vector<uint8_t> subjectKeyId;  ///< empty if absent
  std::vector<uint8_t> authorityKeyId;
  std::vector<uint8_t> serial;
  std::string ocspUrl;      ///< the first OCSP responder in authorityInfoAccess, or empty
  bool mustStaple = false;  ///< the certificate requires a stapled OCSP response (RFC 7633)
  bool authority = false;   ///< basicConstraints says that this is a CA
  bool issues = true;       ///< keyUsage is absent or has keyCertSign
  bool signs = true;        ///< keyUsage is absent or has digitalSignature
  bool servesTls = true;    ///< extendedKeyUsage is absent or has serverAuth or any
  std::string weakHash;     ///< "MD2", "MD5" or "SHA-1" if the signature uses it, else empty
  bool selfIssued() const { return subjectHash == issuerHash; }
};

/// Parses the certificate. Checks only the syntax, not the signature or the dates.
Result<CertificateInfo> readCertificate(std::span<const uint8_t> der);

/// Returns the SHA-256 of the bytes in the form "AB:CD:...".
std::string fingerprintOf(std::span<const uint8_t> der);

}  // namespace culvert
