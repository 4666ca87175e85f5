// SPDX-License-Identifier: GPL-3.0-or-later
// See tunnel_set.h.
#include "tunnel/tunnel_set.h"

namespace culvert {

TunnelSet::~TunnelSet() {
  walks_.forEach([](TunnelWalk& walk) { walk.at_ = nullptr; });
  while (!tunnels_.empty()) delete &tunnels_.popFront();
}

Tunnel& TunnelSet::add(std::unique_ptr<Tunnel> tunnel) {
  Tunnel& added = *tunnel.release();
  added.set_ = this;
  tunnels_.pushBack(added);
  ++size_;
  return added;
}

void TunnelSet::closeAll(const CloseReason& reason) {
  tunnels_.forEach([&](Tunnel& tunnel) { tunnel.close(reason); });
}

void TunnelSet::remove(Tunnel& tunnel) {
  walks_.forEach([&](TunnelWalk& walk) {
    if (walk.at_ == &tunnel) walk.at_ = tunnels_.after(tunnel);
  });
  tunnel.ListNode<Tunnel>::unlink();
  --size_;
  loop_.deleteLater(std::unique_ptr<Deferred>(&tunnel));
}

void TunnelWalk::begin(TunnelSet& set) {
  set_ = &set;
  set.walks_.pushBack(*this);
  at_ = set.empty() ? nullptr : &set.tunnels_.front();
  last_ = set.empty() ? 0 : set.tunnels_.back().id();
}

Tunnel* TunnelWalk::next() {
  if (at_ == nullptr || at_->id() > last_) {
    at_ = nullptr;
    unlink();
    return nullptr;
  }
  Tunnel* tunnel = at_;
  at_ = set_->tunnels_.after(*tunnel);
  return tunnel;
}

}  // namespace culvert
