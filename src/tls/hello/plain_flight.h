// SPDX-License-Identifier: GPL-3.0-or-later
// PlainFlight checks the unencrypted records of a TLS 1.2 client between ServerHelloDone and
// change_cipher_spec, before wolfSSL reads them. wolfSSL requires the header of a handshake message
// in one record, so PlainFlight joins a header that is split over records. PlainFlight also refuses
// records and messages that are not allowed there, so that culvert and not wolfSSL chooses the
// alert. Thread: loop.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "tls/hello/hello_guard.h"

namespace culvert {

class PlainFlight {
 public:
  /// Appends to `out` the records that wolfSSL gets for `bytes`, which continues the bytes of the
  /// last call. `certificateAsked` is true if the server has sent a CertificateRequest. Returns
  /// kPass, or kRefuse at the first error.
  RecordVerdict feed(std::span<const uint8_t> bytes, std::vector<uint8_t>& out,
                     bool certificateAsked);

 private:
  RecordVerdict beginRecord(std::vector<uint8_t>& out);
  RecordVerdict takeMessages(std::span<const uint8_t> bytes, std::vector<uint8_t>& out,
                             bool certificateAsked);
  void emit(std::span<const uint8_t> bytes, std::vector<uint8_t>& out) const;

  std::array<uint8_t, 5> record_{};   // header of the current record
  std::array<uint8_t, 4> message_{};  // header of the current message
  uint8_t recordSeen_ = 0;            // bytes of record_ received so far
  uint8_t messageSeen_ = 0;           // bytes of message_ received so far
  uint32_t recordLeft_ = 0;           // bytes of the record's body not yet received
  uint32_t messageLeft_ = 0;          // bytes of the message's body not yet received
  bool open_ = false;                 // change_cipher_spec was received, so pass all later bytes
};

}  // namespace culvert
