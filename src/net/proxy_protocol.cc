// SPDX-License-Identifier: GPL-3.0-or-later
// PROXY protocol headers as HAProxy's doc/proxy-protocol.txt specifies them (2.1 human-readable,
// 2.2 binary, 2.2.6 PP2_TYPE_SSL).
#include "net/proxy_protocol.h"

#include <fmt/format.h>

#include <bitset>
#include <cstdint>

#include "base/big_endian.h"
#include "base/bytes.h"
#include "net/proxy_tlv.h"

namespace culvert {
namespace {

constexpr char kVersion2CommandLocal = 0x20;
constexpr char kVersion2CommandProxy = 0x21;
constexpr uint8_t kClientSsl = 0x01, kClientCertConn = 0x02, kClientCertSess = 0x04;

constexpr size_t kMaxIdentity = 2048;  // the maximum length of a SPIFFE id
constexpr size_t kMaxBlock = 0xffff;   // the maximum of the length field

void appendU16(std::string& out, size_t value) { out.append(asText(u16Bytes(value))); }

void appendTlv(std::string& out, uint8_t type, std::string_view value) {
  out.push_back(char(type));
  appendU16(out, value.size());
  out.append(value);
}

void appendTextTlv(std::string& out, uint8_t type, std::string_view value,
                   size_t longest = pp2::kMaxTlvText) {
  if (!value.empty() && value.size() <= longest) appendTlv(out, type, value);
}

template <class T>
std::string_view rawBytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// Appends the path of a UNIX address, padded with zeros to 108 bytes. An unnamed socket gives only
/// zeros.
void appendUnixField(std::string& out, const SocketAddress& address) {
  std::string_view path = address.path().substr(0, pp2::kUnixField);
  out.append(path);
  out.append(pp2::kUnixField - path.size(), '\0');
}

std::string sslTlv(const ProxyTlvs& tlvs) {
  std::string value;
  const bool verified = tlvs.clientVerified;
  value.push_back(char(kClientSsl | (verified ? kClientCertConn | kClientCertSess : 0)));
  // The verify field is zero only if the client presented a certificate that was verified.
  value.append(3, '\0').push_back(verified ? '\0' : '\x01');
  appendTextTlv(value, pp2::kSslVersion, tlvs.tlsVersion);
  if (verified) appendTextTlv(value, pp2::kSslCn, tlvs.clientCn);
  appendTextTlv(value, pp2::kSslCipher, tlvs.cipher);
  return value;
}

/// Appends the address block to `block` and returns the family byte. Copies the fields of each
/// sockaddr unchanged, because they are in network byte order already.
uint8_t appendAddresses(std::string& block, const SocketAddress& client,
                        const SocketAddress& local) {
  if (client.family() != local.family()) return pp2::kUnspec;
  switch (client.family()) {
    case AF_INET:
      block.append(rawBytesOf(client.v4().sin_addr)).append(rawBytesOf(local.v4().sin_addr));
      block.append(rawBytesOf(client.v4().sin_port)).append(rawBytesOf(local.v4().sin_port));
      return pp2::kTcp4;
    case AF_INET6:
      block.append(rawBytesOf(client.v6().sin6_addr)).append(rawBytesOf(local.v6().sin6_addr));
      block.append(rawBytesOf(client.v6().sin6_port)).append(rawBytesOf(local.v6().sin6_port));
      return pp2::kTcp6;
    case AF_UNIX:
      appendUnixField(block, client);
      appendUnixField(block, local);
      return pp2::kUnixStream;
    default:
      return pp2::kUnspec;
  }
}

/// The TLVs that describe culvert's own end.
std::string ownTlvs(const ProxyTlvs& tlvs) {
  std::string own;
  appendTextTlv(own, pp2::kAlpn, tlvs.alpn);
  appendTextTlv(own, pp2::kAuthority, tlvs.authority);
  if (tlvs.tls) appendTlv(own, pp2::kSsl, sslTlv(tlvs));
  if (tlvs.clientVerified) {
    appendTextTlv(own, pp2::kSubject, tlvs.clientSubject, kMaxIdentity);
    appendTextTlv(own, pp2::kUri, tlvs.clientUri, kMaxIdentity);
    appendTextTlv(own, pp2::kFingerprint, tlvs.clientFingerprint);
  }
  return own;
}

using TlvTypes = std::bitset<256>;

TlvTypes typesIn(std::string_view tlvs) {
  TlvTypes types;
  pp2::Tlv tlv;
  while (pp2::takeTlv(tlvs, tlv)) types.set(tlv.type);
  return types;
}

/// Appends the received TLVs that still hold. The types of a client's identity belong to the TLS
/// session of the same header, so they are dropped with that session's PP2_TYPE_SSL. An identity
/// that culvert verified itself replaces them too: the parts of two identities must not mix.
void appendReceived(std::string& block, std::string_view own, bool ownIdentity,
                    std::string_view received) {
  TlvTypes dropped = typesIn(own);
  if (ownIdentity || (dropped.test(pp2::kSsl) && typesIn(received).test(pp2::kSsl)))
    dropped.set(pp2::kSubject).set(pp2::kUri).set(pp2::kFingerprint);
  dropped.set(pp2::kCrc32c).set(pp2::kNoop);
  pp2::Tlv tlv;
  while (pp2::takeTlv(received, tlv))
    if (!dropped.test(tlv.type) && block.size() + tlv.whole.size() <= kMaxBlock) block += tlv.whole;
}

/// Like SocketAddress::hostText(), but without the IPv6 zone, because the receiver's interfaces
/// have other names.
std::string plainHost(const SocketAddress& address) {
  std::string host = address.hostText();
  return host.substr(0, host.find('%'));
}

}  // namespace

std::string proxyV1(const SocketAddress& client, const SocketAddress& local) {
  const char* family = client.isIpv4() ? "TCP4" : "TCP6";
  if (client.family() != local.family() || !(client.isIpv4() || client.isIpv6()))
    return "PROXY UNKNOWN\r\n";
  return fmt::format("PROXY {} {} {} {} {}\r\n", family, plainHost(client), plainHost(local),
                     client.port(), local.port());
}

std::string proxyV2(const SocketAddress& client, const SocketAddress& local, const ProxyTlvs& tlvs,
                    std::string_view received) {
  std::string block;
  const uint8_t family = appendAddresses(block, client, local);
  const std::string own = ownTlvs(tlvs);
  block += own;
  appendReceived(block, own, tlvs.clientVerified, received);

  std::string header(pp2::kSignature);
  header.push_back(kVersion2CommandProxy);
  header.push_back(char(family));
  appendU16(header, block.size());
  return header + block;
}

std::string proxyLocalV1() { return "PROXY UNKNOWN\r\n"; }

std::string proxyLocalV2() {
  std::string header(pp2::kSignature);
  header.push_back(kVersion2CommandLocal);
  header.push_back(char(pp2::kUnspec));
  appendU16(header, 0);
  return header;
}

}  // namespace culvert
