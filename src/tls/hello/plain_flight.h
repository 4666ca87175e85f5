// SPDX-License-Identifier: GPL-3.0-or-later
// PlainFlight reads the unencrypted records that a TLS 1.2 client sends between the ServerHelloDone
// and change_cipher_spec, on their way to wolfSSL. If the header of a handshake message is split
// over records, it joins the header, because wolfSSL requires the header in one record. It refuses
// records and messages that are not allowed there, so that culvert chooses the alert and not
// wolfSSL. Thread: loop.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tls/hello/hello_guard.h"

namespace culvert {

class PlainFlight {
 public:
  /// Appends to `out` the records that wolfSSL gets for `bytes`. `bytes` continues the bytes of the
  /// last call. `certificateAsked`: the server has sent a CertificateRequest. Returns kPass, or
  /// kRefuse at the first fault.
  RecordVerdict feed(std::span<const uint8_t> bytes, std::vector<uint8_t>& out,
                     bool certificateAsked);

 private:
  RecordVerdict beginRecord(std::vector<uint8_t>& out);
  RecordVerdict takeMessages(std::span<const uint8_t> bytes, std::vector<uint8_t>& out,
                             bool certificateAsked);
  void emit(std::span<const uint8_t> bytes, std::vector<uint8_t>& out) const;

  std::array<uint8_t, 5> record_{};   // header of the current record
  std::array<uint8_t, 4> message_{};  // header of the current message
  uint8_t recordSeen_ = 0;            // bytes of record_
  uint8_t messageSeen_ = 0;           // bytes of message_
  uint32_t recordLeft_ = 0;           // body bytes missing from the record
  uint32_t messageLeft_ = 0;          // body bytes missing from the message
  bool open_ = false;                 // change_cipher_spec was received, so pass all later bytes
};

}  // namespace culvert
