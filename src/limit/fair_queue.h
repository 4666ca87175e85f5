// SPDX-License-Identifier: GPL-3.0-or-later
// FairQueue serves waiters in turn over the networks that they come from. So a flood from one network
// delays the others only by its turn, and each network's own waiters keep their order. The number of
// waiters of one network is bounded. Thread: loop.
#pragma once

#include <cstddef>
#include <memory>
#include <unordered_map>

#include "base/intrusive_list.h"
#include "limit/source_key.h"

namespace culvert {

class FairQueue {
  struct Network;

 public:
  /// Something that waits. Its destructor removes it from the queue.
  class Waiter : public ListNode<Waiter> {
   public:
    bool waits() const { return queue_ != nullptr; }
    /// Removes the waiter from its queue, if it is in one.
    void giveUp() {
      if (queue_ != nullptr) queue_->remove(*this);
    }

   protected:
    Waiter() = default;
    ~Waiter() { giveUp(); }

   private:
    friend class FairQueue;
    FairQueue* queue_ = nullptr;
    Network* network_ = nullptr;
  };

  explicit FairQueue(uint64_t seed = SourceKey::processSeed());
  ~FairQueue();
  FairQueue(const FairQueue&) = delete;
  FairQueue& operator=(const FairQueue&) = delete;

  /// Adds a waiter of `network`. Returns false if `most` waiters of the network wait already.
  [[nodiscard]] bool push(Waiter& waiter, const SourceKey& network, size_t most);
  /// Removes and returns the waiter whose turn is next. The queue must not be empty.
  Waiter& pop();

  bool empty() const { return size_ == 0; }
  size_t size() const { return size_; }
  size_t networks() const { return networks_.size(); }

 private:
  struct Network : ListNode<Network> {
    SourceKey key;
    size_t count = 0;
    IntrusiveList<Waiter> waiters;  // the oldest in front
  };

  void remove(Waiter& waiter);

  std::unordered_map<SourceKey, Network, SourceKeyHash> networks_;  // all have waiters
  IntrusiveList<Network> turns_;                                    // the next in front
  size_t size_ = 0;
};

}  // namespace culvert
