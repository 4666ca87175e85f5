// SPDX-License-Identifier: GPL-3.0-or-later
// Deferred is the root of whatever an EventLoop destroys between turns (EventLoop::deleteLater), so
// that no object dies under its caller. The link of the queue lies in the object: want of memory is
// a reason to end, so ending must not ask for any. Thread: loop.
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
