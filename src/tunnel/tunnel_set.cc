// SPDX-License-Identifier: GPL-3.0-or-later
// See tunnel_set.h.
#include "tunnel/tunnel_set.h"

namespace culvert {

TunnelSet::~TunnelSet() {
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
  tunnel.ListNode<Tunnel>::unlink();
  --size_;
  loop_.deleteLater(std::unique_ptr<Deferred>(&tunnel));
}

}  // namespace culvert
