// SPDX-License-Identifier: GPL-3.0-or-later
// HeldTicket and TicketDelay delay a session ticket, which wolfSSL seals when the handshake ends.
// The client does not wait for the ticket, so culvert sends the ticket in one segment with the
// backend's first bytes. If the backend sends nothing within kMoment, TicketDelay releases the
// ticket. All tickets have the same delay, so each worker needs only one timer. If a tunnel closes
// within kMoment, its ticket is never sent. Thread: loop.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "base/intrusive_list.h"
#include "event/callback.h"
#include "event/event_loop.h"
#include "event/timer.h"

namespace culvert {

/// The sealed record that contains the session ticket of one stream.
class HeldTicket : public ListNode<HeldTicket> {
 public:
  using Callback = void (*)(void* context);

  HeldTicket(std::vector<uint8_t> bytes, void* context, Callback onDue)
      : bytes_(std::move(bytes)), context_(context), onDue_(onDue) {}

  const std::vector<uint8_t>& bytes() const { return bytes_; }

 private:
  friend class TicketDelay;
  const std::vector<uint8_t> bytes_;
  void* const context_;
  const Callback onDue_;
  TimePoint due_ = kNever;
};

class TicketDelay {
 public:
  /// How long a ticket waits for bytes of the backend. kMoment is longer than a nearby backend
  /// needs to answer, and shorter than a client needs to open its next connection.
  static constexpr Millis kMoment{10};

  explicit TicketDelay(EventLoop& loop)
      : loop_(loop), timer_(loop, this, call<&TicketDelay::onTimer>) {}

  /// After kMoment, calls the callback of `ticket` with the context of `ticket`, unless `ticket` is
  /// destroyed earlier.
  void add(HeldTicket& ticket) {
    ticket.due_ = loop_.now() + kMoment;
    tickets_.pushBack(ticket);
    timer_.armBy(ticket.due_);
  }

 private:
  void onTimer() {
    TimePoint due = loop_.now();
    while (!tickets_.empty()) {
      if (tickets_.front().due_ > due) {
        try {
          return timer_.armBy(tickets_.front().due_);
        } catch (const std::bad_alloc&) {
          due = kNever;  // the timer cannot be armed: release all tickets now
        }
      }
      HeldTicket& ticket = tickets_.popFront();
      ticket.onDue_(ticket.context_);
    }
  }

  EventLoop& loop_;
  Timer timer_;
  IntrusiveList<HeldTicket> tickets_;  // oldest first
};

}  // namespace culvert
