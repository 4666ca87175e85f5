// SPDX-License-Identifier: GPL-3.0-or-later
// What one service wants of TLS: TlsSettings with its CredentialSet, and the verdict on a
// ClientHello that follows from them before wolfSSL sees a byte. No wolfSSL in here. Thread:
// frozen.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "tls/client_hello.h"
#include "tls/credentials.h"
#include "tls/tls_names.h"

namespace culvert {

/// The certificates of one service, in the order of the configuration. Frozen.
class CredentialSet {
 public:
  CredentialSet() = default;
  explicit CredentialSet(std::vector<std::shared_ptr<const Credentials>> list)
      : list_(std::move(list)) {}

  /// The index of the credential for this client. Must not be called on an empty set. Among those
  /// whose key type the client can verify: an exact name, then a wildcard, then the first; of equal
  /// ones ECDSA before the others, then the order of the configuration.
  size_t select(const ClientHello& hello, uint16_t version) const;

  const Credentials& operator[](size_t index) const { return *list_[index]; }
  const std::vector<std::shared_ptr<const Credentials>>& list() const { return list_; }
  size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }

 private:
  std::vector<std::shared_ptr<const Credentials>> list_;
};

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
  CredentialSet credentials;

  const std::vector<uint16_t>& suites12() const;
  const std::vector<uint16_t>& suites13() const;
  const std::vector<uint16_t>& allGroups() const;
};

/// Errors of the settings as a whole (min above max, no suite for a version allowed, no group of
/// the library).
Result<void> checkTlsSettings(const TlsSettings& settings);

/// Whether a certificate with this kind of key can serve the suite.
bool suiteFitsKey(const SuiteInfo& suite, KeyType key);

/// What culvert can say about a hello before wolfSSL sees it.
struct HelloVerdict {
  uint16_t version = 0;  ///< the version that will be negotiated; 0: refuse with `alert`
  uint8_t alert = 0;
  std::string reason;  ///< "client offers TLS 1.0 only, service requires 1.2"
  explicit operator bool() const { return version != 0; }
};

/// Version choice, TLS_FALLBACK_SCSV (RFC 7507), what RFC 8446 9.2 and 4.1.2 demand of a TLS 1.3
/// hello, a suite and a group in common. A refused hello costs no WOLFSSL.
HelloVerdict judgeHello(const ClientHello& hello, const TlsSettings& settings);

}  // namespace culvert
