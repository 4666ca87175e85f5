// SPDX-License-Identifier: GPL-3.0-or-later
// TicketKeeper puts the session tickets of one backend session (TLS 1.3) into the worker's
// SessionPool. Thread: loop.
#pragma once

#include "tls/record/record_reader.h"
#include "tls/session/session_pool.h"

namespace culvert {

class TicketKeeper final : public TicketSink {
 public:
  /// `like` has the suite, the group, the resumption secret and the latest end of the session.
  TicketKeeper(SessionPool& pool, SessionKey key, std::unique_ptr<const StoredSession> like)
      : pool_(pool), key_(std::move(key)), like_(std::move(like)) {}

  /// Drops tickets that are malformed, have expired, or come without memory to keep them.
  void onTicket(std::span<const uint8_t> body) override;

 private:
  // A server sends one or two tickets. Some send one for each connection that a browser may open.
  static constexpr unsigned kMostTickets = 4;

  SessionPool& pool_;
  SessionKey key_;
  std::unique_ptr<const StoredSession> like_;  // nullptr once enough tickets have come
  unsigned taken_ = 0;
};

/// Reads the body of a NewSessionTicket (RFC 8446 4.6.1). Returns nullptr if it is malformed, has no
/// lifetime or lives longer than 7 days. The fields that the ticket does not have come from `like`.
std::unique_ptr<StoredSession> readTicket(std::span<const uint8_t> body, const StoredSession& like,
                                          int64_t nowMillis);

}  // namespace culvert
