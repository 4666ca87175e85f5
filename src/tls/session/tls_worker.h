// SPDX-License-Identifier: GPL-3.0-or-later
// TlsWorker contains what all TLS streams of one worker share: the contexts, the two scratch
// buffers for ciphertext, and the delayed session tickets. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>

#include "buffer/buffer_pool.h"
#include "event/event_loop.h"
#include "limit/handshake_gate.h"
#include "stats/counters.h"
#include "tls/record/key_cache.h"
#include "tls/record/output_buffer.h"
#include "tls/session/context_cache.h"
#include "tls/session/held_ticket.h"
#include "tls/session/session_pool.h"

namespace culvert {

/// The TlsWorker must outlive the streams that use it.
struct TlsWorker {
  TlsWorker(EventLoop& loop, BufferPool& pool, CounterBlock& counters, const TicketKeys* keys);

  static constexpr size_t kScratch = 64 * 1024;

  EventLoop& loop;
  BufferPool& pool;
  CounterBlock& counters;
  ContextCache contexts;
  TicketDelay tickets;
  std::unique_ptr<uint8_t[]> input;  // kScratch bytes; valid only within one call
  OutputBuffer output;               // sealed records; empty between calls
  KeyCache keys;
  SessionPool sessions;  // with backends
  HandshakeGates gates;  // where clients wait for handshake-rate
};

}  // namespace culvert
