// SPDX-License-Identifier: GPL-3.0-or-later
// Decides as soon as a byte cannot belong to a header. Decodes addresses only when the header is
// complete, as the specification demands.
#include "net/proxy_reader.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <optional>
#include <utility>

#include "base/ascii.h"
#include "base/big_endian.h"
#include "base/bytes.h"
#include "base/crc32c.h"
#include "base/utf8.h"
#include "net/proxy_tlv.h"

namespace culvert {
namespace {

constexpr std::string_view kSignatureV1 = "PROXY ";
constexpr uint8_t kCommandLocal = 0, kCommandProxy = 1;
constexpr size_t kAddressBlocks[] = {0, 12, 36, 2 * pp2::kUnixField};  // by family
constexpr uint8_t kMostFamily = 3, kMostTransport = 2;

constexpr ProxyRead kMoreOfProxy{ProxyStatus::kNeedMore};

constexpr ProxyRead malformedProxy(std::string_view problem) {
  return {ProxyStatus::kMalformed, 0, problem};
}

bool agree(std::string_view a, std::string_view b) {
  const size_t both = std::min(a.size(), b.size());
  return a.substr(0, both) == b.substr(0, both);
}

// --- version 1 ----------------------------------------------------------------------------------

/// Splits `text` at single blanks into exactly four fields.
std::optional<std::array<std::string, 4>> fourFields(std::string_view text) {
  std::array<std::string, 4> fields;
  for (size_t i = 0; i < fields.size(); ++i) {
    const size_t blank = text.find(' ');
    const bool last = i + 1 == fields.size();
    if (last != (blank == text.npos)) return std::nullopt;
    fields[i] = text.substr(0, blank);
    if (fields[i].empty()) return std::nullopt;
    text.remove_prefix(last ? text.size() : blank + 1);
  }
  return fields;
}

std::optional<uint16_t> proxyPort(std::string_view text) {
  if (text.size() > 5 || !std::ranges::all_of(text, [](char c) { return isDigit(c); })) return {};
  if (text.size() > 1 && text.front() == '0') return {};
  uint32_t port = 0;
  for (const char c : text) port = port * 10 + static_cast<uint32_t>(c - '0');
  if (port > 65535) return {};
  return static_cast<uint16_t>(port);
}

/// Parses an IPv4 address in its canonical form, or an IPv6 address without zone.
SocketAddress proxyHost(const std::string& text, bool v6, uint16_t port) {
  // inet_pton() stops at a NUL byte, so check the characters first.
  if (!std::ranges::all_of(text, [](char c) {
        return isDigit(c) || (lower(c) >= 'a' && lower(c) <= 'f') || c == ':' || c == '.';
      }))
    return {};
  if (v6) {
    in6_addr host;
    if (inet_pton(AF_INET6, text.c_str(), &host) != 1) return {};
    return SocketAddress::ipv6(host, port);
  }
  in_addr host;
  if (inet_pton(AF_INET, text.c_str(), &host) != 1) return {};
  const SocketAddress address = SocketAddress::ipv4(ntohl(host.s_addr), port);
  return address.hostText() == text ? address : SocketAddress();
}

/// Sets the addresses of `header`. Two IPv4-mapped addresses become IPv4 addresses, so that logs
/// and rules show one form. If only one is mapped, both stay as they are: a header that culvert
/// sends cannot contain two families.
void setProxyAddresses(ProxyHeader& header, const SocketAddress& source,
                       const SocketAddress& destination) {
  const auto unmapped = [](const SocketAddress& address) {
    return SocketAddress::fromSockaddr(address.get(), address.length());
  };
  header.source = unmapped(source);
  header.destination = unmapped(destination);
  if (header.source.family() == header.destination.family()) return;
  header.source = source;
  header.destination = destination;
}

/// Decodes a complete line without its CR LF and without "PROXY ".
std::string_view decodeLine(std::string_view line, ProxyHeader& header) {
  constexpr std::string_view kUnknown = "UNKNOWN";
  if (line == kUnknown || line.starts_with("UNKNOWN ")) return {};
  const bool v6 = line.starts_with("TCP6 ");
  if (!v6 && !line.starts_with("TCP4 ")) return "unknown transport protocol";
  const auto fields = fourFields(line.substr(5));
  if (!fields) return "not two addresses and two ports with single blanks";
  const auto sourcePort = proxyPort((*fields)[2]), destinationPort = proxyPort((*fields)[3]);
  if (!sourcePort) return "invalid source port";
  if (!destinationPort) return "invalid destination port";
  const SocketAddress source = proxyHost((*fields)[0], v6, *sourcePort);
  const SocketAddress destination = proxyHost((*fields)[1], v6, *destinationPort);
  if (!source.isSet()) return "invalid source address";
  if (!destination.isSet()) return "invalid destination address";
  setProxyAddresses(header, source, destination);
  return {};
}

ProxyRead readVersion1(std::string_view bytes, ProxyHeader& out) {
  const std::string_view rest = bytes.substr(kSignatureV1.size());
  if (!agree(rest, "TCP4 ") && !agree(rest, "TCP6 ") && !agree(rest, "UNKNOWN"))
    return malformedProxy("unknown transport protocol");
  const std::string_view head = bytes.substr(0, kLongestProxyV1);
  const size_t end = head.find_first_of("\r\n");
  if (end == head.npos || end + 1 == head.size()) {
    if (head.size() == kLongestProxyV1) return malformedProxy("line longer than 107 bytes");
    if (end == head.npos || head[end] == '\r') return kMoreOfProxy;
  }
  if (head[end] != '\r' || head[end + 1] != '\n') return malformedProxy("line not ended by CR LF");
  ProxyHeader header;
  header.version = 1;
  const std::string_view problem =
      decodeLine(bytes.substr(kSignatureV1.size(), end - kSignatureV1.size()), header);
  if (!problem.empty()) return malformedProxy(problem);
  out = std::move(header);
  return {ProxyStatus::kComplete, end + 2};
}

// --- version 2 ----------------------------------------------------------------------------------

/// Reads the 108 bytes of a UNIX address. A path ends at its first NUL. The name of an abstract
/// socket begins with a NUL, and NULs at its end are padding.
SocketAddress proxyUnix(std::string_view field) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  size_t length = field.find('\0');
  if (length == 0) {
    const size_t last = field.find_last_not_of('\0');
    length = last == field.npos ? 0 : last + 1;
  }
  length = std::min(length, field.size());
  static_assert(sizeof address.sun_path == pp2::kUnixField);
  std::memcpy(address.sun_path, field.data(), length);
  const bool path = length != 0 && length < field.size() && field.front() != '\0';
  return SocketAddress::fromSockaddr(
      reinterpret_cast<const sockaddr*>(&address),
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + (path ? 1 : 0)));
}

void decodeBlock(uint8_t family, std::span<const uint8_t> block, ProxyHeader& header) {
  const auto v6 = [&](size_t at, uint16_t port) {
    in6_addr host;
    std::memcpy(&host, block.data() + at, sizeof host);
    return SocketAddress::ipv6(host, port);
  };
  switch (family) {
    case pp2::kTcp4:
      header.source = SocketAddress::ipv4(u32At(block, 0), u16At(block, 8));
      header.destination = SocketAddress::ipv4(u32At(block, 4), u16At(block, 10));
      break;
    case pp2::kTcp6:
      setProxyAddresses(header, v6(0, u16At(block, 32)), v6(16, u16At(block, 34)));
      break;
    case pp2::kUnixStream:
      header.source = proxyUnix(asText(block.first(pp2::kUnixField)));
      header.destination = proxyUnix(asText(block.subspan(pp2::kUnixField, pp2::kUnixField)));
      break;
    default:  // unspecified, or datagrams: the addresses of the socket count
      break;
  }
}

bool isAuthority(std::string_view text) {
  if (text.size() > pp2::kMaxTlvText) return false;
  while (!text.empty()) {
    const Utf8CodePoint next = readUtf8(text);
    if (next.bytes == 0 || isControl(next.value)) return false;
    text.remove_prefix(next.bytes);
  }
  return true;
}

bool isVisibleAscii(std::string_view text) {
  return text.size() <= pp2::kMaxTlvText &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

/// True if the value of PP2_TYPE_SSL has its fixed part and complete TLVs behind it.
bool isSslValue(std::string_view value) {
  constexpr size_t kClientAndVerify = 5;
  if (value.size() < kClientAndVerify) return false;
  value.remove_prefix(kClientAndVerify);
  pp2::Tlv tlv;
  while (!value.empty())
    if (!pp2::takeTlv(value, tlv)) return false;
  return true;
}

/// Returns the checksum of `header` with the four bytes of `field`, a part of `header`, as zeros.
uint32_t checksumWithout(std::span<const uint8_t> header, std::string_view field) {
  constexpr uint8_t kZeros[4] = {};
  const auto at = static_cast<size_t>(asBytes(field).data() - header.data());
  const uint32_t before = crc32c(kZeros, crc32c(header.first(at)));
  return crc32c(header.subspan(at + sizeof kZeros), before);
}

/// Walks through the TLVs behind the addresses, which have to fill the header exactly.
std::string_view decodeTlvs(std::span<const uint8_t> whole, size_t start, ProxyHeader& header) {
  std::string_view rest = asText(whole.subspan(start));
  bool hasAlpn = false, hasAuthority = false, hasChecksum = false;
  pp2::Tlv tlv;
  while (!rest.empty()) {
    if (!pp2::takeTlv(rest, tlv)) return "a TLV is longer than the header";
    if (tlv.type == pp2::kNoop) continue;
    if (tlv.type == pp2::kCrc32c) {
      if (tlv.value.size() != 4 || std::exchange(hasChecksum, true)) return "invalid checksum TLV";
      if (u32At(asBytes(tlv.value), 0) != checksumWithout(whole, tlv.value))
        return "wrong checksum";
      continue;
    }
    if (tlv.type == pp2::kSsl && !isSslValue(tlv.value)) return "invalid TLV of the TLS session";
    if (tlv.type == pp2::kAlpn && !std::exchange(hasAlpn, true) && isVisibleAscii(tlv.value))
      header.alpn = tlv.value;
    if (tlv.type == pp2::kAuthority && !std::exchange(hasAuthority, true) && isAuthority(tlv.value))
      header.authority = tlv.value;
    header.tlvs += tlv.whole;
  }
  return {};
}

/// Checks the fixed part as far as it has been received. Returns what is wrong, or nothing.
std::string_view fixedPartProblem(std::span<const uint8_t> bytes) {
  constexpr size_t kVersionAt = 12, kFamilyAt = 13;
  if (bytes.size() <= kVersionAt) return {};
  const uint8_t command = bytes[kVersionAt] & 0x0f;
  if (bytes[kVersionAt] >> 4 != 2) return "unknown version";
  if (command > kCommandProxy) return "unknown command";
  if (bytes.size() <= kFamilyAt) return {};
  const uint8_t family = bytes[kFamilyAt] >> 4, transport = bytes[kFamilyAt] & 0x0f;
  const bool local = command == kCommandLocal;  // its family and addresses are ignored
  if (!local && family > kMostFamily) return "unknown address family";
  if (!local && transport > kMostTransport) return "unknown transport protocol";
  if (bytes.size() < pp2::kFixedPart) return {};
  const size_t length = u16At(bytes, 14);
  if (pp2::kFixedPart + length > kLongestProxyHeader) return "header longer than 4096 bytes";
  if (!local && length < kAddressBlocks[family]) return "header too short for its addresses";
  return {};
}

ProxyRead readVersion2(std::span<const uint8_t> bytes, ProxyHeader& out) {
  if (const auto problem = fixedPartProblem(bytes); !problem.empty())
    return malformedProxy(problem);
  if (bytes.size() < pp2::kFixedPart) return kMoreOfProxy;
  const size_t total = pp2::kFixedPart + u16At(bytes, 14);
  if (bytes.size() < total) return kMoreOfProxy;
  ProxyHeader header;
  header.version = 2;
  header.local = (bytes[12] & 0x0f) == kCommandLocal;
  if (!header.local) {
    const auto whole = bytes.first(total);
    decodeBlock(bytes[13], whole.subspan(pp2::kFixedPart), header);
    const size_t start = pp2::kFixedPart + kAddressBlocks[bytes[13] >> 4];
    if (const auto problem = decodeTlvs(whole, start, header); !problem.empty())
      return malformedProxy(problem);
  }
  out = std::move(header);
  return {ProxyStatus::kComplete, total};
}

}  // namespace

ProxyRead readProxyHeader(std::span<const uint8_t> bytes, ProxyHeader& out) {
  const std::string_view text = asText(bytes);
  if (text.empty()) return kMoreOfProxy;
  const bool version1 = text.front() == kSignatureV1.front();
  const std::string_view signature = version1 ? kSignatureV1 : pp2::kSignature;
  if (!agree(text, signature)) return {ProxyStatus::kAbsent};
  if (text.size() <= signature.size()) return kMoreOfProxy;
  return version1 ? readVersion1(text, out) : readVersion2(bytes, out);
}

}  // namespace culvert
