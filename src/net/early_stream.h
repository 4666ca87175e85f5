// SPDX-License-Identifier: GPL-3.0-or-later
// EarlyStream is a PlainStream whose first bytes were received before it was made: culvert read them
// to choose the service. The tunnel reads these bytes first. No event of the socket reports them, so
// the stream reports them itself, at the end of the turn. Thread: loop.
#pragma once

#include <cstdint>
#include <vector>

#include "buffer/memory_share.h"
#include "event/event_loop.h"
#include "net/plain_stream.h"

namespace culvert {

class EarlyStream : public PlainStream, private RunSoon {
 public:
  /// `early` are bytes of the client that have been received already. `memory` must outlive the
  /// stream.
  EarlyStream(EventLoop& loop, MemoryShare& memory, UniqueFd fd, std::vector<uint8_t> early)
      : PlainStream(loop, std::move(fd)),
        held_(std::move(early)),
        memory_(memory, MemoryUse::kHandshakes, held_.capacity()),
        loop_(loop) {}

  IoResult read(RingBuffer& into, size_t limit) override;
  void watch(bool readable, bool writable) override;

 protected:
  std::vector<uint8_t> held_;  // received and not yet read by the tunnel
  MemoryCharge memory_;        // of held_
  bool incomplete_ = false;    // held_ is not for the tunnel yet

 private:
  void runSoon() override;

  EventLoop& loop_;
};

}  // namespace culvert
