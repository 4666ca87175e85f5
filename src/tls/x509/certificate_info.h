// SPDX-License-Identifier: GPL-3.0-or-later
// Reads one DER certificate: names, dates, key. Thread: any.
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
  std::string subject;  ///< "C=DE, O=Example, CN=www.example.org"
  std::string issuer;
  std::vector<std::string>
      dnsNames;  ///< subjectAltName, lower case; the CN if there is no subjectAltName
  std::vector<std::string> addresses;  ///< subjectAltName IP addresses as text
  int64_t notBefore = 0;               ///< seconds since the epoch
  int64_t notAfter = 0;
  KeyType keyType = KeyType::kUnknown;  ///< this and the next five fields: as in KeyInfo
  unsigned keyBits = 0;
  std::string keyText;
  std::string keyFault;
  bool keyPss = false;
  uint16_t keyPssScheme = 0;
  std::string fingerprint;                ///< SHA-256 of the DER, "AB:CD:..."
  std::array<uint8_t, 32> subjectHash{};  ///< equal names have equal hashes
  std::array<uint8_t, 32> issuerHash{};
  std::vector<uint8_t> subjectKeyId;  ///< empty: none
  std::vector<uint8_t> authorityKeyId;
  std::vector<uint8_t> serial;
  std::string ocspUrl;      ///< the first OCSP responder in authorityInfoAccess; empty: none
  bool mustStaple = false;  ///< requires a stapled OCSP response (RFC 7633, status_request)
  bool authority = false;   ///< basicConstraints has CA
  bool issues = true;       ///< keyUsage, if any, has keyCertSign
  bool signs = true;        ///< keyUsage, if any, has digitalSignature
  bool servesTls = true;    ///< extendedKeyUsage, if any, has serverAuth or any
  std::string weakHash;     ///< of the signature: "MD2", "MD5", "SHA-1"; empty: another hash
  bool selfIssued() const { return subjectHash == issuerHash; }
};

/// Parses the certificate. Verifies only the syntax.
Result<CertificateInfo> readCertificate(std::span<const uint8_t> der);

/// "AB:CD:...": SHA-256 of the bytes.
std::string fingerprintOf(std::span<const uint8_t> der);

}  // namespace culvert
