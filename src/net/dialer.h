// SPDX-License-Identifier: GPL-3.0-or-later
// Dialer is how a tunnel asks for its backend end without knowing addresses, retries or sockets.
// Connector is the real one; tests have scripted ones. Thread: loop.
#pragma once

#include <memory>

#include "event/event_loop.h"
#include "net/address.h"
#include "net/byte_stream.h"

namespace culvert {

class DialObserver {
 public:
  /// `address` is the one that answered.
  virtual void onDialed(std::unique_ptr<ByteStream> backend, const SocketAddress& address) = 0;
  /// All attempts are over; `reason` is that of the last one.
  virtual void onDialFailed(CloseReason reason) = 0;

 protected:
  ~DialObserver() = default;
};

class Dialer : public Deferred {
 public:
  /// Starts; one of the observer's calls follows, perhaps before dial() returns. Destroying the
  /// dialer cancels.
  virtual void dial(DialObserver& observer) = 0;
};

}  // namespace culvert
