// SPDX-License-Identifier: GPL-3.0-or-later
// ExpectedPeer is the server that culvert means to reach: its host name or address, and perhaps its
// keys. judge() compares a verified certificate with it. Thread: any (immutable).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tls/peer_auth/peer_rules.h"
#include "tls/peer_auth/peer_verifier.h"

namespace culvert {

class ExpectedPeer {
 public:
  ExpectedPeer() = default;
  /// `host` is a host name or an address literal, without brackets. `pins` outlives this object; an
  /// empty one accepts every key. With `pinsOnly` judge() compares the key alone.
  ExpectedPeer(std::string_view host, const PeerRules& pins, bool pinsOnly);

  /// Returns whether the certificate is for this host, and has one of the keys. A name counts only
  /// if it is in the subjectAltName (RFC 9525 6.3), and `*` stands for the whole first label.
  PeerVerdict judge(const PeerCertificate& leaf) const;

  /// The server name for the hello (SNI). Empty for an address (RFC 6066 3).
  std::string_view serverName() const { return address_.empty() ? host_ : std::string_view(); }

 private:
  bool isFor(const PeerCertificate& leaf) const;

  std::string host_;              // lower case
  std::vector<uint8_t> address_;  // 4 or 16 bytes if `host` is an address
  const PeerRules* pins_ = nullptr;
  bool pinsOnly_ = false;
};

}  // namespace culvert
