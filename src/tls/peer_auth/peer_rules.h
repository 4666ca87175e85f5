// SPDX-License-Identifier: GPL-3.0-or-later
// The allow rules of client certificates: allow-cn, allow-ou, allow-dns, allow-uri, allow-ip,
// allow-spki. They are alternatives: one match is enough. Without rules every verified certificate
// is accepted; with rules only those that match. Thread: frozen.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tls/peer_auth/peer_certificate.h"

namespace culvert {

enum class PeerRule : uint8_t { kCn, kOu, kDns, kUri, kIp, kSpki };

/// "allow-cn", ..., in the order of PeerRule.
inline constexpr std::string_view kPeerRuleKeys[] = {"allow-cn",  "allow-ou", "allow-dns",
                                                     "allow-uri", "allow-ip", "allow-spki"};

class PeerRules {
 public:
  /// Adds one item of an allow list:
  ///   cn, ou  the whole value, byte for byte; any of several values of the subject
  ///   dns     a DNS name of the subjectAltName without case, if it is a host name; *.NAME stands
  ///           for one label
  ///   uri     a URI of the subjectAltName, byte for byte; after the host * stands for plain
  ///           characters within one path segment, and a last segment ** for one segment or more
  ///   ip      an address, or NETWORK/BITS, compared with the subjectAltName's addresses
  ///   spki    SHA-256 of the SubjectPublicKeyInfo, hex or base64
  Result<void> add(PeerRule kind, std::string_view item);

  bool empty() const;
  /// Whether the certificate is accepted.
  bool allows(const PeerCertificate& certificate) const;
  /// Moves the first matching name of each kind to the front. The log and the backend get that
  /// name.
  void putMatchesFirst(PeerCertificate& certificate) const;

 private:
  struct Network {
    std::vector<uint8_t> address;
    unsigned bits = 0;
    static bool holds(const Network& network, const std::vector<uint8_t>& address);
  };
  std::vector<std::string> cns_, ous_, dns_, uris_;
  std::vector<Network> networks_;
  std::vector<std::array<uint8_t, 32>> pins_;
};

/// Whether `uri` matches a pattern of allow-uri.
bool uriMatches(std::string_view pattern, std::string_view uri);

}  // namespace culvert
