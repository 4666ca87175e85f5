// SPDX-License-Identifier: GPL-3.0-or-later
// See expected_peer.h.
#include "tls/peer_auth/expected_peer.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/words.h"
#include "tls/credentials/credentials.h"
#include "tls/protocol/alert_number.h"

namespace culvert {
namespace {

constexpr size_t kNamesTold = 5;

std::vector<uint8_t> addressOf(const std::string& host) {
  std::vector<uint8_t> bytes(16);
  if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(4);
  if (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return bytes;
  return {};
}

std::string addressText(const std::vector<uint8_t>& address) {
  char text[INET6_ADDRSTRLEN] = "";
  ::inet_ntop(address.size() == 16 ? AF_INET6 : AF_INET, address.data(), text, sizeof text);
  return text;
}

/// Lists the names of a certificate for the log: "a, b and 3 more".
std::string namesOf(const PeerCertificate& leaf) {
  std::vector<std::string> names = leaf.dnsNames;
  for (const auto& address : leaf.addresses) names.push_back(addressText(address));
  if (names.empty()) return {};
  std::string text;
  for (size_t i = 0; i < std::min(names.size(), kNamesTold); ++i)
    text += (i == 0 ? "" : ", ") + printable(names[i], 100);
  if (names.size() > kNamesTold) text += fmt::format(" and {} more", names.size() - kNamesTold);
  return text;
}

}  // namespace

ExpectedPeer::ExpectedPeer(std::string_view host, const PeerRules& pins, bool pinsOnly)
    : host_(lower(host)), address_(addressOf(host_)), pins_(&pins), pinsOnly_(pinsOnly) {
  if (address_.empty() && host_.ends_with('.')) host_.pop_back();  // RFC 6066 3
}

bool ExpectedPeer::isFor(const PeerCertificate& leaf) const {
  if (!address_.empty())
    return std::find(leaf.addresses.begin(), leaf.addresses.end(), address_) !=
           leaf.addresses.end();
  return std::any_of(leaf.dnsNames.begin(), leaf.dnsNames.end(),
                     [this](const std::string& name) { return nameCovers(name, host_); });
}

PeerVerdict ExpectedPeer::judge(const PeerCertificate& leaf) const {
  if (!pinsOnly_ && !isFor(leaf)) {
    const std::string names = namesOf(leaf);
    if (names.empty())
      return {
          Alert::bad_certificate,
          fmt::format("{} has no name in its subjectAltName, expected {}", leaf.subject, host_)};
    return {Alert::bad_certificate,
            fmt::format("certificate is for {}, expected {}", names, host_)};
  }
  if (pins_ != nullptr && !pins_->empty() && !pins_->allows(leaf))
    return {Alert::bad_certificate, leaf.subject + " has a key that is not in backend-spki"};
  return {};
}

}  // namespace culvert
