// SPDX-License-Identifier: GPL-3.0-or-later
// What one service wants of TLS, its certificates apart (credential_set.h). No wolfSSL in here.
// Thread: frozen.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "tls/certificate_info.h"
#include "tls/client_auth.h"
#include "tls/tls_names.h"

namespace culvert {

/// What one service wants of TLS. Frozen once it is shared. An empty list means the default.
struct TlsSettings {
  std::string service;  ///< binds tickets; also for messages
  uint16_t minVersion = kTls12;
  uint16_t maxVersion = kTls13;
  std::vector<uint16_t> ciphers;       ///< TLS 1.2 (checkCipherList)
  std::vector<uint16_t> ciphersuites;  ///< TLS 1.3 (checkCiphersuites)
  std::vector<uint16_t> groups;        ///< checkGroups; those the library lacks are skipped
  std::vector<std::string> alpn;       ///< empty: ALPN is not spoken
  bool sessionTickets = true;
  Millis ticketLifetime = std::chrono::hours(12);  ///< as told, and enforced on return
  bool strictSni = false;  ///< refuse a name that no certificate has, or none
  bool staple = false;     ///< OCSP responses beside the certificates are sent to who asks
  std::shared_ptr<const ClientAuth> clientAuth;  ///< nothing: clients are not asked

  const std::vector<uint16_t>& suites12() const;
  const std::vector<uint16_t>& suites13() const;
  const std::vector<uint16_t>& allGroups() const;
};

/// Errors of the settings as a whole (min above max, no suite for a version allowed, no group of
/// the library).
Result<void> checkTlsSettings(const TlsSettings& settings);

/// Whether a certificate with this kind of key can serve the suite.
bool suiteFitsKey(const SuiteInfo& suite, KeyType key);

}  // namespace culvert
