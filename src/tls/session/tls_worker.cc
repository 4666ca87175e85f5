// SPDX-License-Identifier: GPL-3.0-or-later
// See tls_worker.h.
#include "tls/session/tls_worker.h"

#include "tls/session/wolf_io.h"

namespace culvert {

TlsWorker::TlsWorker(EventLoop& l, BufferPool& p, CounterBlock& c, const TicketKeys* keys)
    : loop(l),
      pool(p),
      counters(c),
      contexts(keys, &WolfIo::onRecv, &WolfIo::onSend),
      tickets(l),
      input(std::make_unique_for_overwrite<uint8_t[]>(kScratch)),
      output(kScratch + 8 * 1024),
      gates(l) {}

}  // namespace culvert
