// SPDX-License-Identifier: GPL-3.0-or-later
// The TLS settings of one service, without its certificates (credential_set.h). Does not use
// wolfSSL. Thread: frozen.
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

/// The TLS settings of one service. Frozen once shared. An empty list means the default.
struct TlsSettings {
  std::string service;  ///< tickets are bound to this name; messages contain it
  uint16_t minVersion = kTls12;
  uint16_t maxVersion = kTls13;
  std::vector<uint16_t> ciphers;       ///< TLS 1.2 (checkCipherList)
  std::vector<uint16_t> ciphersuites;  ///< TLS 1.3 (checkCiphersuites)
  std::vector<uint16_t> groups;        ///< checkGroups
  std::vector<std::string> alpn;       ///< empty: no ALPN
  bool sessionTickets = true;
  Millis ticketLifetime = std::chrono::hours(12);  ///< sent to clients and enforced by culvert
  bool strictSni = false;                    ///< refuse clients with an unknown server name or none
  bool staple = false;                       ///< send OCSP responses to clients that request them
  std::shared_ptr<const PeerAuth> peerAuth;  ///< nullptr: no client certificates
  uint16_t recordSize = 16384;               ///< most payload of a record to the client; 0: dynamic
  std::shared_ptr<KeyLog> keyLog;            ///< nullptr: no key log

  /// Compares the settings. If they are equal, a reload keeps the old object, so that its contexts
  /// are kept too.
  bool operator==(const TlsSettings&) const = default;

  const std::vector<uint16_t>& suites12() const;
  const std::vector<uint16_t>& suites13() const;
  const std::vector<uint16_t>& allGroups() const;
};

/// Checks the settings as a whole. Errors: min-version is above max-version, no suite is allowed
/// for a version, or wolfSSL supports none of the groups.
Result<void> checkTlsSettings(const TlsSettings& settings);

/// Returns the members of `groups` that wolfSSL supports. wolfSSL must be initialised.
std::vector<uint16_t> groupsHere(const std::vector<uint16_t>& groups);

/// "TLS 1.3; ciphersuites ...; groups ...": what a client can negotiate.
std::string policyText(const TlsSettings& settings);

/// Whether a certificate with this kind of key can serve the suite.
bool suiteFitsKey(const SuiteInfo& suite, KeyType key);

}  // namespace culvert
