// SPDX-License-Identifier: GPL-3.0-or-later
// Reads the fields of a client's certificate that identify its holder: every CN and OU, the
// subjectAltNames and the key. culvert reads the names from the DER, because wolfSSL keeps only one
// value of each kind and joins names with slashes, which a value may contain too. Nothing is
// verified here. Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tls/x509/der_reader.h"

namespace culvert {

/// A serial number in a form that can be compared: the length, then the bytes without leading
/// zeros. If a serial number is longer than RFC 5280 allows (4.1.2.2), its SerialKey contains a
/// digest instead.
using SerialKey = std::array<uint8_t, 21>;
SerialKey serialKeyOf(std::span<const uint8_t> integer);

struct PeerCertificate {
  std::string subject;  ///< at most kLongestDn bytes, for example "C=DE, O=Example, CN=device 7"
  std::string issuer;
  std::string serial;  ///< in hex, for example "0A1B2C"
  SerialKey serialKey{};
  int64_t notBefore = INT64_MIN;         ///< seconds since the epoch
  int64_t notAfter = INT64_MAX;          ///< seconds since the epoch
  std::vector<std::string> commonNames;  ///< every CN; may contain invalid UTF-8
  std::vector<std::string> units;        ///< every OU
  std::vector<std::string> dnsNames;     ///< the DNS names in subjectAltName, lower case
  std::vector<std::string> uris;
  std::vector<std::vector<uint8_t>> addresses;  ///< 4 or 16 bytes each
  /// True if the certificate has nameConstraints that this release of wolfSSL ignores. Releases
  /// before 5.9 enforce nameConstraints only for DNS names, mail addresses and directory names.
  bool unheldConstraints = false;
  std::array<uint8_t, 32> subjectHash{};  ///< equal names have equal hashes
  std::array<uint8_t, 32> issuerHash{};
  std::array<uint8_t, 32> fingerprint{};  ///< SHA-256 of the certificate
  std::array<uint8_t, 32> keyPin{};       ///< SHA-256 of the SubjectPublicKeyInfo
};

/// The most bytes of a subject or an issuer that culvert keeps. ".." replaces the rest of a longer
/// name.
inline constexpr size_t kLongestDn = 512;

/// Reads a certificate in DER. Returns nothing if the bytes are not a valid certificate.
std::optional<PeerCertificate> readPeerCertificate(std::span<const uint8_t> der);

/// Converts a UTCTime or GeneralizedTime (RFC 5280 4.1.2.5) to seconds since the epoch. Returns
/// nothing if `item` is not a valid time.
std::optional<int64_t> certificateTime(const DerItem& item);

/// Converts a Name (RFC 5280 4.1.2.4) to text.
std::string distinguishedName(std::span<const uint8_t> name);

}  // namespace culvert
