// SPDX-License-Identifier: GPL-3.0-or-later
// SocketAddress is one IPv4, IPv6 or UNIX socket address by value. AddressSpec is one parsed
// address of the configuration (`443`, `*:443`, `host:443`, `[v6]:443`, `unix:/path`). The only
// system call here is the interface look-up of a scoped IPv6 literal. Thread: any (values).
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace culvert {

/// Longest path of a UNIX socket (sun_path less its final NUL).
inline constexpr size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;

class SocketAddress {
 public:
  /// "No address": family() is AF_UNSPEC, text() is "-".
  SocketAddress() = default;

  /// Converts an address from a system call. An IPv4-mapped IPv6 address (RFC 4291 2.5.5.2: an IPv4
  /// peer of a dual-stack listener) becomes the IPv4 address. An address of any other family
  /// becomes "no address".
  static SocketAddress fromSockaddr(const sockaddr* address, socklen_t length);
  /// `host` is in host byte order (INADDR_LOOPBACK).
  static SocketAddress ipv4(uint32_t host, uint16_t port);
  static SocketAddress ipv6(const in6_addr& host, uint16_t port, uint32_t scope = 0);
  /// `path` must have at most kMaxUnixPath bytes (parseAddress checks that; a longer path gives "no
  /// address").
  static SocketAddress unixPath(std::string_view path);

  int family() const { return storage_.any.sa_family; }
  bool isSet() const { return family() != AF_UNSPEC; }
  bool isIpv4() const { return family() == AF_INET; }
  bool isIpv6() const { return family() == AF_INET6; }
  bool isUnix() const { return family() == AF_UNIX; }
  /// 0.0.0.0 or [::].
  bool isAnyAddress() const;
  bool isLoopback() const;

  /// The address for bind() and connect(); length() is its length.
  const sockaddr* get() const {
    return unix_ ? reinterpret_cast<const sockaddr*>(unix_.get()) : &storage_.any;
  }
  socklen_t length() const { return length_; }

  /// The port in host byte order; 0 for a UNIX address.
  uint16_t port() const;
  void setPort(uint16_t port);
  /// The path of a UNIX address; empty for other families and for unnamed sockets. An abstract name
  /// starts with a NUL.
  std::string_view path() const;
  const sockaddr_in& v4() const { return storage_.v4; }
  const sockaddr_in6& v6() const { return storage_.v6; }

  /// `1.2.3.4:80`, `[::1]:80`, `[fe80::1%eth0]:80`, `unix:/path`, `unix:@abstract`, `unix:`
  /// (unnamed), `-` (none).
  std::string text() const;
  /// Like text(), but without the port and without brackets.
  std::string hostText() const;

  friend bool operator==(const SocketAddress& a, const SocketAddress& b);
  friend bool operator!=(const SocketAddress& a, const SocketAddress& b) { return !(a == b); }

 private:
  void setUnix(const sockaddr* address, size_t length);

  // Every tunnel stores two addresses, and few of them are UNIX addresses. So the 108 bytes of a
  // UNIX path are stored separately.
  union Storage {
    sockaddr_in6 v6;  // first and longest, so that {} zeroes every byte
    sockaddr any;
    sockaddr_in v4;
  };
  Storage storage_{};
  uint16_t length_ = sizeof(sa_family_t);
  std::shared_ptr<const sockaddr_un> unix_;  // null unless this is a UNIX address with a name
};

enum class AddressUse : uint8_t { kListen, kBackend };

enum class AddressKind : uint8_t {
  kWildcard,  ///< `PORT`, `*:PORT` of a listener: one dual-stack socket (openWildcardListener)
  kLiteral,   ///< IPv4 or IPv6 literal: `address` is final
  kHostName,  ///< `host` must be resolved; culvert uses all its addresses
  kUnix,      ///< a UNIX socket; `address` contains its path
};

struct AddressSpec {
  AddressKind kind = AddressKind::kWildcard;
  uint16_t port = 0;      ///< 0 for UNIX, or if the system chooses the port (listeners only)
  std::string host;       ///< for kHostName only
  SocketAddress address;  ///< for kLiteral and kUnix; `[::]:port` for kWildcard

  /// The canonical text, for example `*:443`, `host:443`, `[::1]:443` or `unix:/path`. Equal texts
  /// mean the same address.
  std::string text() const;
};

/// Parses one address, which must not have surrounding blanks. A `PORT` alone means `*:PORT` for a
/// listener and `127.0.0.1:PORT` for a backend. `[::]` accepts IPv6 only. The error says what is
/// wrong and what is allowed, but not where the text came from.
Result<AddressSpec> parseAddress(std::string_view text, AddressUse use);

/// The addresses of one host name, in the order in which culvert tries them.
using AddressSet = std::vector<SocketAddress>;

}  // namespace culvert
