// SPDX-License-Identifier: GPL-3.0-or-later
// The address texts of the contract, their faults in words, and socket addresses by value.
#include "net/address.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <net/if.h>

#include <string>

namespace culvert {
namespace {

using namespace std::string_literals;

AddressSpec parsed(std::string_view text, AddressUse use = AddressUse::kListen) {
  auto spec = parseAddress(text, use);
  EXPECT_TRUE(spec) << text << ": " << (spec ? "" : spec.error().text);
  return spec ? *spec : AddressSpec{};
}

std::string faultOf(std::string_view text, AddressUse use = AddressUse::kListen) {
  auto spec = parseAddress(text, use);
  EXPECT_FALSE(spec) << text << " was taken as " << (spec ? spec->text() : "");
  return spec ? "" : spec.error().text;
}

TEST(ParseAddress, TakesEveryFormOfAListener) {
  struct Case {
    const char* text;
    AddressKind kind;
    const char* canonical;
    uint16_t port;
  };
  const Case cases[] = {
      {"443", AddressKind::kWildcard, "*:443", 443},
      {"0", AddressKind::kWildcard, "*:0", 0},
      {"*:443", AddressKind::kWildcard, "*:443", 443},
      {"00443", AddressKind::kWildcard, "*:443", 443},
      {"127.0.0.1:8443", AddressKind::kLiteral, "127.0.0.1:8443", 8443},
      {"0.0.0.0:65535", AddressKind::kLiteral, "0.0.0.0:65535", 65535},
      {"[::]:443", AddressKind::kLiteral, "[::]:443", 443},
      {"[::1]:0", AddressKind::kLiteral, "[::1]:0", 0},
      {"[2001:DB8::1]:1", AddressKind::kLiteral, "[2001:db8::1]:1", 1},
      {"[::ffff:10.0.0.1]:25", AddressKind::kLiteral, "10.0.0.1:25", 25},
      {"localhost:25", AddressKind::kHostName, "localhost:25", 25},
      {"Mail_1.Example.COM.:25", AddressKind::kHostName, "mail_1.example.com.:25", 25},
      {"1host:80", AddressKind::kHostName, "1host:80", 80},
      {"unix:/run/a b:c.sock", AddressKind::kUnix, "unix:/run/a b:c.sock", 0},
  };
  for (const Case& c : cases) {
    AddressSpec spec = parsed(c.text);
    EXPECT_EQ(spec.kind, c.kind) << c.text;
    EXPECT_EQ(spec.text(), c.canonical);
    EXPECT_EQ(spec.port, c.port) << c.text;
    EXPECT_EQ(spec.address.isSet(), c.kind != AddressKind::kHostName) << c.text;
  }
}

TEST(ParseAddress, ABackendsPortAloneIsOnLoopback) {
  AddressSpec spec = parsed("6379", AddressUse::kBackend);
  EXPECT_EQ(spec.kind, AddressKind::kLiteral);
  EXPECT_EQ(spec.address.text(), "127.0.0.1:6379");
}

TEST(ParseAddress, SaysWhatIsWrongAndWhatIsAllowed) {
  EXPECT_EQ(faultOf("70000"), "port 70000 is out of range: 0 to 65535");
  EXPECT_EQ(faultOf("a:99999999999999999999"),
            "port 99999999999999999999 is out of range: 0 to 65535");
  EXPECT_EQ(faultOf("host:70000", AddressUse::kBackend), "port 70000 is out of range: 1 to 65535");
  EXPECT_EQ(faultOf("host:0", AddressUse::kBackend),
            "port 0 is out of range: 1 to 65535 (0, \"the system chooses\", is for listen only)");
  EXPECT_EQ(faultOf("*:80", AddressUse::kBackend),
            "a backend cannot be \"*\": name its host; allowed: PORT, HOST:PORT, [IPv6]:PORT, "
            "unix:/path");
  EXPECT_EQ(faultOf("localhost"),
            "\"localhost\" has no port; allowed: PORT, *:PORT, HOST:PORT, [IPv6]:PORT, unix:/path");
  EXPECT_EQ(faultOf(""),
            "the address is empty; allowed: PORT, *:PORT, HOST:PORT, [IPv6]:PORT, unix:/path");
  EXPECT_EQ(faultOf("::1:80"), "an IPv6 address is written in brackets: [::1]:80");
  EXPECT_EQ(faultOf("[::1]"),
            "[::1] has no port; allowed: PORT, *:PORT, HOST:PORT, [IPv6]:PORT, unix:/path");
  EXPECT_EQ(
      faultOf("[::1:80"),
      "\"]\" is missing in [::1:80; allowed: PORT, *:PORT, HOST:PORT, [IPv6]:PORT, unix:/path");
  EXPECT_EQ(faultOf("[1.2.3.4]:80"), "[1.2.3.4] is not an IPv6 address");
  EXPECT_EQ(faultOf("[]:80"), "[] is not an IPv6 address");
  EXPECT_EQ(faultOf("300.1.1.1:80"), "300.1.1.1 is not an IPv4 address");
  EXPECT_EQ(faultOf("127.1:80"), "127.1 is not an IPv4 address");
  EXPECT_EQ(faultOf("host:http"), "port \"http\" is not a number, allowed: 0 to 65535");
  EXPECT_EQ(faultOf("host:"), "the port is missing after ':', allowed: 0 to 65535");
  EXPECT_EQ(faultOf("host:-1"), "port \"-1\" is not a number, allowed: 0 to 65535");
  EXPECT_EQ(faultOf("host: 80"), "port \" 80\" is not a number, allowed: 0 to 65535");
  EXPECT_EQ(faultOf("host:+8"), "port \"+8\" is not a number, allowed: 0 to 65535");
  EXPECT_EQ(faultOf(":80"),
            "the host is missing before ':80'; allowed: PORT, *:PORT, HOST:PORT, [IPv6]:PORT, "
            "unix:/path");
  EXPECT_EQ(faultOf("-bad:80"), "\"-bad\" is not a host name");
  EXPECT_EQ(faultOf("a..b:80"), "\"a..b\" is not a host name");
  EXPECT_EQ(faultOf(".:80"), ". is not an IPv4 address");
  EXPECT_EQ(faultOf("ho st:80"), "\"ho st\" is not a host name");
  EXPECT_EQ(faultOf("a/b:80"), "\"a/b\" is not a host name");
  EXPECT_EQ(faultOf("http://a:80"),
            "\"http://a:80\" is a URL, not an address; allowed: PORT, *:PORT, HOST:PORT, "
            "[IPv6]:PORT, unix:/path");
  EXPECT_EQ(faultOf("[fe80::1]:80"),
            "the link-local address [fe80::1] needs its interface: [fe80::1%eth0]:80");
  EXPECT_EQ(faultOf("[fe80::1%nosuch0]:80"), "there is no network interface \"nosuch0\"");
  EXPECT_EQ(faultOf("[fe80::1%]:80"), "there is no network interface \"\"");
  EXPECT_EQ(faultOf("/run/x.sock"), "a UNIX socket is written unix:/run/x.sock");
}

TEST(ParseAddress, BoundsHostNames) {
  std::string label(63, 'a');
  std::string longest = label + "." + label + "." + label + "." + std::string(61, 'b');
  EXPECT_EQ(parsed(longest + ":1").host.size(), 253u);
  EXPECT_EQ(faultOf(longest + "bb.:1"), "the host name has 256 bytes, at most 253 are allowed");
  EXPECT_EQ(faultOf(label + "a:1"), "\"" + label + "a\" is not a host name");
}

TEST(ParseAddress, ChecksUnixPaths) {
  EXPECT_EQ(faultOf("unix:run/x"),
            "the path of a UNIX socket must be absolute: unix:/path, not unix:run/x");
  EXPECT_EQ(faultOf("unix:"), "the path of a UNIX socket must be absolute: unix:/path, not unix:");
  EXPECT_EQ(faultOf("unix:/run/"), "/run/ names a directory, not a socket");
  EXPECT_EQ(faultOf("unix:/a\0b"s), "the path of a UNIX socket contains a NUL byte");
  std::string longest = "/" + std::string(106, 'x');
  EXPECT_EQ(parsed("unix:" + longest, AddressUse::kBackend).address.path(), longest);
  EXPECT_EQ(faultOf("unix:" + longest + "x"),
            "the path of a UNIX socket has 108 bytes, at most 107 are allowed");
}

TEST(ParseAddress, TakesTheScopeOfALinkLocalAddress) {
  if (if_nametoindex("lo") == 0) GTEST_SKIP() << "no interface named lo";
  AddressSpec spec = parsed("[fe80::1%lo]:80");
  EXPECT_EQ(spec.address.v6().sin6_scope_id, if_nametoindex("lo"));
  EXPECT_EQ(spec.text(), "[fe80::1%lo]:80");
  EXPECT_EQ(parsed("[fe80::1%" + std::to_string(if_nametoindex("lo")) + "]:80").address,
            spec.address);
}

TEST(SocketAddress, IsCompact) { EXPECT_LE(sizeof(SocketAddress), 48u); }

TEST(SocketAddress, WithoutAnAddress) {
  SocketAddress none;
  EXPECT_FALSE(none.isSet());
  EXPECT_EQ(none.text(), "-");
  EXPECT_EQ(none.port(), 0);
  EXPECT_EQ(none, SocketAddress());
  EXPECT_EQ(SocketAddress::fromSockaddr(nullptr, 0), none);
  sockaddr odd{};
  odd.sa_family = AF_PACKET;
  EXPECT_FALSE(SocketAddress::fromSockaddr(&odd, sizeof odd).isSet());
  // An IPv4 address cut short is none.
  odd.sa_family = AF_INET;
  EXPECT_FALSE(SocketAddress::fromSockaddr(&odd, 4).isSet());
}

TEST(SocketAddress, ShowsAMappedPeerAsIpv4) {
  sockaddr_in6 mapped{};
  mapped.sin6_family = AF_INET6;
  mapped.sin6_port = htons(4711);
  ASSERT_EQ(inet_pton(AF_INET6, "::ffff:192.0.2.7", &mapped.sin6_addr), 1);
  auto address = SocketAddress::fromSockaddr(reinterpret_cast<sockaddr*>(&mapped), sizeof mapped);
  EXPECT_TRUE(address.isIpv4());
  EXPECT_EQ(address.text(), "192.0.2.7:4711");
  EXPECT_EQ(address, SocketAddress::ipv4(0xc0000207, 4711));
}

TEST(SocketAddress, Equality) {
  auto a = SocketAddress::ipv4(INADDR_LOOPBACK, 80);
  EXPECT_EQ(a, SocketAddress::ipv4(INADDR_LOOPBACK, 80));
  EXPECT_NE(a, SocketAddress::ipv4(INADDR_LOOPBACK, 81));
  EXPECT_NE(a, SocketAddress::ipv6(in6addr_loopback, 80));
  EXPECT_EQ(SocketAddress::ipv6(in6addr_loopback, 80), SocketAddress::ipv6(in6addr_loopback, 80));
  EXPECT_NE(SocketAddress::ipv6(in6addr_loopback, 80, 1),
            SocketAddress::ipv6(in6addr_loopback, 80));
  EXPECT_EQ(SocketAddress::unixPath("/a"), SocketAddress::unixPath("/a"));
  EXPECT_NE(SocketAddress::unixPath("/a"), SocketAddress::unixPath("/ab"));
  a.setPort(81);
  EXPECT_EQ(a.port(), 81);
  EXPECT_TRUE(a.isLoopback());
  EXPECT_FALSE(a.isAnyAddress());
  EXPECT_TRUE(SocketAddress::ipv6(in6addr_any, 1).isAnyAddress());
}

TEST(SocketAddress, UnixNames) {
  EXPECT_EQ(SocketAddress::unixPath("/run/x").text(), "unix:/run/x");
  EXPECT_EQ(SocketAddress::unixPath("\0name"s).text(), "unix:@name");
  EXPECT_EQ(SocketAddress::unixPath("\0name"s).path(), "\0name"s);
  EXPECT_FALSE(SocketAddress::unixPath(std::string(108, 'x')).isSet());
  sockaddr_un unnamed{};
  unnamed.sun_family = AF_UNIX;
  auto address =
      SocketAddress::fromSockaddr(reinterpret_cast<sockaddr*>(&unnamed), sizeof(sa_family_t));
  EXPECT_EQ(address.text(), "unix:");
  EXPECT_TRUE(address.isUnix());
  // The kernel gives a path of full length back without its NUL.
  std::string longest = "/" + std::string(106, 'x');
  auto full = SocketAddress::unixPath(longest);
  EXPECT_EQ(SocketAddress::fromSockaddr(full.get(), full.length()).path(), longest);
}

}  // namespace
}  // namespace culvert
