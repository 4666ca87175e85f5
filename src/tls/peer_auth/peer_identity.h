// SPDX-License-Identifier: GPL-3.0-or-later
// PeerIdentity is the part of a client's certificate that a tunnel keeps as long as it exists: the
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

/// Identifies a CA or a certificate: half of a digest.
using ShortId = std::array<uint8_t, 16>;

/// Identifies a CA by its name and its key.
ShortId caIdOf(const std::array<uint8_t, 32>& nameHash, const std::array<uint8_t, 32>& keyPin);
/// Identifies one certificate.
ShortId certificateIdOf(std::span<const uint8_t> der);

/// The path by which a client was verified.
struct PeerPath {
  struct Step {
    ShortId issuer;  ///< caIdOf() the certificate's issuer
    SerialKey serial;
  };
  std::vector<Step> steps;       ///< client certificate, then its CAs; empty: only the key counts
  ShortId anchor{};              ///< certificateIdOf() the trust anchor
  int64_t notAfter = INT64_MAX;  ///< the earliest expiry among the steps
};

class PeerIdentity {
 public:
  /// `path` is nullptr if the client was refused. For an accepted client, keeps the values that
  /// rules compare. If a certificate has very many names, keeps only the first names.
  PeerIdentity(const PeerCertificate& certificate, const PeerPath* path);

  std::string subject() const;  ///< at most kLongestDn bytes
  std::string issuer() const;
  std::string serial() const;      ///< "0A1B2C"
  std::string commonName() const;  ///< empty: none, longer than 255 bytes, not clean UTF-8
  std::string uri() const;         ///< empty: none, longer than 2048 bytes, not clean UTF-8
  std::array<uint8_t, 32> fingerprint() const;
  /// Whether a CA has certified the names. False if only the key was checked.
  bool vouched() const { return has(kAnchor); }

  /// The values that rules compare. Empty if the client was refused.
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

  std::string packed_;  // repeated: tag, length in two bytes, value
};

}  // namespace culvert
