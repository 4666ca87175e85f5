// SPDX-License-Identifier: GPL-3.0-or-later
// CredentialSet has the certificates of one service, and an index that finds the certificate for a
// client. Lookup by server name takes constant time. Of the certificates found, the set selects a
// certificate that the client can verify. Does not use wolfSSL. Thread: frozen.
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
  /// `list` must have the order of the configuration. The default certificates are all certificates
  /// with the first name of the first certificate.
  explicit CredentialSet(List list);
  CredentialSet(const CredentialSet& other) : CredentialSet(other.list_) {}
  CredentialSet& operator=(CredentialSet&&) = default;
  CredentialSet& operator=(const CredentialSet& other) { return *this = CredentialSet(other); }
  CredentialSet(CredentialSet&&) = default;

  /// Returns the index of the certificate for this client. Must not be called on an empty set.
  ///
  /// The candidates are the certificates with the exact server name, then the certificates that
  /// cover the server name by a wildcard (RFC 6125 6.4.3: only the first label). The default
  /// certificates follow as a second group, unless strictSni is set and the server name is known.
  /// In each group, valid certificates come before invalid certificates. Then ECDSA keys come
  /// before other keys, and then the order of the configuration counts. select() returns the first
  /// candidate whose key the client can use with the suites of `settings`. If the client can use no
  /// candidate, select() decides by the server name alone, and judgeHello() refuses the client.
  size_t select(const ClientHello& hello, const TlsSettings& settings, uint16_t version) const;

  /// Returns the certificate name that covers `host` (lower case), or an empty text if no name
  /// covers it. The result is `host` itself or a wildcard for the first label of `host`. The view
  /// is valid as long as the set exists.
  std::string_view nameCovering(std::string_view host) const;
  /// Returns whether a certificate covers `host`. `host` may be a wildcard name.
  bool covers(std::string_view host) const { return !nameCovering(host).empty(); }

  const Credentials& operator[](size_t index) const { return *list_[index]; }
  const List& list() const { return list_; }
  size_t size() const { return list_.size(); }
  bool empty() const { return list_.empty(); }

 private:
  using Indices = std::vector<uint32_t>;
  // The keys are views of the certificates' names, which exist as long as list_.
  using Index = std::unordered_map<std::string_view, Indices>;

  void addName(std::string_view name, uint32_t index);
  Index::const_iterator findWildcard(std::string_view host) const;
  const Indices* exactly(std::string_view host) const;
  const Indices* byWildcard(std::string_view host) const;

  List list_;
  Index exact_;     // has IP addresses too, as text
  Index wildcard_;  // the key of "*.example.org" is "example.org"
  Indices default_;
};

/// The TLS settings and certificates of a service, as a connection uses them. An endpoint is
/// frozen. For a new certificate, culvert makes a new endpoint that shares the settings with the
/// old endpoint.
struct TlsEndpoint {
  std::shared_ptr<const TlsSettings> settings;
  std::shared_ptr<const CredentialSet> credentials;
  std::shared_ptr<AskedNames> asked;  ///< for all certificates of the service, or nullptr

  /// Compares only the pointers, because a reload keeps unchanged objects.
  bool operator==(const TlsEndpoint&) const = default;
};

/// Fails if no cipher suite of `settings` fits the certificate's key.
Result<void> checkKeyType(const TlsSettings& settings, const Credentials& credentials);
/// Calls checkKeyType() for every certificate, and returns the first error.
Result<void> checkEndpoint(const TlsSettings& settings, const CredentialSet& credentials);
/// Returns a warning if the service allows TLS 1.2 and 1.3, but no certificate's key fits the
/// suites of TLS 1.2. Otherwise returns an empty text.
std::string keyTypeWarning(const TlsSettings& settings, const CredentialSet& credentials);

}  // namespace culvert
