// SPDX-License-Identifier: GPL-3.0-or-later
// PROXY protocol headers as HAProxy's doc/proxy-protocol.txt specifies them (2.1 human-readable,
// 2.2 binary, 2.2.6 PP2_TYPE_SSL).
#include "net/proxy_protocol.h"

#include <fmt/format.h>

#include <cstdint>

#include "base/big_endian.h"
#include "base/bytes.h"

namespace culvert {
namespace {

constexpr std::string_view kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr char kVersion2CommandProxy = 0x21;

constexpr char kUnspec = 0x00;
constexpr char kTcp4 = 0x11;
constexpr char kTcp6 = 0x21;
constexpr char kUnixStream = 0x31;
constexpr size_t kUnixField = 108;

constexpr uint8_t kTypeAlpn = 0x01;
constexpr uint8_t kTypeAuthority = 0x02;
constexpr uint8_t kTypeSsl = 0x20;
constexpr uint8_t kSubtypeSslVersion = 0x21;
constexpr uint8_t kSubtypeSslCipher = 0x23;
constexpr uint8_t kSubtypeSslCn = 0x22;
constexpr uint8_t kClientSsl = 0x01, kClientCertConn = 0x02, kClientCertSess = 0x04;
// The types of culvert's own TLVs are in the range for custom types, from PP2_TYPE_MIN_CUSTOM
// (0xE0) to PP2_TYPE_MAX_CUSTOM (0xEF).
constexpr uint8_t kTypeSubject = 0xe0, kTypeUri = 0xe1, kTypeFingerprint = 0xe2;

constexpr size_t kMaxTlvText = 255;
constexpr size_t kMaxIdentity = 2048;  // the maximum length of a SPIFFE id

void appendU16(std::string& out, size_t value) { out.append(asText(u16Bytes(value))); }

void appendTlv(std::string& out, uint8_t type, std::string_view value) {
  out.push_back(char(type));
  appendU16(out, value.size());
  out.append(value);
}

void appendTextTlv(std::string& out, uint8_t type, std::string_view value,
                   size_t longest = kMaxTlvText) {
  if (!value.empty() && value.size() <= longest) appendTlv(out, type, value);
}

template <class T>
std::string_view rawBytesOf(const T& value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// Appends the path of a UNIX address, padded with zeros to 108 bytes. An unnamed socket gives only
/// zeros.
void appendUnixField(std::string& out, const SocketAddress& address) {
  std::string_view path = address.path().substr(0, kUnixField);
  out.append(path);
  out.append(kUnixField - path.size(), '\0');
}

std::string sslTlv(const ProxyTlvs& tlvs) {
  std::string value;
  const bool verified = tlvs.clientVerified;
  value.push_back(char(kClientSsl | (verified ? kClientCertConn | kClientCertSess : 0)));
  // The verify field is zero only if the client presented a certificate that was verified.
  value.append(3, '\0').push_back(verified ? '\0' : '\x01');
  appendTextTlv(value, kSubtypeSslVersion, tlvs.tlsVersion);
  if (verified) appendTextTlv(value, kSubtypeSslCn, tlvs.clientCn);
  appendTextTlv(value, kSubtypeSslCipher, tlvs.cipher);
  return value;
}

/// Appends the address block to `block` and returns the family byte. Copies the fields of each
/// sockaddr unchanged, because they are in network byte order already.
char appendAddresses(std::string& block, const SocketAddress& client, const SocketAddress& local) {
  if (client.family() != local.family()) return kUnspec;
  switch (client.family()) {
    case AF_INET:
      block.append(rawBytesOf(client.v4().sin_addr)).append(rawBytesOf(local.v4().sin_addr));
      block.append(rawBytesOf(client.v4().sin_port)).append(rawBytesOf(local.v4().sin_port));
      return kTcp4;
    case AF_INET6:
      block.append(rawBytesOf(client.v6().sin6_addr)).append(rawBytesOf(local.v6().sin6_addr));
      block.append(rawBytesOf(client.v6().sin6_port)).append(rawBytesOf(local.v6().sin6_port));
      return kTcp6;
    case AF_UNIX:
      appendUnixField(block, client);
      appendUnixField(block, local);
      return kUnixStream;
    default:
      return kUnspec;
  }
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

std::string proxyV2(const SocketAddress& client, const SocketAddress& local,
                    const ProxyTlvs& tlvs) {
  std::string block;
  const char family = appendAddresses(block, client, local);
  appendTextTlv(block, kTypeAlpn, tlvs.alpn);
  appendTextTlv(block, kTypeAuthority, tlvs.authority);
  if (tlvs.tls) appendTlv(block, kTypeSsl, sslTlv(tlvs));
  if (tlvs.clientVerified) {
    appendTextTlv(block, kTypeSubject, tlvs.clientSubject, kMaxIdentity);
    appendTextTlv(block, kTypeUri, tlvs.clientUri, kMaxIdentity);
    appendTextTlv(block, kTypeFingerprint, tlvs.clientFingerprint);
  }

  std::string header(kSignature);
  header.push_back(kVersion2CommandProxy);
  header.push_back(family);
  appendU16(header, block.size());
  return header + block;
}

}  // namespace culvert
