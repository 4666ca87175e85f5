// SPDX-License-Identifier: GPL-3.0-or-later
// RevocationList is a CRL in a form for fast lookup. culvert parses each CRL once, at loading, into
// a sorted table of serial numbers. peer_auth.cc verifies the signature. culvert does not store
// CRLs in wolfSSL, because wolfSSL keeps only one CRL for each issuer name and would parse each CRL
// again on every worker. Thread: frozen.
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
  /// TrustAnchor::keyPin of the anchors to which the CRL belongs. The issuer's name alone would not
  /// identify an anchor, because two CAs can have the same name.
  std::vector<std::array<uint8_t, 32>> keyPins;
  std::vector<uint8_t> issuerKeyId;  ///< from authorityKeyIdentifier; empty if absent
  int64_t thisUpdate = 0;
  int64_t nextUpdate = 0;
  bool merged = false;             ///< includes the entries of another CRL with the same date
  bool partial = false;            ///< has a critical extension; never true in a PeerAuth
  std::vector<SerialKey> serials;  ///< serial numbers of the revoked certificates, sorted

  bool isOf(const std::array<uint8_t, 32>& name, const std::array<uint8_t, 32>& keyPin) const;
  bool revokes(const SerialKey& serial) const;
};

/// Reads a CRL in DER and does not verify it. Returns nothing if the bytes are not a valid CRL.
std::optional<RevocationList> readRevocationList(std::span<const uint8_t> der);

}  // namespace culvert
