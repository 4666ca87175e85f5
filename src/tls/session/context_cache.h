// SPDX-License-Identifier: GPL-3.0-or-later
// ContextCache holds the TlsContexts of one worker. It makes a context at the context's first use,
// because making a context takes about as long as a signature and some KiB of memory. It keeps at
// most kMaxContexts contexts, even if a service has more certificates. Thread: loop.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <unordered_map>

#include "tls/endpoint/credential_set.h"
#include "tls/session/tls_context.h"

namespace culvert {

class ContextCache {
 public:
  /// The cache passes `keys` (nullptr: no tickets) and the callbacks to every context that it
  /// makes.
  ContextCache(const TicketKeys* keys, TlsIoRecv recv, TlsIoSend send)
      : keys_(keys), recv_(recv), send_(send) {}

  /// Returns the context for one certificate of a service, with or without tickets and stapling.
  /// The pointer is valid until the next call. Fails if wolfSSL rejects the settings or the
  /// certificate.
  Result<const TlsContext*> contextFor(const TlsEndpoint& endpoint, size_t credential, bool tickets,
                                       bool staple = false);

  /// Returns the context for sessions with a service's backends. The pointer is valid until the next
  /// call.
  Result<const TlsContext*> backendContextFor(const std::shared_ptr<const BackendTls>& backend);

  /// Drops contexts whose settings or certificate no longer exist (after a reload). Existing
  /// sessions keep their contexts alive. contextFor() also calls dropUnused() when it makes a
  /// context, because sessions may release the old settings some time after the reload.
  void dropUnused();

  size_t size() const { return entries_.size() + backends_.size(); }

 private:
  struct Key {
    const TlsSettings* settings;
    const Credentials* credentials;
    bool tickets;
    bool staple;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    size_t operator()(const Key& key) const;
  };
  struct Entry {
    Key key;
    // A new object may get the address of a freed object. Then a new key equals the key of an old
    // entry, but the old entry's weak_ptr has expired.
    std::weak_ptr<const TlsSettings> settings;
    std::weak_ptr<const Credentials> credentials;
    TlsContext context;
    bool stale() const { return settings.expired() || credentials.expired(); }
  };
  using Entries = std::list<Entry>;

  struct BackendEntry {
    std::weak_ptr<const BackendTls> backend;
    TlsContext context;
  };

  static constexpr size_t kMaxContexts = 512;

  Entries::iterator drop(Entries::iterator entry);

  const TicketKeys* keys_;
  TlsIoRecv recv_;
  TlsIoSend send_;
  PeerVerifiers verifiers_;
  Entries entries_;  // most recently used first
  std::unordered_map<Key, Entries::iterator, KeyHash> index_;
  std::unordered_map<const BackendTls*, BackendEntry> backends_;
};

}  // namespace culvert
