// SPDX-License-Identifier: GPL-3.0-or-later
// Decides about a ClientHello before wolfSSL gets it: the version, the certificate, and whether the
// client and the service have parameters in common. The cost does not depend on the number of
// certificates. Does not use wolfSSL. Thread: any.
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

/// Checks the version, TLS_FALLBACK_SCSV (RFC 7507), and for TLS 1.3 the requirements of RFC 8446
/// 9.2 and 4.1.2. Then checks the server name and the certificate, and that the client and the
/// service have a suite, a group and a protocol in common. culvert makes no WOLFSSL for a refused
/// hello.
HelloVerdict judgeHello(const ClientHello& hello, const TlsSettings& settings,
                        const CredentialSet& credentials);

/// Whether the client can verify signatures of this certificate and offers a suite of `settings`
/// for its key type.
bool canServe(const ClientHello& hello, const TlsSettings& settings, uint16_t version,
              const CertificateInfo& leaf);

}  // namespace culvert
