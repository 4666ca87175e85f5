// SPDX-License-Identifier: GPL-3.0-or-later
// See context_cache.h.
#include "tls/session/context_cache.h"

#include <functional>
#include <new>

namespace culvert {

size_t ContextCache::KeyHash::operator()(const Key& key) const {
  const std::hash<const void*> hash;
  return hash(key.settings) * 31 + hash(key.credentials) * 2 + (key.tickets ? 1 : 0) +
         (key.staple ? 7 : 0);
}

Result<const TlsContext*> ContextCache::contextFor(const TlsEndpoint& endpoint, size_t credential,
                                                   bool tickets, bool staple) {
  const auto& credentials = endpoint.credentials->list()[credential];
  const Key key{endpoint.settings.get(), credentials.get(), tickets, staple};
  if (const auto found = index_.find(key); found != index_.end()) {
    if (!found->second->stale()) {
      if (found->second != entries_.begin())
        entries_.splice(entries_.begin(), entries_, found->second);
      return &entries_.front().context;
    }
    drop(found->second);
  }
  std::shared_ptr<const PeerVerifier> verifier;
  if (endpoint.settings->peerAuth) verifier = verifiers_.verifierFor(endpoint.settings->peerAuth);
  auto made = TlsContext::create(*endpoint.settings, *credentials, tickets ? keys_ : nullptr, recv_,
                                 send_, staple, std::move(verifier));
  if (!made) return tl::unexpected(made.error());
  dropUnused();
  if (entries_.size() >= kMaxContexts) drop(std::prev(entries_.end()));
  entries_.push_front(Entry{key, endpoint.settings, credentials, std::move(*made)});
  try {
    index_.emplace(key, entries_.begin());
  } catch (const std::bad_alloc&) {  // contextFor() would never find the entry
    entries_.pop_front();
    throw;
  }
  return &entries_.front().context;
}

Result<const TlsContext*> ContextCache::backendContextFor(
    const std::shared_ptr<const BackendTls>& backend) {
  if (const auto found = backends_.find(backend.get()); found != backends_.end()) {
    if (found->second.backend.lock() == backend) return &found->second.context;
    backends_.erase(found);
  }
  std::shared_ptr<const PeerVerifier> verifier;
  if (backend->settings->peerAuth) verifier = verifiers_.verifierFor(backend->settings->peerAuth);
  auto made = TlsContext::createForBackend(*backend, recv_, send_, std::move(verifier));
  if (!made) return tl::unexpected(made.error());
  dropUnused();
  if (backends_.size() >= kMaxContexts) backends_.erase(backends_.begin());
  const auto placed = backends_.emplace(backend.get(), BackendEntry{backend, std::move(*made)});
  return &placed.first->second.context;
}

ContextCache::Entries::iterator ContextCache::drop(Entries::iterator entry) {
  index_.erase(entry->key);
  return entries_.erase(entry);
}

void ContextCache::dropUnused() {
  for (auto entry = entries_.begin(); entry != entries_.end();)
    entry = entry->stale() ? drop(entry) : std::next(entry);
  std::erase_if(backends_, [](const auto& entry) { return entry.second.backend.expired(); });
}

}  // namespace culvert
