// SPDX-License-Identifier: GPL-3.0-or-later
// PeerIdentity is the part of a client's certificate that a tunnel keeps until it closes: the
// fields for the log and the backend. For an accepted client it also keeps the values needed to
// judge the client again after a CA, a CRL or a rule changes. All fields are in one packed string
// of a few hundred bytes. Thread: any (immutable).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tls/peer_auth/peer_certificate.h"

namespace culvert {

/// Half of a SHA-256 digest. Identifies a CA or a certificate.
using ShortId = std::array<uint8_t, 16>;

/// Returns the id of a CA with this name and this key.
ShortId caIdOf(const std::array<uint8_t, 32>& nameHash, const std::array<uint8_t, 32>& keyPin);
/// Returns the id of one certificate.
ShortId certificateIdOf(std::span<const uint8_t> der);

/// The chain of certificates by which a client was verified.
struct PeerPath {
  struct Step {
    ShortId issuer;  ///< caIdOf() of the certificate's issuer
    SerialKey serial;
  };
  std::vector<Step> steps;       ///< the client certificate, then its CAs; empty with pinsOnly
  ShortId anchor{};              ///< certificateIdOf() of the trust anchor
  int64_t notAfter = INT64_MAX;  ///< the earliest expiry of the certificates in `steps`
};

class PeerIdentity {
 public:
  /// `path` must be nullptr if the client was refused. For an accepted client, keeps the values
  /// that allow rules compare. If a certificate has very many names, keeps only the first names.
  PeerIdentity(const PeerCertificate& certificate, const PeerPath* path);

  std::string subject() const;  ///< at most kLongestDn bytes
  std::string issuer() const;
  std::string serial() const;      ///< in hex, for example "0A1B2C"
  std::string commonName() const;  ///< empty if absent, over 255 bytes or not clean UTF-8
  std::string uri() const;         ///< empty if absent, over 2048 bytes or not clean UTF-8
  std::array<uint8_t, 32> fingerprint() const;
  /// True if a CA has certified the names in the certificate. False if only the key was checked.
  bool vouched() const { return has(kAnchor); }

  /// Returns the values that allow rules compare. Empty if the client was refused.
  PeerCertificate certificate() const;
  PeerPath path() const;

 private:
  enum Tag : uint8_t {
    kSubject,
    kIssuer,
    kSerial,
    kFingerprint,
    kKeyPin,
    kAnchor,
    kNotAfter,
    kStep,
    kCommonName,
    kUnit,
    kDnsName,
    kUri,
    kAddress,
  };

  static void put(std::string& out, Tag tag, std::string_view value);
  void packValues(std::string& out, const PeerCertificate& certificate);
  template <class Visit>
  void forEach(Visit visit) const;
  std::string_view first(Tag tag) const;
  bool has(Tag tag) const;

  std::string packed_;  // for each field: tag, length in two bytes, value
};

}  // namespace culvert
