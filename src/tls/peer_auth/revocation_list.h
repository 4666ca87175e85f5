// SPDX-License-Identifier: GPL-3.0-or-later
// Revocation lists as they are looked up: read once, when they are loaded, into a sorted table of
// serial numbers. wolfSSL verifies their signatures (peer_auth.cc) and keeps none of them: it has
// place for one list of an issuer's name, and would parse it again on every worker. Thread: frozen.
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
  /// Of the anchors whose list it is (TrustAnchor::keyPin): two CAs can have one name.
  std::vector<std::array<uint8_t, 32>> keyPins;
  std::vector<uint8_t> issuerKeyId;  ///< of its authorityKeyIdentifier; empty: none
  int64_t thisUpdate = 0;
  int64_t nextUpdate = 0;
  bool merged = false;             ///< holds those of a list of the same time, too
  bool partial = false;            ///< has a critical extension; never true in a PeerAuth
  std::vector<SerialKey> serials;  ///< sorted

  bool isOf(const std::array<uint8_t, 32>& name, const std::array<uint8_t, 32>& keyPin) const;
  bool revokes(const SerialKey& serial) const;
};

/// Nothing where the bytes are no list; verifies nothing.
std::optional<RevocationList> readRevocationList(std::span<const uint8_t> der);

}  // namespace culvert
