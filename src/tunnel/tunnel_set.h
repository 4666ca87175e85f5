// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelSet owns the tunnels of one loop and hands tunnels that have ended to the loop's delete
// list. Thread: loop.
#pragma once

#include <cstddef>
#include <memory>

#include "base/intrusive_list.h"
#include "tunnel/tunnel.h"

namespace culvert {

class TunnelSet {
 public:
  explicit TunnelSet(EventLoop& loop) : loop_(loop) {}
  ~TunnelSet();
  TunnelSet(const TunnelSet&) = delete;
  TunnelSet& operator=(const TunnelSet&) = delete;

  /// Takes ownership of the tunnel and returns it. Call the tunnel's start() next.
  Tunnel& add(std::unique_ptr<Tunnel> tunnel);

  /// Closes every tunnel that has not ended, and discards undelivered bytes.
  void closeAll(const CloseReason& reason);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// Moves the first tunnel to the end of the set and returns it. The set must not be empty.
  Tunnel& rotate() {
    Tunnel& first = tunnels_.popFront();
    tunnels_.pushBack(first);
    return first;
  }

  template <class Visit>
  void forEach(Visit visit) {
    tunnels_.forEach(visit);
  }

 private:
  friend class Tunnel;
  void remove(Tunnel& tunnel);

  EventLoop& loop_;
  IntrusiveList<Tunnel> tunnels_;
  size_t size_ = 0;
};

}  // namespace culvert
