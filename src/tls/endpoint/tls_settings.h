// SPDX-License-Identifier: GPL-3.0-or-later
// The TLS settings of one service, without its certificates. For the certificates see
// credential_set.h. Does not use wolfSSL. Thread: frozen.
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

/// The TLS settings of one service. Frozen once shared. Where a list is empty, the default applies.
struct TlsSettings {
  std::string service;  ///< used in messages; tickets are bound to this name
  uint16_t minVersion = kTls12;
  uint16_t maxVersion = kTls13;
  std::vector<uint16_t> ciphers;       ///< TLS 1.2 suites, checked by checkCipherList()
  std::vector<uint16_t> ciphersuites;  ///< TLS 1.3 suites, checked by checkCiphersuites()
  std::vector<uint16_t> groups;        ///< checked by checkGroups()
  std::vector<std::string> alpn;       ///< empty if the service does not use ALPN
  bool sessionTickets = true;
  Millis ticketLifetime = std::chrono::hours(12);  ///< told to clients and enforced at resumption
  bool strictSni = false;                          ///< refuse clients without a known server name
  bool staple = false;                       ///< send OCSP responses to clients that request them
  std::shared_ptr<const PeerAuth> peerAuth;  ///< nullptr if no client certificates are requested
  uint16_t recordSize = 16384;               ///< most payload in one record; 0 means dynamic
  std::shared_ptr<KeyLog> keyLog;            ///< nullptr if no key log is written

  /// If a reload does not change the settings, culvert keeps the old object and the contexts made
  /// from that object.
  bool operator==(const TlsSettings&) const = default;

  const std::vector<uint16_t>& suites12() const;
  const std::vector<uint16_t>& suites13() const;
  const std::vector<uint16_t>& allGroups() const;
};

/// Checks the settings as a whole. Fails if min-version is above max-version, if a version has no
/// allowed suite, or if wolfSSL supports none of the groups.
Result<void> checkTlsSettings(const TlsSettings& settings);

/// Returns the members of `groups` that wolfSSL supports. wolfSSL must be initialised before.
std::vector<uint16_t> groupsHere(const std::vector<uint16_t>& groups);

/// Returns what a client can negotiate, for example "TLS 1.3; ciphersuites ...; groups ...".
std::string policyText(const TlsSettings& settings);

/// Returns whether a certificate with a key of the type `key` can serve the suite.
bool suiteFitsKey(const SuiteInfo& suite, KeyType key);

}  // namespace culvert
