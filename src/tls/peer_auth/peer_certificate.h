// SPDX-License-Identifier: GPL-3.0-or-later
// Reads what a client's certificate says about its holder: every CN and OU, the subjectAltNames,
// the key. wolfSSL's own reader keeps one value of each kind and joins names with slashes, which a
// value may contain too. So culvert reads the names from the DER. Reads only, verifies nothing.
// Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tls/x509/der_reader.h"

namespace culvert {

/// A serial number in a form for comparison: its length and its bytes without leading zeros. Serial
/// numbers longer than RFC 5280 allows (4.1.2.2) are replaced by a digest.
using SerialKey = std::array<uint8_t, 21>;
SerialKey serialKeyOf(std::span<const uint8_t> integer);

struct PeerCertificate {
  std::string subject;  ///< "C=DE, O=Example, CN=device 7": escaped, printable, bounded
  std::string issuer;
  std::string serial;  ///< "0A1B2C"
  SerialKey serialKey{};
  int64_t notAfter = INT64_MAX;          ///< seconds since the epoch
  std::vector<std::string> commonNames;  ///< as written; UTF-8 if the encoding says so
  std::vector<std::string> units;        ///< OU
  std::vector<std::string> dnsNames;     ///< subjectAltName, lower case
  std::vector<std::string> uris;
  std::vector<std::vector<uint8_t>> addresses;  ///< 4 or 16 bytes each
  /// Has nameConstraints that this release of wolfSSL ignores. Releases before 5.9 ignore all
  /// except those for DNS names, mail addresses and directory names.
  bool unheldConstraints = false;
  std::array<uint8_t, 32> subjectHash{};  ///< equal names have equal hashes
  std::array<uint8_t, 32> issuerHash{};
  std::array<uint8_t, 32> fingerprint{};  ///< SHA-256 of the certificate
  std::array<uint8_t, 32> keyPin{};       ///< SHA-256 of its SubjectPublicKeyInfo
};

/// Longest subject and issuer that are kept, in bytes; ".." replaces the rest.
inline constexpr size_t kLongestDn = 512;

/// Nothing if the bytes are not a certificate.
std::optional<PeerCertificate> readPeerCertificate(std::span<const uint8_t> der);

/// UTCTime or GeneralizedTime (RFC 5280 4.1.2.5), seconds since the epoch.
std::optional<int64_t> certificateTime(const DerItem& item);

/// A Name (RFC 5280 4.1.2.4) as text.
std::string distinguishedName(std::span<const uint8_t> name);

}  // namespace culvert
