// SPDX-License-Identifier: GPL-3.0-or-later
// What a ClientHello decides before wolfSSL sees it: the version, the certificate, and whether
// there is anything in common. Costs the same however many certificates a service has. No wolfSSL
// in here. Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "tls/endpoint/credential_set.h"
#include "tls/endpoint/tls_settings.h"
#include "tls/hello/client_hello.h"

namespace culvert {

struct HelloVerdict {
  uint16_t version = 0;  ///< the version that will be negotiated; 0: refuse with `alert`
  uint8_t alert = 0;
  std::string reason;     ///< "client offers TLS 1.0 only, service requires 1.2"
  size_t credential = 0;  ///< the index of the certificate that serves this client

  HelloVerdict() = default;
  HelloVerdict(uint16_t chosen, uint8_t sends, std::string why)
      : version(chosen), alert(sends), reason(std::move(why)) {}
  explicit operator bool() const { return version != 0; }
};

/// Version choice, TLS_FALLBACK_SCSV (RFC 7507), what RFC 8446 9.2 and 4.1.2 demand of a TLS 1.3
/// hello, the server name, the certificate, and a suite, a group and a protocol in common. A
/// refused hello costs no WOLFSSL.
HelloVerdict judgeHello(const ClientHello& hello, const TlsSettings& settings,
                        const CredentialSet& credentials);

/// Whether the client can verify this certificate's signatures and offers a suite of the settings
/// for its kind of key.
bool canServe(const ClientHello& hello, const TlsSettings& settings, uint16_t version,
              const CertificateInfo& leaf);

}  // namespace culvert
