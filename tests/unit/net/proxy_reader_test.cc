// SPDX-License-Identifier: GPL-3.0-or-later
// Received PROXY headers: tables of good and bad ones, each also cut at every byte, and headers that
// culvert builds itself.
#include "net/proxy_reader.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/hex.h"
#include "net/proxy_protocol.h"

namespace culvert {
namespace {

using namespace std::string_literals;

const std::string kSignature = "\r\n\r\n\0\r\nQUIT\n"s;
const std::string kTcp4Block = "\xc0\x00\x02\x01\xcb\x00\x71\x02\xc3\x50\x01\xbb"s;
const SocketAddress kClient4 = SocketAddress::ipv4(0xc0000201, 50000);  // 192.0.2.1
const SocketAddress kLocal4 = SocketAddress::ipv4(0xcb007102, 443);     // 203.0.113.2

SocketAddress v6(const char* host, uint16_t port) {
  in6_addr address{};
  EXPECT_EQ(inet_pton(AF_INET6, host, &address), 1) << host;
  return SocketAddress::ipv6(address, port);
}

std::string tlv(uint8_t type, std::string_view value) {
  std::string out(1, static_cast<char>(type));
  out += asText(u16Bytes(value.size()));
  return out.append(value);
}

/// A header of version 2: the byte of version and command, the family, and the rest.
std::string version2(uint8_t command, uint8_t family, const std::string& rest) {
  return kSignature + static_cast<char>(command) + static_cast<char>(family) +
         std::string(asText(u16Bytes(rest.size()))) + rest;
}

std::string tcp4(const std::string& tlvs) { return version2(0x21, 0x11, kTcp4Block + tlvs); }

/// Puts the checksum into the last TLV, which has to be CRC32C.
std::string withChecksum(std::string header) {
  uint8_t sum[4];
  putBigEndian(crc32c(asBytes(header)), sum);
  return header.replace(header.size() - 4, 4, asText(sum));
}
std::string tcp4WithChecksum(const std::string& tlvs) {
  return withChecksum(tcp4(tlvs + tlv(3, "\0\0\0\0"s)));
}

std::string_view nameOf(ProxyStatus status) {
  constexpr std::string_view kNames[] = {"need more", "complete", "absent", "malformed"};
  return kNames[static_cast<size_t>(status)];
}

/// Reads `bytes`, and every prefix of them. A status other than kNeedMore is final, so all longer
/// prefixes have to give the same result. `out` changes only with a complete header.
ProxyRead readCut(std::string_view bytes, ProxyHeader& out) {
  const ProxyRead whole = readProxyHeader(asBytes(bytes), out);
  bool decided = false;
  for (size_t cut = 0; cut <= bytes.size(); ++cut) {
    ProxyHeader header;
    header.version = 77;
    const ProxyRead part = readProxyHeader(asBytes(bytes.substr(0, cut)), header);
    EXPECT_FALSE(decided && part.status == ProxyStatus::kNeedMore) << cut;
    decided = decided || part.status != ProxyStatus::kNeedMore;
    if (decided) {
      EXPECT_EQ(part, whole) << "after " << cut << " bytes: " << part.problem;
    }
    if (part.status != ProxyStatus::kComplete) {
      EXPECT_EQ(header.version, 77) << cut;
    } else {
      EXPECT_EQ(header, out) << cut;
    }
  }
  return whole;
}

/// Reads a good header with bytes of the client behind it.
ProxyHeader good(const std::string& bytes) {
  ProxyHeader header;
  const ProxyRead read = readCut(bytes + "\x16\x03\x01", header);
  EXPECT_EQ(nameOf(read.status), "complete") << read.problem << ": " << bytes;
  EXPECT_EQ(read.consumed, bytes.size()) << bytes;
  return header;
}

std::string problemOf(std::string_view bytes) {
  ProxyHeader header;
  const ProxyRead read = readCut(bytes, header);
  EXPECT_EQ(read.consumed, 0u);
  return read.status == ProxyStatus::kMalformed ? std::string(read.problem)
                                                : "(" + std::string(nameOf(read.status)) + ")";
}

/// The number of bytes after which the reader decides.
size_t decidedAfter(std::string_view bytes) {
  ProxyHeader header;
  for (size_t cut = 0; cut <= bytes.size(); ++cut)
    if (readProxyHeader(asBytes(bytes.substr(0, cut)), header).status != ProxyStatus::kNeedMore)
      return cut;
  return std::string::npos;
}

// --- version 1 ----------------------------------------------------------------------------------

TEST(ProxyReaderV1, ReadsAddresses) {
  const ProxyHeader four = good("PROXY TCP4 192.0.2.1 203.0.113.2 50000 443\r\n");
  EXPECT_EQ(four.version, 1);
  EXPECT_FALSE(four.local);
  EXPECT_EQ(four.source, kClient4);
  EXPECT_EQ(four.destination, kLocal4);
  const ProxyHeader six = good("PROXY TCP6 2001:DB8::1 0:0:0:0:0:0:0:0001 0 65535\r\n");
  EXPECT_EQ(six.source, v6("2001:db8::1", 0));
  EXPECT_EQ(six.destination, v6("::1", 65535));
  EXPECT_EQ(good("PROXY TCP4 0.0.0.0 255.255.255.255 0 0\r\n").source.text(), "0.0.0.0:0");
}

TEST(ProxyReaderV1, MappedAddressesBecomeIpv4IfBothAreMapped) {
  const ProxyHeader both = good("PROXY TCP6 ::ffff:192.0.2.1 ::ffff:cb00:7102 50000 443\r\n");
  EXPECT_EQ(both.source, kClient4);
  EXPECT_EQ(both.destination, kLocal4);
  const ProxyHeader one = good("PROXY TCP6 ::ffff:192.0.2.1 ::1 50000 443\r\n");
  EXPECT_TRUE(one.source.isIpv6());
  EXPECT_EQ(one.source.text(), "[::ffff:192.0.2.1]:50000");
}

TEST(ProxyReaderV1, UnknownHasNoAddresses) {
  for (const char* line :
       {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN \r\n", "PROXY UNKNOWN any thing\x01\xff\r\n",
        "PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n"}) {
    const ProxyHeader header = good(line);
    EXPECT_EQ(header.version, 1);
    EXPECT_FALSE(header.local);
    EXPECT_FALSE(header.hasAddresses());
    EXPECT_FALSE(header.destination.isSet());
  }
}

TEST(ProxyReaderV1, IsBoundedByItsLongestLine) {
  const std::string most = "PROXY UNKNOWN " + std::string(kLongestProxyV1 - 16, 'x') + "\r\n";
  ASSERT_EQ(most.size(), kLongestProxyV1);
  good(most);
  const std::string tooLong = "PROXY UNKNOWN " + std::string(kLongestProxyV1 - 15, 'x') + "\r\n";
  EXPECT_EQ(problemOf(tooLong), "line longer than 107 bytes");
  EXPECT_EQ(decidedAfter(tooLong), kLongestProxyV1);
  EXPECT_EQ(decidedAfter("PROXY UNKNOWN " + std::string(500, 'x')), kLongestProxyV1);
}

TEST(ProxyReaderV1, RefusesEveryOtherLine) {
  const std::string transport = "unknown transport protocol";
  const std::string fields = "not two addresses and two ports with single blanks";
  const std::string end = "line not ended by CR LF";
  const std::string source = "invalid source address", destination = "invalid destination address";
  const std::pair<std::string, std::string> cases[] = {
      {"PROXY TCP5 1.2.3.4 5.6.7.8 1 2\r\n", transport},
      {"PROXY tcp4 1.2.3.4 5.6.7.8 1 2\r\n", transport},
      {"PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n", transport},
      {"PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n", transport},
      {"PROXY TCP4\r\n", transport},
      {"PROXY TCP4\t1.2.3.4 5.6.7.8 1 2\r\n", transport},
      {"PROXY UNKNOWNS\r\n", transport},
      {"PROXY \r\n", transport},
      {"PROXY TCP4 \r\n", fields},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", fields},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 1 \r\n", fields},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n", fields},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", fields},
      {"PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n", fields},
      {"PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n", fields},
      {"PROXY TCP4 1.2.3.4 5.6.7.8  1 2\r\n", fields},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n", end},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r\n", end},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rx", end},
      {"PROXY UNKNOWN\n", end},
      {"PROXY UNKNOWN a\rb\r\n", end},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n", "invalid source port"},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n", "invalid source port"},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 4294967297 2\r\n", "invalid source port"},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n", "invalid source port"},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 +1 2\r\n", "invalid source port"},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 1 00\r\n", "invalid destination port"},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2a\r\n", "invalid destination port"},
      {"PROXY TCP4 1.2.3.4 5.6.7.8 1 \x32\t\r\n", "invalid destination port"},
      {"PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n", source},
      {"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", source},
      {"PROXY TCP4 1.2.3.256 5.6.7.8 1 2\r\n", source},
      {"PROXY TCP4 0x1.2.3.4 5.6.7.8 1 2\r\n", source},
      {"PROXY TCP4 localhost 5.6.7.8 1 2\r\n", source},
      {"PROXY TCP4 ::1 ::1 1 2\r\n", source},
      {"PROXY TCP4 1.2.3.4\0 5.6.7.8 1 2\r\n"s, source},
      {"PROXY TCP4 1.2.3.4 5.6.7.8. 1 2\r\n", destination},
      {"PROXY TCP4 1.2.3.4 ::1 1 2\r\n", destination},
      {"PROXY TCP6 1.2.3.4 ::1 1 2\r\n", source},
      {"PROXY TCP6 [::1] ::1 1 2\r\n", source},
      {"PROXY TCP6 fe80::1%lo ::1 1 2\r\n", source},
      {"PROXY TCP6 ::1 1::2::3 1 2\r\n", destination},
      {"PROXY TCP6 ::1 12345:: 1 2\r\n", destination},
      {"PROXY TCP6 ::1 1:2:3:4:5:6:7 1 2\r\n", destination},
  };
  for (const auto& [line, problem] : cases) EXPECT_EQ(problemOf(line), problem) << line;
}

TEST(ProxyReader, SaysAbsentAtTheFirstByteThatDiffers) {
  for (const std::string& signature : {"PROXY "s, kSignature}) {
    EXPECT_EQ(decidedAfter(signature), std::string::npos);
    for (size_t at = 0; at < signature.size(); ++at) {
      std::string bytes = signature;
      bytes[at] ^= 0x20;
      EXPECT_EQ(problemOf(bytes + "TCP4 and more"), "(absent)") << at;
      EXPECT_EQ(decidedAfter(bytes), at + 1);
    }
  }
  for (const std::string& bytes :
       {"\x16\x03\x01"s, "GET / HTTP/1.1\r\n\r\n"s, "PRI * HTTP/2.0"s, "SSH-2.0-x\r\n"s, "\0"s,
        "PROXYTCP4 1.2.3.4"s, "PROXY\r\n"s, "\r\n\r\nGET /"s})
    EXPECT_EQ(problemOf(bytes), "(absent)") << bytes;
}

// --- version 2 ----------------------------------------------------------------------------------

TEST(ProxyReaderV2, ReadsAddresses) {
  const ProxyHeader four = good(tcp4(""));
  EXPECT_EQ(four.version, 2);
  EXPECT_FALSE(four.local);
  EXPECT_EQ(four.source, kClient4);
  EXPECT_EQ(four.destination, kLocal4);
  EXPECT_EQ(four.tlvs, "");
  const std::string one = std::string(15, '\0') + '\x01';
  const ProxyHeader six =
      good(version2(0x21, 0x21, "\x20\x01\x0d\xb8"s + one.substr(4) + one + "\x00\x01\xff\xff"s));
  EXPECT_EQ(six.source, v6("2001:db8::1", 1));
  EXPECT_EQ(six.destination, v6("::1", 65535));
}

TEST(ProxyReaderV2, ReadsUnixAddresses) {
  const auto field = [](std::string text) { return text.append(108 - text.size(), '\0'); };
  const auto read = [&](const std::string& source, const std::string& destination) {
    return good(version2(0x21, 0x31, field(source) + field(destination)));
  };
  const ProxyHeader paths = read("/run/client", "/run/culvert.sock");
  EXPECT_EQ(paths.source, SocketAddress::unixPath("/run/client"));
  EXPECT_EQ(paths.destination, SocketAddress::unixPath("/run/culvert.sock"));
  const ProxyHeader unnamed = read("", "\0abstract\0name"s);
  EXPECT_TRUE(unnamed.hasAddresses());
  EXPECT_TRUE(unnamed.source.isUnix());
  EXPECT_EQ(unnamed.source.text(), "unix:");
  EXPECT_EQ(unnamed.destination.path(), "\0abstract\0name"s);
  const std::string full(108, 'p');
  const ProxyHeader longest = read(full, "/a\0garbage"s);
  EXPECT_EQ(longest.source.path(), full);
  EXPECT_EQ(longest.destination.path(), "/a");
}

TEST(ProxyReaderV2, LocalIsAProbeAndItsBlockIsIgnored) {
  for (const std::string& header :
       {version2(0x20, 0x00, ""), version2(0x20, 0x11, kTcp4Block), version2(0x20, 0xff, "rest"),
        version2(0x20, 0x21, ""), version2(0x20, 0x00, tlv(3, "abcd"))}) {
    const ProxyHeader probe = good(header);
    EXPECT_TRUE(probe.local);
    EXPECT_FALSE(probe.hasAddresses());
    EXPECT_EQ(probe.tlvs, "");
  }
}

TEST(ProxyReaderV2, WhatCulvertCannotUseGivesNoAddresses) {
  const std::string note = tlv(5, "id");
  for (const std::string& header :
       {version2(0x21, 0x00, note), version2(0x21, 0x01, note), version2(0x21, 0x02, note),
        version2(0x21, 0x10, kTcp4Block + note), version2(0x21, 0x12, kTcp4Block + note),
        version2(0x21, 0x22, std::string(36, 'a') + note),
        version2(0x21, 0x32, std::string(216, 'a') + note)}) {
    const ProxyHeader read = good(header);
    EXPECT_FALSE(read.local);
    EXPECT_FALSE(read.hasAddresses());
    EXPECT_EQ(read.tlvs, note);
  }
}

TEST(ProxyReaderV2, KeepsTlvsInTheirOrder) {
  const std::string ssl = tlv(0x20, "\x01\0\0\0\0"s + tlv(0x21, "TLSv1.3") + tlv(0x99, ""));
  const std::string first = tlv(1, "h2") + tlv(0xea, "\0\xff"s), second = ssl + tlv(2, "a.example");
  const std::string noop = tlv(4, "padding") + tlv(4, "");
  const ProxyHeader read = good(tcp4WithChecksum(noop + first + noop + second));
  EXPECT_EQ(read.tlvs, first + second);
  EXPECT_EQ(read.alpn, "h2");
  EXPECT_EQ(read.authority, "a.example");
}

TEST(ProxyReaderV2, UsesOnlyTextsThatAreClean) {
  const auto authority = [](const std::string& text) { return good(tcp4(tlv(2, text))).authority; };
  EXPECT_EQ(authority("b\xc3\xbc"
                      "cher.example"),
            "b\xc3\xbc"
            "cher.example");
  EXPECT_EQ(authority(std::string(255, 'a')), std::string(255, 'a'));
  for (const std::string& text :
       {std::string(256, 'a'), "a\0b"s, "a\nb"s, "\x7f"s, "\xc3"s, "\xc0\x80"s, "\xc2\x85"s})
    EXPECT_EQ(authority(text), "") << text;
  const auto alpn = [](const std::string& text) { return good(tcp4(tlv(1, text))).alpn; };
  EXPECT_EQ(alpn("http/1.1"), "http/1.1");
  for (const std::string& text : {std::string(256, 'a'), "h 2"s, "h2\0"s, "\xc3\xbc"s})
    EXPECT_EQ(alpn(text), "") << text;
  // The first TLV of a type counts, even if culvert cannot use it. All are passed on.
  const std::string two = tlv(1, "\n") + tlv(1, "h2") + tlv(2, "a") + tlv(2, "b");
  const ProxyHeader read = good(tcp4(two));
  EXPECT_EQ(read.alpn, "");
  EXPECT_EQ(read.authority, "a");
  EXPECT_EQ(read.tlvs, two);
}

TEST(ProxyReaderV2, RefusesEveryOtherHeader) {
  const std::string overrun = "a TLV is longer than the header";
  const std::string ssl = "invalid TLV of the TLS session";
  const std::string tooShort = "header too short for its addresses";
  const std::pair<std::string, std::string> cases[] = {
      {version2(0x11, 0x11, kTcp4Block), "unknown version"},
      {version2(0x31, 0x11, kTcp4Block), "unknown version"},
      {version2(0x22, 0x11, kTcp4Block), "unknown command"},
      {version2(0x2f, 0x11, kTcp4Block), "unknown command"},
      {version2(0x21, 0x41, kTcp4Block), "unknown address family"},
      {version2(0x21, 0xf1, kTcp4Block), "unknown address family"},
      {version2(0x21, 0x13, kTcp4Block), "unknown transport protocol"},
      {version2(0x21, 0x0f, kTcp4Block), "unknown transport protocol"},
      {version2(0x21, 0x11, kTcp4Block.substr(1)), tooShort},
      {version2(0x21, 0x11, ""), tooShort},
      {version2(0x21, 0x12, ""), tooShort},
      {version2(0x21, 0x21, std::string(35, 'a')), tooShort},
      {version2(0x21, 0x31, std::string(215, 'a')), tooShort},
      {tcp4("\x04"), overrun},
      {tcp4("\x04\0"s), overrun},
      {tcp4("\x04\0\x01"s), overrun},
      {tcp4(tlv(5, "id") + "\x05\xff\xff"), overrun},
      {version2(0x21, 0x00, "\x05\0"s), overrun},
      {tcp4(tlv(0x20, "")), ssl},
      {tcp4(tlv(0x20, "\x01\0\0\0"s)), ssl},
      {tcp4(tlv(0x20, "\x01\0\0\0\0\x21"s)), ssl},
      {tcp4(tlv(0x20, "\x01\0\0\0\0\x21\0\x02T"s)), ssl},
      {tcp4(tlv(3, "\0\0\0\0"s)), "wrong checksum"},
      {tcp4(tlv(3, "\0\0\0"s)), "invalid checksum TLV"},
      {tcp4(tlv(3, "\0\0\0\0\0"s)), "invalid checksum TLV"},
      {tcp4(tlv(3, "")), "invalid checksum TLV"},
  };
  for (const auto& [bytes, problem] : cases) EXPECT_EQ(problemOf(bytes), problem) << problem;
}

TEST(ProxyReaderV2, VerifiesTheChecksumOverEveryByte) {
  const std::string sound = tcp4WithChecksum(tlv(0xe5, "note"));
  good(sound);
  const size_t typeOfChecksum = sound.size() - 7;  // with another type, there is no checksum
  for (size_t at = 16; at < sound.size(); ++at) {
    if (at == typeOfChecksum) continue;
    std::string bytes = sound;
    bytes[at] ^= 0x01;
    EXPECT_NE(problemOf(bytes), "(complete)") << at;
  }
  // The checksum may stand before other TLVs, but only once.
  std::string early = tcp4(tlv(3, "\0\0\0\0"s) + tlv(5, "id"));
  uint8_t sum[4];
  putBigEndian(crc32c(asBytes(early)), sum);
  early.replace(16 + 12 + 3, 4, asText(sum));
  EXPECT_EQ(good(early).tlvs, tlv(5, "id"));
  std::string twice = tcp4(tlv(3, asText(sum)) + tlv(3, "\0\0\0\0"s));
  EXPECT_NE(problemOf(twice), "(complete)");
}

/// A header that haproxy 2.6 sent with `proxy-v2-options crc32c,unique-id`.
TEST(ProxyReaderV2, AgreesWithHaproxyAboutTheChecksum) {
  const auto bytes = decodeHex(
      "0d0a0d0a000d0a515549540a2111001e7f0000017f000001dc5abab9030004c444652105000869642d323338333"
      "1");
  ASSERT_TRUE(bytes);
  const ProxyHeader header = good(std::string(asText(*bytes)));
  EXPECT_EQ(header.source.text(), "127.0.0.1:56410");
  EXPECT_EQ(header.destination.text(), "127.0.0.1:47801");
  EXPECT_EQ(header.tlvs, tlv(5, "id-23831"));
}

TEST(ProxyReaderV2, IsBounded) {
  const size_t room = kLongestProxyHeader - 16 - 12 - 3;
  const std::string most = tcp4(tlv(5, std::string(room, 'x')));
  ASSERT_EQ(most.size(), kLongestProxyHeader);
  good(most);
  const std::string tooLong = tcp4(tlv(5, std::string(room + 1, 'x')));
  EXPECT_EQ(problemOf(tooLong), "header longer than 4096 bytes");
  EXPECT_EQ(decidedAfter(tooLong), 16u);
  EXPECT_EQ(problemOf(version2(0x20, 0, std::string(4081, 'x'))), "header longer than 4096 bytes");
}

TEST(ProxyReaderV2, DecidesBeforeTheHeaderIsComplete) {
  EXPECT_EQ(decidedAfter(kSignature + "\x11"), 13u);
  EXPECT_EQ(decidedAfter(kSignature + "\x21\x44"), 14u);
  EXPECT_EQ(decidedAfter(kSignature + "\x21\x11\0\x0b"s), 16u);
  EXPECT_EQ(decidedAfter(kSignature + "\x20\x44"), std::string::npos);
}

// --- what culvert builds ------------------------------------------------------------------------

TEST(ProxyReader, ReadsWhatCulvertBuilds) {
  const std::pair<SocketAddress, SocketAddress> pairs[] = {
      {kClient4, kLocal4},
      {v6("2001:db8::1", 1), v6("::1", 2)},
      {SocketAddress::unixPath("/a"), SocketAddress::unixPath("\0b"s)}};
  ProxyTlvs tlvs;
  tlvs.alpn = "h2";
  tlvs.authority = "a.example";
  tlvs.clientVerified = true;
  tlvs.clientUri = "spiffe://a/b";
  for (const auto& [client, local] : pairs) {
    const ProxyHeader two = good(proxyV2(client, local, tlvs));
    EXPECT_EQ(two.source, client);
    EXPECT_EQ(two.destination, local);
    EXPECT_EQ(two.alpn, "h2");
    EXPECT_EQ(two.authority, "a.example");
    const ProxyHeader one = good(proxyV1(client, local));
    EXPECT_EQ(one.source, client.isUnix() ? SocketAddress() : client);
    EXPECT_EQ(one.destination, client.isUnix() ? SocketAddress() : local);
  }
  const ProxyHeader mixed = good(proxyV2(kClient4, v6("::1", 1), tlvs));
  EXPECT_FALSE(mixed.hasAddresses());
  EXPECT_EQ(mixed.alpn, "h2");
}

}  // namespace
}  // namespace culvert
