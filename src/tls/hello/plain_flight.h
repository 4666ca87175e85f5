// SPDX-License-Identifier: GPL-3.0-or-later
// PlainFlight reads what a TLS 1.2 client sends in the clear between the ServerHelloDone and
// change_cipher_spec, on its way to wolfSSL. It joins the headers of handshake messages, which the
// library wants in one record, and refuses what has no place there before the library chooses an
// alert for it. Thread: loop.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tls/hello/hello_guard.h"

namespace culvert {

class PlainFlight {
 public:
  /// Appends to `out` what wolfSSL may see of `bytes`, which continue those before. kPass, or
  /// kRefuse for good.
  RecordVerdict feed(std::span<const uint8_t> bytes, std::vector<uint8_t>& out,
                     bool certificateAsked);

 private:
  RecordVerdict beginRecord(std::vector<uint8_t>& out);
  RecordVerdict takeMessages(std::span<const uint8_t> bytes, std::vector<uint8_t>& out,
                             bool certificateAsked);
  void emit(std::span<const uint8_t> bytes, std::vector<uint8_t>& out) const;

  std::array<uint8_t, 5> record_{};   // header of the record at hand
  std::array<uint8_t, 4> message_{};  // header of the message at hand
  uint8_t recordSeen_ = 0;            // bytes of record_
  uint8_t messageSeen_ = 0;           // bytes of message_
  uint32_t recordLeft_ = 0;           // bytes of its body still to come
  uint32_t messageLeft_ = 0;          // likewise
  bool open_ = false;                 // change_cipher_spec has come: all that follows passes
};

}  // namespace culvert
