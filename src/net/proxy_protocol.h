// SPDX-License-Identifier: GPL-3.0-or-later
// Builds the PROXY protocol headers, versions 1 and 2 (HAProxy's proxy-protocol.txt). They give the
// backend the client's address and, in version 2, the parameters of the TLS session. The header is
// sent before any payload. Thread: any.
#pragma once

#include <string>
#include <string_view>

#include "net/address.h"

namespace culvert {

/// What version 2 contains besides the addresses. An empty text, or one longer than 255 bytes,
/// omits its TLV.
struct ProxyTlvs {
  std::string_view alpn;        ///< PP2_TYPE_ALPN: the protocol agreed on
  std::string_view authority;   ///< PP2_TYPE_AUTHORITY: the client's server name (SNI)
  bool tls = true;              ///< PP2_TYPE_SSL with PP2_CLIENT_SSL; contains the two below
  std::string_view tlsVersion;  ///< PP2_SUBTYPE_SSL_VERSION: "TLSv1.3"
  std::string_view
      cipher;  ///< PP2_SUBTYPE_SSL_CIPHER: "ECDHE-RSA-AES128-GCM-SHA256", "TLS_AES_128_GCM_SHA256"
  /// The client presented a certificate and it was verified: PP2_CLIENT_CERT_CONN,
  /// PP2_CLIENT_CERT_SESS, verify = 0. Otherwise the texts below are omitted. The last three use
  /// types of culvert's own.
  bool clientVerified = false;
  std::string clientCn{};           ///< PP2_SUBTYPE_SSL_CN
  std::string clientSubject{};      ///< 0xE0: "C=DE, O=Example, CN=device 7"
  std::string clientUri{};          ///< 0xE1: the first URI of the subjectAltName
  std::string clientFingerprint{};  ///< 0xE2: SHA-256 of the certificate, 32 bytes
};

/// `PROXY TCP4 <client> <local> <port> <port>\r\n`, at most 107 bytes; `PROXY UNKNOWN\r\n` for UNIX
/// and mixed families. `client` is the client's address, `local` the address that it connected to.
std::string proxyV1(const SocketAddress& client, const SocketAddress& local);

/// The binary form, command PROXY; AF_UNSPEC for mixed families. The verify field is 1 if no client
/// certificate was verified.
std::string proxyV2(const SocketAddress& client, const SocketAddress& local, const ProxyTlvs& tlvs);

}  // namespace culvert
