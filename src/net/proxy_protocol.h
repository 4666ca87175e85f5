// SPDX-License-Identifier: GPL-3.0-or-later
// Builds PROXY protocol headers, versions 1 and 2 (HAProxy's proxy-protocol.txt). A header gives
// the backend the client's address and, in version 2, the parameters of the TLS session. The header
// is sent before any payload. Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "net/address.h"

namespace culvert {

/// What a version 2 header contains besides the addresses. A TLV is omitted if its text is empty or
/// longer than 255 bytes; clientSubject and clientUri may have up to 2048 bytes.
struct ProxyTlvs {
  std::string_view alpn;       ///< PP2_TYPE_ALPN: the protocol selected by ALPN
  std::string_view authority;  ///< PP2_TYPE_AUTHORITY: the client's server name (SNI)
  bool tls = true;  ///< true adds PP2_TYPE_SSL, which contains tlsVersion, cipher and clientCn
  std::string_view tlsVersion;  ///< PP2_SUBTYPE_SSL_VERSION: "TLSv1.3"
  std::string_view
      cipher;  ///< PP2_SUBTYPE_SSL_CIPHER: "ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"
  /// True if the client presented a certificate that was verified. Then the header has
  /// PP2_CLIENT_CERT_CONN and PP2_CLIENT_CERT_SESS, and the verify field is 0. If clientVerified is
  /// false, the four texts below are omitted. clientSubject, clientUri and clientFingerprint use
  /// TLV types that culvert defines.
  bool clientVerified = false;
  std::string clientCn{};           ///< PP2_SUBTYPE_SSL_CN
  std::string clientSubject{};      ///< 0xE0: "C=DE, O=Example, CN=device 7"
  std::string clientUri{};          ///< 0xE1: the first URI of the subjectAltName
  std::string clientFingerprint{};  ///< 0xE2: SHA-256 of the certificate, 32 bytes
};

/// Returns the version 1 header, for example `PROXY TCP4 <client> <local> <port> <port>\r\n`. For
/// UNIX addresses and mixed families, the header is `PROXY UNKNOWN\r\n`. The header has at most 107
/// bytes. `local` is the address that the client connected to.
std::string proxyV1(const SocketAddress& client, const SocketAddress& local);

/// Returns the version 2 header (binary) with the command PROXY. The family in the header is
/// AF_UNSPEC if `client` and `local` have different families. The verify field is 1 if no client
/// certificate was verified.
///
/// `received` are TLVs of a header that culvert received (ProxyHeader::tlvs); the new header passes
/// them on. A TLV that culvert writes itself replaces the received ones of its type. If culvert
/// replaces PP2_TYPE_SSL or writes the identity of a client, it also drops a received identity
/// (0xE0 to 0xE2). CRC32C, NOOP, an incomplete TLV, and a TLV for which the header has no room are
/// never passed on.
std::string proxyV2(const SocketAddress& client, const SocketAddress& local, const ProxyTlvs& tlvs,
                    std::string_view received = {});

/// Returns the header of a connection that is culvert's own and no client's, for example of a health
/// check: `PROXY UNKNOWN\r\n` in version 1, the command LOCAL in version 2.
std::string proxyLocalV1();
std::string proxyLocalV2();

}  // namespace culvert
