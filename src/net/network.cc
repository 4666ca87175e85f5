// SPDX-License-Identifier: GPL-3.0-or-later
// See network.h.
#include "net/network.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <cstring>

namespace culvert {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr uint8_t kMappedBits = 96;
constexpr std::string_view kUnix = "unix";

AddressBytes mapped(const in_addr& address) {
  AddressBytes bytes{};
  std::copy(kMapped.begin(), kMapped.end(), bytes.begin());
  std::memcpy(bytes.data() + kMapped.size(), &address, sizeof address);
  return bytes;
}

/// Sets the bits after the first `bits` to zero.
AddressBytes cut(AddressBytes bytes, uint8_t bits) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    const int left = int(bits) - int(i) * 8;
    if (left >= 8) continue;
    bytes[i] = left <= 0 ? uint8_t(0) : static_cast<uint8_t>(bytes[i] & (0xff << (8 - left)));
  }
  return bytes;
}

bool isMapped(const Network& network) {
  return network.bits >= kMappedBits &&
         std::equal(kMapped.begin(), kMapped.end(), network.bytes.begin());
}

std::string allowed(bool withUnix) {
  return fmt::format("allowed: ADDRESS or NETWORK/BITS, such as 10.0.0.0/8 or fd00::/8{}",
                     withUnix ? ", or unix" : "");
}

Result<Network> parseAddressPart(const std::string& text, bool withUnix) {
  Network network;
  in_addr v4;
  in6_addr v6;
  if (::inet_pton(AF_INET, text.c_str(), &v4) == 1) {
    network.bytes = mapped(v4);
  } else if (::inet_pton(AF_INET6, text.c_str(), &v6) == 1) {
    std::memcpy(network.bytes.data(), &v6, sizeof v6);
  } else {
    return fail(fmt::format("\"{}\" is not an IP address; {}", text, allowed(withUnix)));
  }
  network.bits = 128;
  return network;
}

}  // namespace

AddressBytes bytesOf(const SocketAddress& address) {
  if (address.isIpv4()) return mapped(address.v4().sin_addr);
  AddressBytes bytes{};
  if (address.isIpv6()) std::memcpy(bytes.data(), &address.v6().sin6_addr, bytes.size());
  return bytes;
}

Network Network::around(const SocketAddress& address, uint8_t v4Bits, uint8_t v6Bits) {
  Network network;
  if (!address.isIpv4() && !address.isIpv6()) {
    network.unixSockets = true;
    return network;
  }
  network.bits = address.isIpv4() ? static_cast<uint8_t>(kMappedBits + v4Bits) : v6Bits;
  network.bytes = cut(bytesOf(address), network.bits);
  return network;
}

bool Network::contains(const AddressBytes& address) const {
  return !unixSockets && cut(address, bits) == bytes;
}

bool Network::contains(const SocketAddress& address) const {
  if (address.isUnix()) return unixSockets;
  return (address.isIpv4() || address.isIpv6()) && contains(bytesOf(address));
}

std::string Network::text() const {
  if (unixSockets) return std::string(kUnix);
  char host[INET6_ADDRSTRLEN];
  const bool v4 = isMapped(*this);
  ::inet_ntop(v4 ? AF_INET : AF_INET6, bytes.data() + (v4 ? kMapped.size() : 0), host, sizeof host);
  if (bits == 128) return host;
  return fmt::format("{}/{}", host, v4 ? bits - kMappedBits : bits);
}

Result<Network> parseNetwork(std::string_view text, bool withUnix) {
  if (withUnix && text == kUnix) {
    Network all;
    all.unixSockets = true;
    return all;
  }
  const size_t slash = text.find('/');
  auto network = parseAddressPart(std::string(text.substr(0, slash)), withUnix);
  if (!network || slash == text.npos) return network;
  const std::string_view digits = text.substr(slash + 1);
  const bool v4 = text.find(':') == text.npos;
  const unsigned most = v4 ? 32 : 128;
  unsigned bits = 0;
  for (const char c : digits)
    bits = c >= '0' && c <= '9' && bits <= most ? bits * 10 + (c - '0') : most + 1;
  if (digits.empty() || digits.size() > 3 || bits > most)
    return fail(fmt::format("\"{}\" is not a number of bits for {}; allowed: 0 to {}", digits,
                            text.substr(0, slash), most));
  network->bits = static_cast<uint8_t>(bits + (v4 ? kMappedBits : 0));
  const AddressBytes base = cut(network->bytes, network->bits);
  if (base != network->bytes) {
    network->bytes = base;
    return fail(fmt::format("{} has bits set after its first {}; the network is {}", text, bits,
                            network->text()));
  }
  return network;
}

NetworkSet::NetworkSet(std::vector<Network> networks) : networks_(std::move(networks)) {
  std::sort(networks_.begin(), networks_.end(), [](const Network& a, const Network& b) {
    return a.bits != b.bits ? a.bits > b.bits : a < b;
  });
  networks_.erase(std::unique(networks_.begin(), networks_.end()), networks_.end());
}

/// Searches the networks of each length. Few lengths occur in practice.
const Network* NetworkSet::longest(const SocketAddress& address) const {
  if (networks_.empty()) return nullptr;
  for (auto at = networks_.begin(); at != networks_.end();) {
    const auto next = std::partition_point(
        at, networks_.end(), [&](const Network& one) { return one.bits == at->bits; });
    const Network wanted = Network::around(address, 32, 128);
    Network key;
    key.bits = at->bits;
    key.unixSockets = wanted.unixSockets;
    key.bytes = cut(wanted.bytes, key.bits);
    const auto found = std::lower_bound(at, next, key);
    if (found != next && *found == key) return &*found;
    at = next;
  }
  return nullptr;
}

}  // namespace culvert
