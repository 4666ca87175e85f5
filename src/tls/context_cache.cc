// SPDX-License-Identifier: GPL-3.0-or-later
// See context_cache.h.
#include "tls/context_cache.h"

namespace culvert {

Result<const TlsContext*> ContextCache::contextFor(
    const std::shared_ptr<const TlsSettings>& settings, size_t credential, bool tickets) {
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->credential != credential || entry->tickets != tickets) continue;
    if (entry->settings.lock() != settings) continue;
    if (entry != entries_.begin()) entries_.splice(entries_.begin(), entries_, entry);
    return &entries_.front().context;
  }
  auto made = TlsContext::create(*settings, settings->credentials.list()[credential],
                                 tickets ? keys_ : nullptr, recv_, send_);
  if (!made) return tl::unexpected(made.error());
  dropUnused();
  if (entries_.size() >= kMaxContexts) entries_.pop_back();
  entries_.push_front(Entry{settings, credential, tickets, std::move(*made)});
  return &entries_.front().context;
}

void ContextCache::dropUnused() {
  entries_.remove_if([](const Entry& entry) { return entry.settings.expired(); });
}

}  // namespace culvert
