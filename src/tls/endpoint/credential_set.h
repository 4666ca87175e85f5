// SPDX-License-Identifier: GPL-3.0-or-later
// The certificates of one service, with an index that finds the one for a client. The lookup by
// server name takes constant time; then the set compares what the client can verify. Does not use
// wolfSSL. Thread: frozen.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "tls/credentials/asked_names.h"
#include "tls/credentials/credentials.h"
#include "tls/endpoint/tls_settings.h"
#include "tls/hello/client_hello.h"

namespace culvert {

class CredentialSet {
 public:
  using List = std::vector<std::shared_ptr<const Credentials>>;

  CredentialSet() = default;
  /// In the order of the configuration. The first certificate's names are the default.
  explicit CredentialSet(List list);
  CredentialSet(const CredentialSet& other) : CredentialSet(other.list_) {}
  CredentialSet& operator=(CredentialSet&&) = default;
  CredentialSet& operator=(const CredentialSet& other) { return *this = CredentialSet(other); }
  CredentialSet(CredentialSet&&) = default;

  /// The index of the credential for this client. Must not be called on an empty set.
  ///
  /// Candidates are the certificates that name the host exactly, then those that cover it by a
  /// wildcard (RFC 6125 6.4.3: one label, the leftmost). Valid ones of both come before the others.
  /// If names are not strict, certificates with the name of the first one follow. Otherwise ECDSA
  /// comes before other keys, then the order of the configuration counts. The first candidate whose
  /// key the client can use with the suites of `settings` is selected. If the client can use none,
  /// the name alone decides, and judgeHello refuses.
  size_t select(const ClientHello& hello, const TlsSettings& settings, uint16_t version) const;

  /// The certificate name that covers `host` (lower case): the same name, or `*.` and the rest
  /// after the first label. Empty: none. Lives as long as the set.
  std::string_view nameCovering(std::string_view host) const;
  /// Whether a certificate covers `host`, which may itself be a wildcard.
  bool covers(std::string_view host) const { return !nameCovering(host).empty(); }

  const Credentials& operator[](size_t index) const { return *list_[index]; }
  const List& list() const { return list_; }
  size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }

 private:
  using Indices = std::vector<uint32_t>;
  // The keys are views of the certificates' names, which list_ keeps alive.
  using Index = std::unordered_map<std::string_view, Indices>;

  void addName(std::string_view name, uint32_t index);
  Index::const_iterator findWildcard(std::string_view host) const;
  const Indices* exactly(std::string_view host) const;
  const Indices* byWildcard(std::string_view host) const;

  List list_;
  Index exact_;     // also IP addresses as text
  Index wildcard_;  // "*.example.org" under its own "example.org"
  Indices default_;
};

/// What a connection needs to know about the TLS of its service. Frozen: a new certificate makes a
/// new endpoint, and the settings stay the same object.
struct TlsEndpoint {
  std::shared_ptr<const TlsSettings> settings;
  std::shared_ptr<const CredentialSet> credentials;
  std::shared_ptr<AskedNames> asked;  ///< the service's, over all its certificates; may be null

  /// Compares the objects: a reload keeps what has not changed.
  bool operator==(const TlsEndpoint&) const = default;
};

/// Checks settings and certificates together: an error if no suite fits a key.
Result<void> checkKeyType(const TlsSettings& settings, const Credentials& credentials);
/// The same check for all certificates.
Result<void> checkEndpoint(const TlsSettings& settings, const CredentialSet& credentials);
/// A warning if no key fits the suites of TLS 1.2 but TLS 1.3 is served; else empty.
std::string keyTypeWarning(const TlsSettings& settings, const CredentialSet& credentials);

}  // namespace culvert
