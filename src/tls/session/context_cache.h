// SPDX-License-Identifier: GPL-3.0-or-later
// ContextCache holds one worker's TlsContexts, made at first use and bounded: a context costs
// memory (some KiB) and time (a signature's worth), so ten thousand certificates are not turned
// into contexts at once. Thread: loop.
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
  /// `keys` (may be nullptr) and the callbacks are handed to every context.
  ContextCache(const TicketKeys* keys, TlsIoRecv recv, TlsIoSend send)
      : keys_(keys), recv_(recv), send_(send) {}

  /// The context for one certificate of a service, with or without tickets and stapling. The
  /// pointer is good until the next call.
  Result<const TlsContext*> contextFor(const TlsEndpoint& endpoint, size_t credential, bool tickets,
                                       bool staple = false);

  /// Drops contexts whose settings or certificate nobody else holds any more (after a reload);
  /// sessions keep theirs alive. A miss does the same: they may be let go of later than the reload.
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
    // An address may come to be another object's: these tell.
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
