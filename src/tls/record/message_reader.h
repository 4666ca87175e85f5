// SPDX-License-Identifier: GPL-3.0-or-later
// MessageReader reads the handshake messages of an established session, which may be split over
// records or share one. It says which messages a peer may still send. Pure. Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tls/record/session_keys.h"

namespace culvert {

class MessageReader {
 public:
  enum class Event : uint8_t {
    kNone,             ///< the input ended, perhaps in the middle of a message
    kKeyUpdate,        ///< the peer changes its keys behind this message
    kUpdateRequested,  ///< the same, and the peer requests a KeyUpdate
    kRenegotiation,    ///< TLS 1.2: the peer wants a new handshake
    kTicket,           ///< a NewSessionTicket; see takeTicket()
    kRefuse,           ///< the peer must get the fatal alert `alert`
  };
  struct Step {
    Event event = Event::kNone;
    uint8_t alert = 0;
    std::string_view reason{};
  };

  MessageReader(bool tls13, TlsRole role) : tls13_(tls13), role_(role) {}

  /// Reads at most one message from the start of `input`, and removes its bytes.
  Step next(std::span<const uint8_t>& input);
  /// Returns whether a message has begun and is not complete.
  bool pending() const { return have_ != 0; }
  /// Returns the body of the last NewSessionTicket (RFC 8446 4.6.1), or nullptr if it was longer
  /// than kLongestTicket or was taken already.
  std::unique_ptr<const std::vector<uint8_t>> takeTicket() { return std::move(ticket_); }

  /// The longest body of a NewSessionTicket that is kept. Servers that put the client's certificates
  /// into tickets send a few KiB.
  static constexpr uint32_t kLongestTicket = 8 * 1024;

 private:
  Step judgeType() const;
  Step judgeLength() const;
  Step finish();

  // The header and the first byte of the body. culvert needs no more of any message.
  std::array<uint8_t, 5> head_{};
  uint8_t have_ = 0;                              // bytes in head_
  uint32_t bodyLeft_ = 0;                         // bytes of the body that have not arrived
  std::unique_ptr<std::vector<uint8_t>> ticket_;  // the body of a NewSessionTicket, as far as it is
                                                  // here
  bool tls13_;
  TlsRole role_;
};

}  // namespace culvert
