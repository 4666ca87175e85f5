// SPDX-License-Identifier: GPL-3.0-or-later
// Dialer gives a tunnel its backend end; addresses, retries and sockets are hidden from the tunnel.
// Connector is the real one; tests use scripted ones. Thread: loop.
#pragma once

#include <memory>

#include "event/event_loop.h"
#include "net/address.h"
#include "net/byte_stream.h"

namespace culvert {

class DialObserver {
 public:
  /// `address` is the address that answered.
  virtual void onDialed(std::unique_ptr<ByteStream> backend, const SocketAddress& address) = 0;
  /// All attempts have failed; `reason` is that of the last one.
  virtual void onDialFailed(CloseReason reason) = 0;

 protected:
  ~DialObserver() = default;
};

class Dialer : public Deferred {
 public:
  /// Starts dialing. One of the observer's functions is called later, perhaps before dial()
  /// returns. Destroying the dialer cancels.
  virtual void dial(DialObserver& observer) = 0;
};

}  // namespace culvert
