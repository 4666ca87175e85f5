// SPDX-License-Identifier: GPL-3.0-or-later
// HelloGatherer finds the records of a client's first flight and reassembles a hello that was split
// over records. It refuses bytes that cannot be a hello at once. client_hello.cc parses the hello.
#include "tls/hello/hello_gatherer.h"

#include <algorithm>
#include <cstring>

#include "base/big_endian.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/wire.h"

namespace culvert {

namespace {

HelloResult malformed(uint8_t alert, std::string_view reason) {
  return {HelloStatus::kMalformed, alert, FirstBytes::kUnknown, reason};
}

HelloResult notTls(std::span<const uint8_t> bytes) {
  HelloResult result;
  result.status = HelloStatus::kNotTls;
  result.guess = guessFirstBytes(bytes);
  result.alert =
      result.guess == FirstBytes::kSslv2 ? Alert::protocol_version : Alert::unexpected_message;
  result.reason = firstBytesWords(result.guess);
  return result;
}

}  // namespace

HelloResult HelloGatherer::feed(std::span<const uint8_t> bytes, ClientHello& out) {
  if (result_.status == HelloStatus::kNeedMore) result_ = scan(bytes, out);
  return result_;
}

HelloResult HelloGatherer::scan(std::span<const uint8_t> bytes, ClientHello& out) {
  while (position_ < bytes.size()) {
    std::span<const uint8_t> record = bytes.subspan(position_);
    HelloResult result = scanRecordHeader(record);
    if (result.status != HelloStatus::kNeedMore) return result;
    if (record.size() < kRecordHeader) return {};
    const size_t length = u16At(record, 3);
    result = scanMessageHeader(
        record.subspan(kRecordHeader, std::min(length, record.size() - kRecordHeader)));
    if (result.status != HelloStatus::kNeedMore) return result;
    // The hello must be the last message in its record (RFC 8446 5.1).
    if (messageSize_ != 0 && gathered_ + length > messageSize_)
      return malformed(Alert::unexpected_message,
                       "another message follows the ClientHello in its record");
    if (record.size() - kRecordHeader < length) return {};
    position_ += kRecordHeader + length;
    gathered_ += length;
    ++records_;
    if (messageSize_ != 0 && gathered_ == messageSize_) return finish(bytes, out);
    if (records_ == kMaxHelloRecords)
      return malformed(Alert::unexpected_message, "ClientHello is split over too many records");
  }
  return {};
}

/// Checks the bytes of a record header as they arrive. So bytes of another protocol are refused as
/// soon as the first byte arrives.
HelloResult HelloGatherer::scanRecordHeader(std::span<const uint8_t> record) const {
  bool first = records_ == 0;
  if (record[0] != kHandshakeRecord) {
    // Judge by the first byte alone, so that the verdict is the same however many bytes have
    // arrived.
    bool tlsType = record[0] >= 20 && record[0] <= 24;
    if (first && !tlsType) return notTls(record);
    if (record[0] == 21)
      return malformed(Alert::unexpected_message, "client sends an alert instead of a ClientHello");
    return malformed(Alert::unexpected_message,
                     first ? "client does not begin with a handshake record"
                           : "another record interrupts the ClientHello");
  }
  // Ignore the minor version of a record (RFC 8446 5.1). The major version has been 3 since 1996.
  if (record.size() >= 2 && record[1] != 3)
    return malformed(Alert::protocol_version, "record of an unknown protocol version");
  if (record.size() < kRecordHeader) {
    if (record.size() == 4 && record[3] > kMaxPlaintext >> 8)
      return malformed(Alert::record_overflow, "record is longer than 16384 bytes");
    return {};
  }
  const size_t length = u16At(record, 3);
  if (length > kMaxPlaintext)
    return malformed(Alert::record_overflow, "record is longer than 16384 bytes");
  if (length == 0) return malformed(Alert::unexpected_message, "handshake record without contents");
  return {};
}

/// Reads the message header from `payload`, which is the received part of the current record.
HelloResult HelloGatherer::scanMessageHeader(std::span<const uint8_t> payload) {
  while (headerSeen_ < kMessageHeader && headerSeen_ - gathered_ < payload.size()) {
    header_[headerSeen_] = payload[headerSeen_ - gathered_];
    ++headerSeen_;
  }
  if (headerSeen_ >= 1 && header_[0] != kClientHello)
    return malformed(Alert::unexpected_message, "first handshake message is not a ClientHello");
  constexpr std::string_view kTooLong = "ClientHello is longer than 65536 bytes";
  if (headerSeen_ >= 2 && header_[1] != 0) return malformed(Alert::illegal_parameter, kTooLong);
  if (headerSeen_ == kMessageHeader && messageSize_ == 0) {
    messageSize_ = static_cast<uint32_t>(kMessageHeader + u16At(header_, 2));
    if (messageSize_ > kMaxHelloMessage) return malformed(Alert::illegal_parameter, kTooLong);
  }
  return {};
}

HelloResult HelloGatherer::finish(std::span<const uint8_t> bytes, ClientHello& out) {
  if (records_ == 1)
    return parseClientHelloMessage(bytes.subspan(kRecordHeader, messageSize_), out);
  join(bytes);
  return parseClientHelloMessage(message_, out);
}

/// Joins the payload of all records into one message, then puts the message into as few new records
/// as possible.
void HelloGatherer::join(std::span<const uint8_t> bytes) {
  message_.reserve(messageSize_);
  for (size_t at = 0; at < position_;) {
    const size_t length = u16At(bytes, at + 3);
    const auto part = bytes.subspan(at + kRecordHeader, length);
    message_.insert(message_.end(), part.begin(), part.end());
    at += kRecordHeader + length;
  }
  const size_t full = (message_.size() + kMaxPlaintext - 1) / kMaxPlaintext;
  joined_.reserve(message_.size() + full * kRecordHeader);
  for (std::span<const uint8_t> rest = message_; !rest.empty();) {
    const auto part = rest.first(std::min(rest.size(), kMaxPlaintext));
    joined_.insert(joined_.end(), bytes.begin(), bytes.begin() + 3);
    const auto size = u16Bytes(part.size());
    joined_.insert(joined_.end(), size.begin(), size.end());
    joined_.insert(joined_.end(), part.begin(), part.end());
    rest = rest.subspan(part.size());
  }
}

}  // namespace culvert
