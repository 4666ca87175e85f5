// SPDX-License-Identifier: GPL-3.0-or-later
// PeerIdentity is what a tunnel keeps of its client's certificate for its life: the words that
// the log and the backend are told, and, of a client that was let in, what it takes to judge it
// again when a CA, a revocation list or a rule has changed. One packed string, a few hundred bytes.
// Thread: any (immutable).
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tls/peer_auth/peer_certificate.h"

namespace culvert {

/// Names a CA or a certificate: half a digest.
using ShortId = std::array<uint8_t, 16>;

/// Of a CA: the same name with the same key.
ShortId caIdOf(const std::array<uint8_t, 32>& nameHash, const std::array<uint8_t, 32>& keyPin);
/// Of one certificate.
ShortId certificateIdOf(std::span<const uint8_t> der);

/// The path by which a client was verified.
struct PeerPath {
  struct Step {
    ShortId issuer;  ///< caIdOf() who has issued it
    SerialKey serial;
  };
  std::vector<Step>
      steps;         ///< the client's certificate, then the CAs above it; empty: by key alone
  ShortId anchor{};  ///< certificateIdOf() the trust anchor
  int64_t notAfter = INT64_MAX;  ///< when the first of the steps expires
};

class PeerIdentity {
 public:
  /// With `path` the client was let in, and what rules look at is kept: of a certificate with very
  /// many names the first ones.
  PeerIdentity(const PeerCertificate& certificate, const PeerPath* path);

  std::string subject() const;  ///< at most kLongestDn bytes
  std::string issuer() const;
  std::string serial() const;      ///< "0A1B2C"
  std::string commonName() const;  ///< empty: none, longer than 255 bytes, not clean UTF-8
  std::string uri() const;         ///< the same, to 2048 bytes
  std::array<uint8_t, 32> fingerprint() const;
  /// A CA stands behind the names: not where the key alone counted.
  bool vouched() const { return has(kAnchor); }

  /// As far as rules look at it. Empty where the client was not let in.
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

  std::string packed_;  // tag, length in two bytes, value; again and again
};

}  // namespace culvert
