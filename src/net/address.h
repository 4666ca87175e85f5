// SPDX-License-Identifier: GPL-3.0-or-later
// SocketAddress holds one IPv4, IPv6 or UNIX socket address. AddressSpec is one parsed address of
// the configuration (`443`, `*:443`, `host:443`, `[v6]:443`, `unix:/path`). The code makes a system
// call only for a scoped IPv6 literal, to look up its interface. Thread: any (values).
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

/// Maximum length of the path of a UNIX socket: the size of sun_path without the final NUL.
inline constexpr size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;

class SocketAddress {
 public:
  /// Makes the value "no address". Its family() is AF_UNSPEC, and its text() is "-".
  SocketAddress() = default;

  /// Converts an address from a system call. An IPv4-mapped IPv6 address (RFC 4291 2.5.5.2) becomes
  /// the IPv4 address; dual-stack listeners report IPv4 peers in this form. An address of any
  /// family but IPv4, IPv6 and UNIX becomes "no address".
  static SocketAddress fromSockaddr(const sockaddr* address, socklen_t length);
  /// `host` is the IPv4 address in host byte order, for example INADDR_LOOPBACK.
  static SocketAddress ipv4(uint32_t host, uint16_t port);
  static SocketAddress ipv6(const in6_addr& host, uint16_t port, uint32_t scope = 0);
  /// Makes a UNIX address. A path longer than kMaxUnixPath bytes gives "no address"; parseAddress()
  /// refuses such paths.
  static SocketAddress unixPath(std::string_view path);

  int family() const { return storage_.any.sa_family; }
  bool isSet() const { return family() != AF_UNSPEC; }
  bool isIpv4() const { return family() == AF_INET; }
  bool isIpv6() const { return family() == AF_INET6; }
  bool isUnix() const { return family() == AF_UNIX; }
  /// True for 0.0.0.0 and [::].
  bool isAnyAddress() const;
  bool isLoopback() const;

  /// Returns the address in the form that bind() and connect() need. length() is its size in bytes.
  const sockaddr* get() const {
    return unix_ ? reinterpret_cast<const sockaddr*>(unix_.get()) : &storage_.any;
  }
  socklen_t length() const { return length_; }

  /// The port in host byte order. A UNIX address has port 0.
  uint16_t port() const;
  void setPort(uint16_t port);
  /// The path of a UNIX address; empty for other families and for unnamed sockets. An abstract name
  /// starts with a NUL.
  std::string_view path() const;
  const sockaddr_in& v4() const { return storage_.v4; }
  const sockaddr_in6& v6() const { return storage_.v6; }

  /// The address as text, for example `1.2.3.4:80`, `[::1]:80`, `[fe80::1%eth0]:80`, `unix:/path`
  /// or `unix:@abstract`. An unnamed UNIX socket gives `unix:`, and "no address" gives `-`.
  std::string text() const;
  /// Like text(), but without the port and without brackets.
  std::string hostText() const;

  friend bool operator==(const SocketAddress& a, const SocketAddress& b);
  friend bool operator!=(const SocketAddress& a, const SocketAddress& b) { return !(a == b); }

 private:
  void setUnix(const sockaddr* address, size_t length);

  // Every tunnel stores two addresses, and few of these are UNIX addresses. To save memory, a
  // SocketAddress stores the 108 bytes of a UNIX path separately.
  union Storage {
    sockaddr_in6 v6;  // the first and largest member, so that {} zeroes every byte
    sockaddr any;
    sockaddr_in v4;
  };
  Storage storage_{};
  uint16_t length_ = sizeof(sa_family_t);
  std::shared_ptr<const sockaddr_un> unix_;  // null unless this is a UNIX address with a name
};

enum class AddressUse : uint8_t { kListen, kBackend };

enum class AddressKind : uint8_t {
  kWildcard,  ///< a listener's `PORT` or `*:PORT`: one dual-stack socket (openWildcardListener)
  kLiteral,   ///< an IPv4 or IPv6 literal, which is in the member `address`
  kHostName,  ///< a host name, which must be resolved; culvert uses all its addresses
  kUnix,      ///< a UNIX socket, whose path is in the member `address`
};

struct AddressSpec {
  AddressKind kind = AddressKind::kWildcard;
  uint16_t port = 0;      ///< 0 for a UNIX socket, and for a listener whose port the system chooses
  std::string host;       ///< the host name; set for kHostName only
  SocketAddress address;  ///< set for kLiteral and kUnix; `[::]:port` for kWildcard

  /// The canonical text, for example `*:443`, `host:443`, `[::1]:443` or `unix:/path`. Two
  /// AddressSpecs with the same text mean the same address.
  std::string text() const;
};

/// Parses one address, which must not have surrounding blanks. A port alone, such as `443`, means
/// `*:443` for a listener and `127.0.0.1:443` for a backend. A listener on `[::]` accepts only
/// IPv6. The error says what is wrong and what is allowed, but does not name the option or file.
Result<AddressSpec> parseAddress(std::string_view text, AddressUse use);

/// The addresses of one host name, in the order in which culvert tries them.
using AddressSet = std::vector<SocketAddress>;

}  // namespace culvert
