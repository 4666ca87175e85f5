// SPDX-License-Identifier: GPL-3.0-or-later
// Deferred is the root of whatever an EventLoop destroys between turns (EventLoop::deleteLater), so
// that no object dies under its caller. Thread: loop.
#pragma once

namespace culvert {

class Deferred {
 public:
  virtual ~Deferred() = default;
};

}  // namespace culvert
