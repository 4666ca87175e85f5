// SPDX-License-Identifier: GPL-3.0-or-later
// See fair_queue.h.
#include "limit/fair_queue.h"

namespace culvert {

FairQueue::FairQueue(uint64_t seed) : networks_(0, SourceKeyHash{seed}) {}

FairQueue::~FairQueue() {
  while (!empty()) pop();
}

bool FairQueue::push(Waiter& waiter, const SourceKey& network, size_t most) {
  waiter.giveUp();
  const auto placed = networks_.try_emplace(network);
  Network& to = placed.first->second;
  if (placed.second) {
    to.key = network;
    turns_.pushBack(to);  // behind all that wait, so that leaving and coming back gains nothing
  }
  if (to.count >= most) {
    if (to.count == 0) networks_.erase(placed.first);
    return false;
  }
  to.waiters.pushBack(waiter);
  ++to.count;
  ++size_;
  waiter.queue_ = this;
  waiter.network_ = &to;
  return true;
}

FairQueue::Waiter& FairQueue::pop() {
  Network& network = turns_.front();
  turns_.pushBack(network);
  Waiter& next = network.waiters.front();
  remove(next);
  return next;
}

void FairQueue::remove(Waiter& waiter) {
  Network& network = *waiter.network_;
  waiter.unlink();
  waiter.queue_ = nullptr;
  waiter.network_ = nullptr;
  --size_;
  if (--network.count != 0) return;
  const SourceKey key = network.key;
  networks_.erase(key);
}

}  // namespace culvert
