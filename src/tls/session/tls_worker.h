// SPDX-License-Identifier: GPL-3.0-or-later
// TlsWorker contains the objects that the TLS streams of one worker share: the contexts, two
// scratch buffers for ciphertext, and the delayed session tickets. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "buffer/buffer_pool.h"
#include "event/event_loop.h"
#include "stats/counters.h"
#include "tls/session/context_cache.h"
#include "tls/session/held_ticket.h"

namespace culvert {

/// Must outlive the streams.
struct TlsWorker {
  TlsWorker(EventLoop& loop, BufferPool& pool, CounterBlock& counters, const TicketKeys* keys);

  static constexpr size_t kScratch = 64 * 1024;

  EventLoop& loop;
  BufferPool& pool;
  CounterBlock& counters;
  ContextCache contexts;
  TicketDelay tickets;
  std::unique_ptr<uint8_t[]> input;  // kScratch bytes, valid within one call
  std::vector<uint8_t> output;       // empty between calls
};

}  // namespace culvert
