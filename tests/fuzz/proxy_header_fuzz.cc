// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes received PROXY headers. The reader gives the same result for every prefix once it has
// decided, never reads beyond the header, and stays within its bounds. A header that culvert builds
// from what it read is read back equal. Bytes that are not a header become addresses and TLVs of
// one.
//
// modules: net
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string>

#include "base/bytes.h"
#include "net/proxy_protocol.h"
#include "net/proxy_reader.h"
#include "net/proxy_tlv.h"

namespace {

using namespace culvert;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Reads a copy of exactly these bytes, so that the sanitizer finds every access beyond them.
ProxyRead readCopy(std::span<const uint8_t> bytes, ProxyHeader& out) {
  const std::unique_ptr<uint8_t[]> copy(new uint8_t[bytes.size()]);
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  return readProxyHeader({copy.get(), bytes.size()}, out);
}

void checkPrefix(std::span<const uint8_t> bytes, size_t cut, const ProxyRead& whole,
                 const ProxyHeader& header) {
  ProxyHeader part;
  const ProxyRead read = readCopy(bytes.first(cut), part);
  if (read.status == ProxyStatus::kNeedMore) {
    require(cut < kLongestProxyHeader);
    require(whole.status != ProxyStatus::kComplete || cut < whole.consumed);
    require(part == ProxyHeader());
  } else {
    require(read == whole);
    require(part == header);
  }
}

/// Every prefix at the start of a header, some of the rest, and those beside the known limits.
void checkPrefixes(std::span<const uint8_t> bytes, const ProxyRead& whole,
                   const ProxyHeader& header) {
  for (size_t cut = 0; cut < bytes.size(); cut += cut < 32 ? 1 : 1 + cut / 3)
    checkPrefix(bytes, cut, whole, header);
  for (const size_t limit : {whole.consumed, kLongestProxyV1, kLongestProxyHeader})
    for (size_t cut = limit - std::min<size_t>(limit, 2); cut <= limit + 1; ++cut)
      if (cut <= bytes.size()) checkPrefix(bytes, cut, whole, header);
}

void checkTexts(const ProxyHeader& header) {
  require(header.authority.size() <= pp2::kMaxTlvText && header.alpn.size() <= pp2::kMaxTlvText);
  for (const char c : header.authority + header.alpn)
    require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
  require(header.tlvs.size() <= kLongestProxyHeader);
  require(header.source.isSet() == header.destination.isSet());
  require(!header.local || (!header.hasAddresses() && header.tlvs.empty()));
  require(header.version == 2 || header.tlvs.empty());
}

/// Builds both versions from the header and reads them back.
void checkRoundTrip(const ProxyHeader& header) {
  ProxyTlvs none;
  none.tls = false;
  ProxyHeader again;
  const std::string two = proxyV2(header.source, header.destination, none, header.tlvs);
  if (two.size() <= kLongestProxyHeader) {  // an IPv4 pair may have come from a shorter line
    const ProxyRead read = readCopy(asBytes(two), again);
    require(read.status == ProxyStatus::kComplete && read.consumed == two.size());
    require(again.source == header.source && again.destination == header.destination);
    require(again.tlvs == header.tlvs);
    require(again.alpn == header.alpn && again.authority == header.authority);
    require(again.version == 2 && !again.local);
  }
  const std::string one = proxyV1(header.source, header.destination);
  const ProxyRead read = readCopy(asBytes(one), again);
  require(one.size() <= kLongestProxyV1);
  require(read.status == ProxyStatus::kComplete && read.consumed == one.size());
  require(again.version == 1 && !again.local);
  const bool words = header.source.isIpv4() || header.source.isIpv6();
  require(again.source == (words ? header.source : SocketAddress()));
  require(again.destination == (words ? header.destination : SocketAddress()));
}

/// Any bytes may be received TLVs: the header is valid, and culvert's own TLVs are in it.
void checkReceived(std::span<const uint8_t> bytes) {
  ProxyTlvs own;
  own.alpn = "h2";
  own.clientVerified = !bytes.empty() && (bytes[0] & 1) != 0;
  own.clientUri = "spiffe://a/b";
  const SocketAddress address = SocketAddress::ipv4(0x7f000001, 1);
  const std::string built = proxyV2(address, address, own, asText(bytes));
  require(built.size() <= pp2::kFixedPart + 0xffff);
  require(u16At(asBytes(built), 14) == built.size() - pp2::kFixedPart);
  std::string_view rest = std::string_view(built).substr(pp2::kFixedPart + 12);
  int alpn = 0, session = 0, uri = 0;
  pp2::Tlv tlv;
  while (!rest.empty()) {
    require(pp2::takeTlv(rest, tlv));
    require(tlv.type != pp2::kNoop && tlv.type != pp2::kCrc32c);
    alpn += tlv.type == pp2::kAlpn;
    session += tlv.type == pp2::kSsl;
    uri += tlv.type == pp2::kUri;
  }
  require(alpn == 1 && session == 1 && (!own.clientVerified || uri == 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  ProxyHeader header;
  const ProxyRead whole = readCopy(bytes, header);
  require(whole.consumed <= size);
  require((whole.status == ProxyStatus::kComplete) == (whole.consumed != 0));
  require((whole.status == ProxyStatus::kMalformed) == !whole.problem.empty());
  require(whole.status != ProxyStatus::kNeedMore || size < kLongestProxyHeader);
  require(whole.status == ProxyStatus::kComplete || header == ProxyHeader());
  checkPrefixes(bytes, whole, header);
  if (whole.status == ProxyStatus::kComplete) {
    checkTexts(header);
    if (!header.local) checkRoundTrip(header);
  }
  checkReceived(bytes);
  return 0;
}
