// SPDX-License-Identifier: GPL-3.0-or-later
// What a client's certificate says of its holder: every CN and OU, the subjectAltNames, the key.
// wolfSSL's own reader keeps one value of each kind and joins names with slashes that a value may
// hold too, so names are read here from the DER. Reads, verifies nothing. Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tls/x509/der_reader.h"

namespace culvert {

/// A serial number as it is compared: its length and its bytes without leading zeros, of longer
/// ones than RFC 5280 allows (4.1.2.2) a digest.
using SerialKey = std::array<uint8_t, 21>;
SerialKey serialKeyOf(std::span<const uint8_t> integer);

struct PeerCertificate {
  std::string subject;  ///< "C=DE, O=Example, CN=device 7": escaped, printable, bounded
  std::string issuer;
  std::string serial;  ///< "0A1B2C"
  SerialKey serialKey{};
  int64_t notAfter = INT64_MAX;          ///< seconds since the epoch
  std::vector<std::string> commonNames;  ///< as written; UTF-8 where the encoding says so
  std::vector<std::string> units;        ///< OU
  std::vector<std::string> dnsNames;     ///< subjectAltName, lower case
  std::vector<std::string> uris;
  std::vector<std::vector<uint8_t>> addresses;  ///< 4 or 16 bytes each
  /// Has nameConstraints that this release of wolfSSL reads over: before 5.9 all but those for
  /// DNS names, mail addresses and directory names.
  bool unheldConstraints = false;
  std::array<uint8_t, 32> subjectHash{};  ///< equal names have equal hashes
  std::array<uint8_t, 32> issuerHash{};
  std::array<uint8_t, 32> fingerprint{};  ///< SHA-256 of the certificate
  std::array<uint8_t, 32> keyPin{};       ///< SHA-256 of its SubjectPublicKeyInfo
};

/// Longest subject and issuer that are kept, in bytes; ".." stands for the rest.
inline constexpr size_t kLongestDn = 512;

/// Nothing where the bytes are no certificate.
std::optional<PeerCertificate> readPeerCertificate(std::span<const uint8_t> der);

/// UTCTime or GeneralizedTime (RFC 5280 4.1.2.5), seconds since the epoch.
std::optional<int64_t> certificateTime(const DerItem& item);

/// A Name (RFC 5280 4.1.2.4) as text.
std::string distinguishedName(std::span<const uint8_t> name);

}  // namespace culvert
