// SPDX-License-Identifier: GPL-3.0-or-later
// See plain_flight.h. wolfSSL gets new records. Each new record contains a message's header and the
// received part of the message's body, or more of the body.
#include "tls/hello/plain_flight.h"

#include <algorithm>

#include "base/big_endian.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/wire.h"

namespace culvert {

namespace {

RecordVerdict refuseFlight(uint8_t alert, std::string_view reason) {
  return {RecordVerdict::kRefuse, alert, 0, reason};
}

}  // namespace

RecordVerdict PlainFlight::feed(std::span<const uint8_t> bytes, std::vector<uint8_t>& out,
                                bool certificateAsked) {
  while (!bytes.empty()) {
    if (open_) {
      out.insert(out.end(), bytes.begin(), bytes.end());
      return {};
    }
    if (recordLeft_ == 0) {
      record_[recordSeen_++] = bytes[0];
      bytes = bytes.subspan(1);
      if (recordSeen_ < record_.size()) continue;
      recordSeen_ = 0;
      if (const RecordVerdict v = beginRecord(out); v.kind != RecordVerdict::kPass) return v;
      continue;
    }
    const auto part = bytes.first(std::min<size_t>(recordLeft_, bytes.size()));
    bytes = bytes.subspan(part.size());
    recordLeft_ -= static_cast<uint32_t>(part.size());
    if (record_[0] != kHandshakeRecord) {
      out.insert(out.end(), part.begin(), part.end());
    } else if (const RecordVerdict v = takeMessages(part, out, certificateAsked);
               v.kind != RecordVerdict::kPass) {
      return v;
    }
  }
  return {};
}

RecordVerdict PlainFlight::beginRecord(std::vector<uint8_t>& out) {
  recordLeft_ = u16At(record_, 3);
  if (recordLeft_ > kMaxPlaintext)
    return refuseFlight(Alert::record_overflow, "a record is longer than 16384 bytes");
  if (record_[0] < kChangeCipherSpec || record_[0] > kHandshakeRecord)
    return refuseFlight(Alert::unexpected_message,
                        "neither a handshake message nor change_cipher_spec");
  if (recordLeft_ == 0) return refuseFlight(Alert::unexpected_message, "a record without contents");
  if (record_[0] == kHandshakeRecord) return {};
  if (record_[0] != kAlertRecord && (messageSeen_ != 0 || messageLeft_ != 0))
    return refuseFlight(Alert::unexpected_message,
                        "client sent change_cipher_spec within a message");
  out.insert(out.end(), record_.begin(), record_.end());
  open_ = record_[0] == kChangeCipherSpec;
  return {};
}

RecordVerdict PlainFlight::takeMessages(std::span<const uint8_t> bytes, std::vector<uint8_t>& out,
                                        bool certificateAsked) {
  while (!bytes.empty()) {
    if (messageLeft_ != 0) {
      const auto part = bytes.first(std::min<size_t>(messageLeft_, bytes.size()));
      emit(part, out);
      messageLeft_ -= static_cast<uint32_t>(part.size());
      bytes = bytes.subspan(part.size());
      continue;
    }
    message_[messageSeen_++] = bytes[0];
    bytes = bytes.subspan(1);
    const uint8_t type = message_[0];
    if (type != kClientKeyExchange &&
        !(certificateAsked && (type == kCertificate || type == kCertificateVerify)))
      return refuseFlight(Alert::unexpected_message, "client sent a message out of order");
    if (messageSeen_ < message_.size()) continue;
    messageSeen_ = 0;
    messageLeft_ = u24At(message_, 1);
    // Put the header and the received part of the body into one record.
    const auto part = bytes.first(
        std::min<size_t>({messageLeft_, bytes.size(), kMaxPlaintext - message_.size()}));
    std::vector<uint8_t> begin(message_.begin(), message_.end());
    begin.insert(begin.end(), part.begin(), part.end());
    emit(begin, out);
    messageLeft_ -= static_cast<uint32_t>(part.size());
    bytes = bytes.subspan(part.size());
  }
  return {};
}

void PlainFlight::emit(std::span<const uint8_t> bytes, std::vector<uint8_t>& out) const {
  const auto size = u16Bytes(bytes.size());
  const uint8_t header[] = {record_[0], record_[1], record_[2], size[0], size[1]};
  out.insert(out.end(), header, header + sizeof header);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

}  // namespace culvert
