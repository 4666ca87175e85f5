// SPDX-License-Identifier: GPL-3.0-or-later
// ContextCache holds the TlsContexts of one worker. It makes a context at its first use, because a
// context costs some KiB of memory and about as much time as a signature. It keeps at most
// kMaxContexts contexts, however many certificates a service has. Thread: loop.
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
  /// `keys` (may be nullptr) and the callbacks are passed to every context.
  ContextCache(const TicketKeys* keys, TlsIoRecv recv, TlsIoSend send)
      : keys_(keys), recv_(recv), send_(send) {}

  /// The context for one certificate of a service, with or without tickets and stapling. The
  /// pointer is valid until the next call. Fails if wolfSSL does not accept the settings or the
  /// certificate.
  Result<const TlsContext*> contextFor(const TlsEndpoint& endpoint, size_t credential, bool tickets,
                                       bool staple = false);

  /// Drops contexts whose settings or certificate no longer exist (after a reload). Existing
  /// sessions keep their contexts alive. A cache miss calls this function too, because sessions may
  /// release the old settings only after the reload.
  void dropUnused();

  size_t size() const { return entries_.size(); }

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
    // A new object may have the address of a freed object. Then the key matches, but the pointer of
    // the entry has expired.
    std::weak_ptr<const TlsSettings> settings;
    std::weak_ptr<const Credentials> credentials;
    TlsContext context;
    bool stale() const { return settings.expired() || credentials.expired(); }
  };
  using Entries = std::list<Entry>;

  static constexpr size_t kMaxContexts = 512;

  Entries::iterator drop(Entries::iterator entry);

  const TicketKeys* keys_;
  TlsIoRecv recv_;
  TlsIoSend send_;
  PeerVerifiers verifiers_;
  Entries entries_;  // most recently used first
  std::unordered_map<Key, Entries::iterator, KeyHash> index_;
};

}  // namespace culvert
