// SPDX-License-Identifier: GPL-3.0-or-later
// Dialer connects a tunnel to its backend, so that the tunnel does not depend on addresses, retries
// and sockets. Connector is culvert's implementation; tests use scripted dialers. Thread: loop.
#pragma once

#include <memory>

#include "event/event_loop.h"
#include "net/address.h"
#include "net/byte_stream.h"

namespace culvert {

class DialObserver {
 public:
  /// The connection is established; `address` is the address that accepted it.
  virtual void onDialed(std::unique_ptr<ByteStream> backend, const SocketAddress& address) = 0;
  /// All attempts have failed; `reason` is the error of the last attempt.
  virtual void onDialFailed(CloseReason reason) = 0;

 protected:
  ~DialObserver() = default;
};

class Dialer : public Deferred {
 public:
  /// Starts to connect to the backend. Calls either onDialed() or onDialFailed() once, before
  /// dial() returns or later. Destroying the dialer cancels the attempts.
  virtual void dial(DialObserver& observer) = 0;
};

}  // namespace culvert
