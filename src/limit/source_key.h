// SPDX-License-Identifier: GPL-3.0-or-later
// SourceKey names the source of a client for limits. A host has one IPv4 address, but may choose its
// IPv6 addresses from a /64, so the source of an IPv6 client is its /64. All clients of UNIX sockets
// are one source. Thread: any (values).
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "base/big_endian.h"
#include "net/address.h"

namespace culvert {

class SourceKey {
 public:
  /// The source of all clients of UNIX sockets.
  SourceKey() = default;

  /// The client's IPv4 address, the /64 of its IPv6 address, or `unix`.
  static SourceKey of(const SocketAddress& client) { return cut(client, 32, 64); }
  /// The network of the client, in which hosts usually have one owner: the /24 of its IPv4 address,
  /// the /48 of its IPv6 address, or `unix`.
  static SourceKey networkOf(const SocketAddress& client) { return cut(client, 24, 48); }

  /// For example `10.1.2.3`, `fd00::/64` or `unix`. A key of networkOf() has the form
  /// `10.1.2.0/24`.
  std::string text() const {
    if (bits_ == 0) return "unix";
    const std::string length = "/" + std::to_string(bits_);
    if (!ipv6_) {
      const std::string host =
          SocketAddress::ipv4(static_cast<uint32_t>(prefix_ >> 32), 0).hostText();
      return bits_ == 32 ? host : host + length;
    }
    in6_addr host{};
    putBigEndian(prefix_, {host.s6_addr, sizeof prefix_});
    return SocketAddress::ipv6(host, 0, scope_).hostText() + length;
  }

  /// A hash that a peer cannot predict, because `seed` is secret. So no choice of addresses makes a
  /// table slow.
  uint64_t hash(uint64_t seed) const {
    const uint64_t rest = uint64_t{scope_} << 16 | uint64_t{bits_} << 1 | uint64_t{ipv6_};
    return mix(mix(prefix_ ^ seed, seed * kOdd + rest) ^ seed, kOdd);
  }
  /// The seed of this process.
  static uint64_t processSeed() {
    static const uint64_t seed = [] {
      std::random_device random;
      return (uint64_t{random()} << 32 | random()) | 1;
    }();
    return seed;
  }

  bool operator==(const SourceKey&) const = default;

 private:
  static constexpr uint64_t kOdd = 0x9e3779b97f4a7c15;

  static uint64_t mix(uint64_t a, uint64_t b) {
    const unsigned __int128 product = static_cast<unsigned __int128>(a) * b;
    return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  }

  static SourceKey cut(const SocketAddress& client, uint8_t v4Bits, uint8_t v6Bits) {
    SourceKey key;
    if (client.isIpv4()) {
      key.bits_ = v4Bits;
      key.prefix_ = uint64_t{ntohl(client.v4().sin_addr.s_addr)} << 32;
    } else if (client.isIpv6()) {
      key.bits_ = v6Bits;
      key.ipv6_ = true;
      key.scope_ = client.v6().sin6_scope_id;
      key.prefix_ = bigEndian({client.v6().sin6_addr.s6_addr, sizeof key.prefix_});
    }
    if (key.bits_ != 0) key.prefix_ &= ~uint64_t{0} << (64 - key.bits_);
    return key;
  }

  uint64_t prefix_ = 0;  // the first 64 bits of the address
  uint32_t scope_ = 0;   // the interface of a link-local IPv6 address
  uint8_t bits_ = 0;     // 0 for UNIX sockets
  bool ipv6_ = false;
};

/// The hash function of tables with a SourceKey.
struct SourceKeyHash {
  size_t operator()(const SourceKey& key) const { return key.hash(seed); }
  uint64_t seed = SourceKey::processSeed();
};

}  // namespace culvert
