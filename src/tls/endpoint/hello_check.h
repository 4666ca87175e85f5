// SPDX-License-Identifier: GPL-3.0-or-later
// Judges a ClientHello before wolfSSL gets it. Chooses the version and the certificate, and checks
// that client and service have parameters in common. The CPU time does not depend on the number of
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
  uint16_t version = 0;  ///< the negotiated version; 0 if the hello is refused with `alert`
  uint8_t alert = 0;
  std::string reason;     ///< for example "client offers TLS 1.0 only, service requires 1.2"
  size_t credential = 0;  ///< the index of the certificate for this client

  HelloVerdict() = default;
  HelloVerdict(uint16_t chosen, uint8_t sends, std::string why)
      : version(chosen), alert(sends), reason(std::move(why)) {}
  explicit operator bool() const { return version != 0; }
};

/// Checks the version, TLS_FALLBACK_SCSV (RFC 7507), and the requirements of RFC 8446 9.2 and 4.1.2
/// for TLS 1.3. Then checks the server name and the certificate, and that client and service have a
/// suite, a group and a protocol in common. For a refused hello, culvert creates no WOLFSSL.
HelloVerdict judgeHello(const ClientHello& hello, const TlsSettings& settings,
                        const CredentialSet& credentials);

/// Returns whether the client can verify signatures of this certificate and offers a suite of
/// `settings` for the type of the certificate's key.
bool canServe(const ClientHello& hello, const TlsSettings& settings, uint16_t version,
              const CertificateInfo& leaf);

}  // namespace culvert
