// SPDX-License-Identifier: GPL-3.0-or-later
// TunnelSet owns the tunnels of one loop and hands tunnels that have ended to the loop's delete
// list. Thread: loop.
#pragma once

#include <cstddef>
#include <memory>

#include "base/intrusive_list.h"
#include "tunnel/tunnel.h"

namespace culvert {

/// Visits the tunnels of a set in the order of their ids, in as many turns as the caller likes. The
/// walk visits each tunnel that is in the set when it begins, unless the tunnel ends before, and no
/// later tunnel. The set outlives the walk, or the walk ends with the set.
class TunnelWalk : public ListNode<TunnelWalk> {
 public:
  TunnelWalk() = default;
  /// Begins at the first tunnel. A walk can begin again.
  void begin(TunnelSet& set);
  /// Returns the next tunnel, or nullptr at the end. The caller may close the tunnel.
  Tunnel* next();

 private:
  friend class TunnelSet;
  TunnelSet* set_ = nullptr;
  Tunnel* at_ = nullptr;  // the tunnel that next() returns
  uint64_t last_ = 0;     // the id of the last tunnel to visit
};

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

  template <class Visit>
  void forEach(Visit visit) {
    tunnels_.forEach(visit);
  }

 private:
  friend class Tunnel;
  friend class TunnelWalk;
  void remove(Tunnel& tunnel);

  EventLoop& loop_;
  IntrusiveList<Tunnel> tunnels_;
  IntrusiveList<TunnelWalk> walks_;
  size_t size_ = 0;
};

}  // namespace culvert
