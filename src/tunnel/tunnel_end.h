// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelEnd is one side of a tunnel: its stream, and what the closing state still has to do for it.
// Told by the stream, it tells the tunnel. Thread: loop.
#pragma once

#include <cstdint>
#include <memory>

#include "base/clock.h"
#include "net/byte_stream.h"
#include "tunnel/interest.h"
#include "tunnel/pump.h"

namespace culvert {

class Tunnel;

struct TunnelEnd final : StreamObserver {
  TunnelEnd(Tunnel& t, bool client) : tunnel(t), isClient(client) {}

  void onReadable() override;
  void onWritable() override;

  /// `from` is the pump that starts here, `to` the one that ends here.
  EndView view(const Pump& from, const Pump& to) const;

  Tunnel& tunnel;
  std::unique_ptr<ByteStream> stream;
  uint64_t discarded = 0;       // raw bytes read and thrown away
  TimePoint deadline = kNever;  // closing: when this end's goal is given up
  EndGoal goal = EndGoal::kOpen;
  const bool isClient;
  bool inputOver = false;  // closing: nothing more to throw away
  bool finSent = false;    // lingering: alert and FIN are out
};

}  // namespace culvert
