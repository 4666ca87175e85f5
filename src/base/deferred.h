// SPDX-License-Identifier: GPL-3.0-or-later
// Deferred is the base class of objects that an EventLoop destroys between turns
// (EventLoop::deleteLater), so that no object is destroyed while its method runs. The object
// contains the queue's link, so that queueing allocates no memory. This is necessary because
// culvert also deletes objects when memory has run out. Thread: loop.
#pragma once

namespace culvert {

class Deferred {
 public:
  virtual ~Deferred() = default;

 private:
  friend class EventLoop;
  Deferred* nextDying_ = nullptr;
};

}  // namespace culvert
