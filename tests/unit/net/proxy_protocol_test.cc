// SPDX-License-Identifier: GPL-3.0-or-later
// PROXY headers byte by byte, as HAProxy's proxy-protocol.txt lays them out.
#include "net/proxy_protocol.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "base/hex.h"

namespace culvert {
namespace {

std::string hex(std::string_view bytes) { return encodeHex(asBytes(bytes)); }

SocketAddress v6(const char* host, uint16_t port) {
  in6_addr address{};
  EXPECT_EQ(inet_pton(AF_INET6, host, &address), 1);
  return SocketAddress::ipv6(address, port);
}

const SocketAddress kClient4 = SocketAddress::ipv4(0xc0000201, 50000);  // 192.0.2.1
const SocketAddress kLocal4 = SocketAddress::ipv4(0xcb007102, 443);     // 203.0.113.2
const std::string kSignature = "0d0a0d0a000d0a515549540a";

TEST(ProxyV1, WritesBothFamilies) {
  EXPECT_EQ(proxyV1(kClient4, kLocal4), "PROXY TCP4 192.0.2.1 203.0.113.2 50000 443\r\n");
  EXPECT_EQ(proxyV1(v6("2001:db8::1", 1), v6("::1", 65535)),
            "PROXY TCP6 2001:db8::1 ::1 1 65535\r\n");
}

TEST(ProxyV1, LeavesTheZoneOut) {
  in6_addr linkLocal{};
  inet_pton(AF_INET6, "fe80::1", &linkLocal);
  EXPECT_EQ(proxyV1(SocketAddress::ipv6(linkLocal, 7, 1), v6("::1", 8)),
            "PROXY TCP6 fe80::1 ::1 7 8\r\n");
}

TEST(ProxyV1, SaysUnknownWhereItHasNoWords) {
  EXPECT_EQ(proxyV1(SocketAddress::unixPath("/a"), SocketAddress::unixPath("/b")),
            "PROXY UNKNOWN\r\n");
  EXPECT_EQ(proxyV1(kClient4, v6("::1", 1)), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(proxyV1({}, {}), "PROXY UNKNOWN\r\n");
}

TEST(ProxyV1, NeverExceedsTheLongestLine) {
  auto longest = v6("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535);
  EXPECT_LE(proxyV1(longest, longest).size(), 107u);
}

TEST(ProxyV2, WritesAnIpv4HeaderWithoutTlvs) {
  ProxyTlvs none;
  none.tls = false;
  EXPECT_EQ(hex(proxyV2(kClient4, kLocal4, none)),
            kSignature + "2111000c" + "c0000201" + "cb007102" + "c350" + "01bb");
}

TEST(ProxyV2, WritesAnIpv6Header) {
  ProxyTlvs none;
  none.tls = false;
  EXPECT_EQ(hex(proxyV2(v6("2001:db8::1", 1), v6("::1", 2), none)),
            kSignature + "21210024" + "20010db8000000000000000000000001" +
                "00000000000000000000000000000001" + "0001" + "0002");
}

TEST(ProxyV2, WritesUnixPathsInFullWidth) {
  ProxyTlvs none;
  none.tls = false;
  std::string header =
      proxyV2(SocketAddress::unixPath("/c"), SocketAddress::unixPath("/run/culvert.sock"), none);
  EXPECT_EQ(header.size(), 16u + 216u);
  EXPECT_EQ(hex(header.substr(0, 19)), kSignature + "213100d8" + "2f6300");
  EXPECT_STREQ(header.c_str() + 16 + 108, "/run/culvert.sock");
}

TEST(ProxyV2, AnUnnamedUnixClientIsZeros) {
  sockaddr_un unnamed{};
  unnamed.sun_family = AF_UNIX;
  auto client =
      SocketAddress::fromSockaddr(reinterpret_cast<sockaddr*>(&unnamed), sizeof(sa_family_t));
  std::string header = proxyV2(client, SocketAddress::unixPath("/s"), {});
  EXPECT_EQ(header.substr(16, 108), std::string(108, '\0'));
}

TEST(ProxyV2, CarriesWhatTlsNegotiated) {
  ProxyTlvs tlvs;
  tlvs.alpn = "h2";
  tlvs.authority = "a.example";
  tlvs.tlsVersion = "TLSv1.3";
  tlvs.cipher = "AES";
  const std::string ssl =
      "01"
      "00000001" +
      std::string("210007") + hex("TLSv1.3") + "230003" + hex("AES");
  const std::string block = "c0000201cb007102c35001bb" + std::string("010002") + hex("h2") +
                            "020009" + hex("a.example") + "200015" + ssl;
  EXPECT_EQ(hex(proxyV2(kClient4, kLocal4, tlvs)),
            kSignature + "2111" + fmt::format("{:04x}", block.size() / 2) + block);
}

TEST(ProxyV2, AWordlessTlsStillShowsTheClientBitAlone) {
  EXPECT_EQ(hex(proxyV2(kClient4, kLocal4, {})),
            kSignature + "21110014" + "c0000201cb007102c35001bb" + "200005" + "01" + "00000001");
}

TEST(ProxyV2, MixedFamiliesAreUnspecified) {
  ProxyTlvs none;
  none.tls = false;
  EXPECT_EQ(hex(proxyV2(kClient4, v6("::1", 1), none)), kSignature + "21000000");
}

TEST(ProxyV2, BoundsItsTexts) {
  std::string tooLong(256, 'a');
  ProxyTlvs tlvs;
  tlvs.authority = tooLong;
  tlvs.alpn = tooLong;
  tlvs.cipher = tooLong;
  tlvs.tlsVersion = tooLong;
  EXPECT_EQ(proxyV2(kClient4, kLocal4, tlvs), proxyV2(kClient4, kLocal4, {}));
  std::string most(255, 'a');
  tlvs.authority = most;
  EXPECT_EQ(proxyV2(kClient4, kLocal4, tlvs).size(),
            proxyV2(kClient4, kLocal4, {}).size() + 3 + 255);
}

// --- received TLVs ------------------------------------------------------------------------------

std::string tlvOf(uint8_t type, std::string_view value) {
  std::string out(1, static_cast<char>(type));
  return out.append(asText(u16Bytes(value.size()))).append(value);
}

/// What a header with `own` and `received` has behind its addresses. Checks the length field.
std::string tlvsOf(const ProxyTlvs& own, std::string_view received) {
  const std::string header = proxyV2(kClient4, kLocal4, own, received);
  EXPECT_EQ(u16At(asBytes(header), 14), header.size() - 16);
  return header.substr(16 + 12);
}

ProxyTlvs withoutTls() {
  ProxyTlvs none;
  none.tls = false;
  return none;
}

const std::string kForeignSession = tlvOf(0x20, std::string("\x07\0\0\0\0", 5));
const std::string kForeignIdentity =
    tlvOf(0xe0, "CN=other") + tlvOf(0xe1, "spiffe://other") + tlvOf(0xe2, std::string(32, 'f'));

TEST(ProxyV2Received, IsPassedOnInItsOrder) {
  const std::string received = tlvOf(5, "id") + tlvOf(0xea, "vpc") + tlvOf(1, "h2") +
                               tlvOf(2, "b.example") + kForeignSession + kForeignIdentity +
                               tlvOf(5, "");
  EXPECT_EQ(tlvsOf(withoutTls(), received), received);
  EXPECT_EQ(proxyV2(kClient4, kLocal4, withoutTls(), {}), proxyV2(kClient4, kLocal4, withoutTls()));
}

TEST(ProxyV2Received, IsReplacedByWhatCulvertKnowsItself) {
  ProxyTlvs own = withoutTls();
  own.alpn = "http/1.1";
  own.authority = "a.example";
  const std::string ours = tlvOf(1, "http/1.1") + tlvOf(2, "a.example");
  EXPECT_EQ(tlvsOf(own, tlvOf(1, "h2") + tlvOf(5, "id") + tlvOf(2, "b.example") + tlvOf(1, "h3")),
            ours + tlvOf(5, "id"));
  // A text that culvert leaves out because of its length replaces nothing.
  const std::string tooLong(256, 'a');
  own.alpn = {};
  own.authority = tooLong;
  EXPECT_EQ(tlvsOf(own, tlvOf(2, "b.example")), tlvOf(2, "b.example"));
}

TEST(ProxyV2Received, NeverHasAChecksumOrPadding) {
  EXPECT_EQ(
      tlvsOf(withoutTls(), tlvOf(3, "abcd") + tlvOf(4, "pad") + tlvOf(5, "id") + tlvOf(4, "")),
      tlvOf(5, "id"));
}

TEST(ProxyV2Received, AnIdentityGoesWithItsSession) {
  const std::string ours = tlvsOf({}, {});
  EXPECT_EQ(tlvsOf({}, kForeignSession + kForeignIdentity + tlvOf(5, "id")), ours + tlvOf(5, "id"));
  // Without PP2_TYPE_SSL these types are not an identity of culvert's: other senders use them too.
  EXPECT_EQ(tlvsOf({}, tlvOf(0xe0, "psc-id")), ours + tlvOf(0xe0, "psc-id"));
}

TEST(ProxyV2Received, TwoIdentitiesDoNotMix) {
  ProxyTlvs own = withoutTls();
  own.clientVerified = true;
  own.clientSubject = "CN=ours";
  EXPECT_EQ(tlvsOf(own, kForeignIdentity), tlvOf(0xe0, "CN=ours"));
}

TEST(ProxyV2Received, AnIncompleteTlvIsLeftOut) {
  const std::string sound = tlvOf(5, "id");
  for (const std::string& rest : {std::string("\x05"), std::string("\x05\0", 2),
                                  std::string("\x05\0\x02x", 4), std::string("\x05\xff\xff")})
    EXPECT_EQ(tlvsOf(withoutTls(), sound + rest), sound);
}

TEST(ProxyV2Received, TheHeaderStaysValidWhateverItsSize) {
  const std::string large = tlvOf(0xe5, std::string(30'000, 'x'));
  const std::string last = tlvOf(5, std::string(65'535 - 12 - 2 * large.size() - 3, 'y'));
  EXPECT_EQ(tlvsOf(withoutTls(), large + large + last), large + large + last);
  EXPECT_EQ(tlvsOf(withoutTls(), large + large + large + last), large + large + last);
  ProxyTlvs own = withoutTls();
  own.alpn = "h2";
  EXPECT_EQ(tlvsOf(own, large + large + last), tlvOf(1, "h2") + large + large);
}

TEST(ProxyLocal, NoClientIsBehindTheConnection) {
  EXPECT_EQ(proxyLocalV1(), "PROXY UNKNOWN\r\n");
  EXPECT_EQ(proxyLocalV2(), std::string("\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16));
}

}  // namespace
}  // namespace culvert
