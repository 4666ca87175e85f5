// SPDX-License-Identifier: GPL-3.0-or-later
// CRLs in the form in which they are looked up: parsed once, when they are loaded, into a sorted
// table of serial numbers. wolfSSL verifies their signatures (peer_auth.cc) but does not keep them:
// it stores one CRL for each issuer name and would parse it again on every worker. Thread: frozen.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "tls/peer_auth/peer_certificate.h"

namespace culvert {

struct RevocationList {
  std::string path;
  std::string issuer;
  std::array<uint8_t, 32> issuerHash{};
  /// TrustAnchor::keyPin of the anchors that the CRL belongs to: two CAs can have the same name.
  std::vector<std::array<uint8_t, 32>> keyPins;
  std::vector<uint8_t> issuerKeyId;  ///< of its authorityKeyIdentifier; empty: none
  int64_t thisUpdate = 0;
  int64_t nextUpdate = 0;
  bool merged = false;             ///< includes the entries of another CRL of the same date
  bool partial = false;            ///< has a critical extension; never true in a PeerAuth
  std::vector<SerialKey> serials;  ///< sorted

  bool isOf(const std::array<uint8_t, 32>& name, const std::array<uint8_t, 32>& keyPin) const;
  bool revokes(const SerialKey& serial) const;
};

/// Nothing if the bytes are not a CRL. Verifies nothing.
std::optional<RevocationList> readRevocationList(std::span<const uint8_t> der);

}  // namespace culvert
