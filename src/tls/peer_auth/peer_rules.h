// SPDX-License-Identifier: GPL-3.0-or-later
// The allow rules for client certificates: allow-cn, allow-ou, allow-dns, allow-uri, allow-ip and
// allow-spki. A certificate must match at least one rule. If there are no rules, culvert accepts
// every verified certificate. Thread: frozen.
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

/// The option names, in the order of PeerRule.
inline constexpr std::string_view kPeerRuleKeys[] = {"allow-cn",  "allow-ou", "allow-dns",
                                                     "allow-uri", "allow-ip", "allow-spki"};

class PeerRules {
 public:
  /// Adds one item of an allow list:
  ///   cn, ou  compares the item with every CN or OU of the subject, byte for byte
  ///   dns     compares the item with the DNS names of the subjectAltName that are host names,
  ///           ignoring case; in *.NAME the star matches one label
  ///   uri     compares the item with the URIs of the subjectAltName, byte for byte; after the
  ///           host, * matches plain characters within one path segment, and ** as the last
  ///           segment matches one or more segments
  ///   ip      compares an address or NETWORK/BITS with the addresses of the subjectAltName
  ///   spki    compares a SHA-256 in hex or base64 with that of the SubjectPublicKeyInfo
  Result<void> add(PeerRule kind, std::string_view item);

  bool empty() const;
  bool operator==(const PeerRules&) const = default;
  /// Returns whether the rules accept the certificate.
  bool allows(const PeerCertificate& certificate) const;
  /// Of each kind of name, moves the first name that matches a rule to the front. The log and the
  /// backend get only the first name.
  void putMatchesFirst(PeerCertificate& certificate) const;

 private:
  struct Network {
    std::vector<uint8_t> address;
    unsigned bits = 0;
    bool operator==(const Network&) const = default;
    static bool holds(const Network& network, const std::vector<uint8_t>& address);
  };
  std::vector<std::string> cns_, ous_, dns_, uris_;
  std::vector<Network> networks_;
  std::vector<std::array<uint8_t, 32>> pins_;
};

/// Returns whether `uri` matches the allow-uri pattern `pattern`.
bool uriMatches(std::string_view pattern, std::string_view uri);

}  // namespace culvert
