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
#include "tls/peer_auth/peer_auth.h"
#include "tls/protocol/tls_names.h"
#include "tls/x509/certificate_info.h"

namespace culvert {

class KeyLog;

/// What one service wants of TLS. Frozen once it is shared. An empty list means the default.
struct TlsSettings {
  std::string service;  ///< binds tickets; also for messages
  uint16_t minVersion = kTls12;
  uint16_t maxVersion = kTls13;
  std::vector<uint16_t> ciphers;       ///< TLS 1.2 (checkCipherList)
  std::vector<uint16_t> ciphersuites;  ///< TLS 1.3 (checkCiphersuites)
  std::vector<uint16_t> groups;        ///< checkGroups
  std::vector<std::string> alpn;       ///< empty: ALPN is not spoken
  bool sessionTickets = true;
  Millis ticketLifetime = std::chrono::hours(12);  ///< as told, and enforced on return
  bool strictSni = false;  ///< refuse a name that no certificate has, or none
  bool staple = false;     ///< OCSP responses beside the certificates are sent to who asks
  std::shared_ptr<const PeerAuth> peerAuth;  ///< nothing: clients are not asked
  uint16_t recordSize = 16384;               ///< of records to the client; 0 = dynamic
  std::shared_ptr<KeyLog> keyLog;            ///< nullptr: none

  /// Equal settings share their contexts: a reload keeps the old object.
  bool operator==(const TlsSettings&) const = default;

  const std::vector<uint16_t>& suites12() const;
  const std::vector<uint16_t>& suites13() const;
  const std::vector<uint16_t>& allGroups() const;
};

/// Errors of the settings as a whole (min above max, no suite for a version allowed, no group of
/// the library).
Result<void> checkTlsSettings(const TlsSettings& settings);

/// Those of the groups that the library has. It must be initialised.
std::vector<uint16_t> groupsHere(const std::vector<uint16_t>& groups);

/// "TLS 1.3; ciphersuites ...; groups ...": what a client can negotiate.
std::string policyText(const TlsSettings& settings);

/// Whether a certificate with this kind of key can serve the suite.
bool suiteFitsKey(const SuiteInfo& suite, KeyType key);

}  // namespace culvert
