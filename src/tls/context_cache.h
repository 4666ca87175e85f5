// SPDX-License-Identifier: GPL-3.0-or-later
// ContextCache holds one worker's TlsContexts, made at first use and bounded: a context costs
// memory (some KiB) and time (a signature's worth), so ten thousand certificates are not turned
// into contexts at once. Thread: loop.
#pragma once

#include <cstddef>
#include <list>
#include <memory>

#include "tls/tls_context.h"

namespace culvert {

class ContextCache {
 public:
  /// `keys` (may be nullptr) and the callbacks are handed to every context.
  ContextCache(const TicketKeys* keys, TlsIoRecv recv, TlsIoSend send)
      : keys_(keys), recv_(recv), send_(send) {}

  /// The context for one certificate of a service, with or without tickets. The pointer is good
  /// until the next call.
  Result<const TlsContext*> contextFor(const std::shared_ptr<const TlsSettings>& settings,
                                       size_t credential, bool tickets);

  /// Drops contexts whose settings nobody holds any more (after a reload); sessions keep theirs
  /// alive. A miss does the same: settings may be let go of later than the reload.
  void dropUnused();

  size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    std::weak_ptr<const TlsSettings> settings;
    size_t credential;
    bool tickets;
    TlsContext context;
  };

  static constexpr size_t kMaxContexts = 512;

  const TicketKeys* keys_;
  TlsIoRecv recv_;
  TlsIoSend send_;
  std::list<Entry> entries_;  // most recently used first
};

}  // namespace culvert
