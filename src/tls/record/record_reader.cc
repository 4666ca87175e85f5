// SPDX-License-Identifier: GPL-3.0-or-later
// See record_reader.h.
#include "tls/record/record_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/big_endian.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/wire.h"

namespace culvert {
namespace {

using Outcome = RecordReader::Outcome;
using Kind = Outcome::Kind;

// Room for the longest record.
constexpr size_t kHeldBlock = 17 * 1024;
static_assert(kRecordHeader + kMaxCiphertext13 <= kHeldBlock);

// Records of this size and longer are received whole, if possible.
constexpr size_t kLongRecord = 4096;

// The shortest difference between a record and its payload: header and tag (RFC 7905).
constexpr size_t kLeastOverhead = kRecordHeader + kAeadTag;

constexpr Outcome fatal(uint8_t alert, std::string_view reason) {
  return {Kind::kRefuse, alert, reason};
}
constexpr Outcome unexpected(std::string_view reason) {
  return fatal(Alert::unexpected_message, reason);
}

size_t recordSize(std::span<const uint8_t> header) { return kRecordHeader + u16At(header, 3); }

}  // namespace

RecordReader::RecordReader(KeyCache& cache, BufferPool& pool, const SessionKeys& keys)
    : pool_(pool),
      cipher_(cache, keys.cipher, keys.in),
      messages_(keys.cipher.tls13, keys.role),
      limit_(keys.inputLimit) {}

RecordReader::~RecordReader() { release(); }

/// A record carries at most 2^14 bytes and is at least kLeastOverhead bytes longer than its
/// payload. So more than `limit` bytes of payload come from more than `limit` / 2^14 records. A
/// sender of bulk makes records of one size. If the next ones have the size of the last one, the
/// bytes received end with a record, and no part of a record has to wait and to be copied.
size_t RecordReader::receivable(size_t limit) const {
  const size_t most = limit + kLeastOverhead * (limit / kMaxPlaintext + 1);
  const size_t whole = lastSize_ >= kLongRecord ? most - most % lastSize_ : most;
  if (whole > held_) return whole - held_;
  return most > held_ ? most - held_ : 0;
}

std::span<uint8_t> RecordReader::missing() {
  if (held_ < kRecordHeader) return {};
  return {block_ + held_, recordSize({block_, kRecordHeader}) - held_};
}

Outcome RecordReader::read(size_t filled, std::span<uint8_t> input, RingBuffer& into,
                           TimePoint now) {
  held_ = static_cast<uint16_t>(held_ + filled);
  if (held_ != 0) {
    const Outcome held = finishHeld(input, into, now);
    if (held.kind != Kind::kMore || held_ != 0) return held;
  }
  while (input.size() >= kRecordHeader) {
    const Outcome header = checkHeader(input);
    if (header.kind != Kind::kMore) return header;
    const size_t size = recordSize(input);
    if (input.size() < size) break;
    const Outcome outcome = readRecord(input.first(size), into, now);
    if (outcome.kind != Kind::kMore) return outcome;
    input = input.subspan(size);
  }
  if (!input.empty() && !hold(input)) return {Kind::kNoMemory};
  return {};
}

/// Completes the unfinished record with bytes of `input`, and reads it if it is complete.
Outcome RecordReader::finishHeld(std::span<uint8_t>& input, RingBuffer& into, TimePoint now) {
  size_t size = kRecordHeader;
  for (;;) {
    const bool headerKnown = held_ >= kRecordHeader;
    if (headerKnown) {
      const Outcome header = checkHeader({block_, kRecordHeader});
      if (header.kind != Kind::kMore) return header;
      size = recordSize({block_, kRecordHeader});
    }
    const size_t part = std::min(size - held_, input.size());
    if (part != 0) std::memcpy(block_ + held_, input.data(), part);
    held_ = static_cast<uint16_t>(held_ + part);
    input = input.subspan(part);
    if (held_ < size) return {};
    if (headerKnown) break;
  }
  const Outcome outcome = readRecord({block_, size}, into, now);
  release();
  return outcome;
}

/// Judges a record by its header, before its body arrives.
Outcome RecordReader::checkHeader(std::span<const uint8_t> header) const {
  const uint8_t type = header[0];
  const size_t size = u16At(header, 3);
  if (type < kChangeCipherSpec || type > kApplicationData)
    return unexpected("a record of an unknown type");
  if (type == kChangeCipherSpec) return unexpected("a change_cipher_spec after the handshake");
  if (cipher_.tls13()) {
    // The version of a record is ignored (RFC 8446 5.1).
    if (type == kAlertRecord) return unexpected("an alert that is not encrypted");
    if (type != kApplicationData) return unexpected("a record that is not encrypted");
    if (size > kMaxCiphertext13)
      return fatal(Alert::record_overflow, "a record is longer than 2^14+256 bytes");
    return {};
  }
  if (header[1] != 3 || header[2] != 3)
    return fatal(Alert::protocol_version, "a record has another version than the session");
  // RFC 5246 allows 2^14+2048 bytes, but the payload would be longer than 2^14.
  if (size > kMaxPlaintext + cipher_.overhead() - kRecordHeader)
    return fatal(Alert::record_overflow, "a record carries more than 2^14 bytes");
  return {};
}

Outcome RecordReader::readRecord(std::span<uint8_t> record, RingBuffer& into, TimePoint now) {
  if (idle_.flooded(now))
    return {Kind::kFlood, Alert::unexpected_message, "too many records in a row without payload"};
  // Decrypt into the FIFO if it has room for the payload, the content type and the padding in one
  // piece.
  uint8_t* out = record.data() + cipher_.bodyStart();
  bool copy = true;
  if (record[0] == kApplicationData) {
    const std::span<uint8_t> free = into.writable();
    const size_t room = free.empty() ? 0 : free.size() + into.spare();
    if (room + cipher_.bodyStart() + kAeadTag >= record.size()) {
      out = free.data();
      copy = false;
    }
  }
  lastSize_ = static_cast<uint16_t>(record.size());
  const std::optional<size_t> size = cipher_.open(record, out);
  const Outcome outcome =
      size ? readOpened(record[0], {out, *size}, copy ? Place::kInput : Place::kFifo, into, now)
           : fatal(Alert::bad_record_mac,
                   "a record cannot be decrypted: it was damaged on the path or forged");
  into.commit(0);  // gives the block back if it is empty
  return outcome;
}

/// Judges the size of a decrypted record, and removes the padding and the content type.
Outcome RecordReader::readOpened(uint8_t type, std::span<const uint8_t> inner, Place place,
                                 RingBuffer& into, TimePoint now) {
  const bool tls13 = cipher_.tls13();
  if (inner.size() > kMaxPlaintext + (tls13 ? 1 : 0))
    return fatal(Alert::record_overflow, "a record carries more than 2^14 bytes");
  if (tls13) {
    size_t end = inner.size();
    while (end > 0 && inner[end - 1] == 0) --end;
    type = end > 0 ? inner[end - 1] : 0;
    inner = inner.first(end > 0 ? end - 1 : 0);
  }
  if (inner.size() > limit_)
    return fatal(Alert::record_overflow, "a record is longer than was negotiated");
  // RFC 8446 5.1: no other record may be between the parts of a message.
  const bool between = messages_.pending() && type != kHandshakeRecord;
  if (between && (tls13 || type != kAlertRecord))
    return unexpected("a record is between the parts of a handshake message");
  if (type == kApplicationData) return readPayload(inner, place, into, now);
  idle_.add(now);
  if (type == kHandshakeRecord) return readMessages(inner);
  if (type == kAlertRecord) return readAlert(inner);
  return unexpected("a record of an unknown type");
}

Outcome RecordReader::readPayload(std::span<const uint8_t> content, Place place, RingBuffer& into,
                                  TimePoint now) {
  if (content.empty()) {
    idle_.add(now);
    return {};
  }
  idle_.payload();
  if (content.size() > into.room()) return {Kind::kNoMemory};
  if (place == Place::kFifo) {
    // Payload that is in the spare bytes of the FIFO moves to the front of the FIFO.
    const size_t inPlace = std::min(content.size(), into.writable().size());
    into.commit(inPlace);
    content = content.subspan(inPlace);
  }
  copied_ += content.size();
  return into.append(content) ? Outcome{} : Outcome{Kind::kNoMemory};
}

Outcome RecordReader::readMessages(std::span<const uint8_t> content) {
  if (content.empty()) return unexpected("an empty handshake record");
  while (!content.empty()) {
    const MessageReader::Step message = messages_.next(content);
    switch (message.event) {
      case MessageReader::Event::kRefuse:
        return fatal(message.alert, message.reason);
      case MessageReader::Event::kUpdateRequested:
        updateRequested_ = true;
        [[fallthrough]];
      case MessageReader::Event::kKeyUpdate:
        // The keys change between records, so nothing may follow in this one (RFC 8446 5.1).
        if (!content.empty()) return unexpected("a message follows a KeyUpdate in its record");
        if (!cipher_.update()) return {Kind::kNoMemory};
        break;
      case MessageReader::Event::kRenegotiation:
        renegotiation_ = true;
        break;
      case MessageReader::Event::kTicket:
        if (const auto ticket = messages_.takeTicket(); ticket && tickets_ != nullptr)
          tickets_->onTicket(*ticket);
        break;
      case MessageReader::Event::kNone:
        break;
    }
  }
  return {};
}

Outcome RecordReader::readAlert(std::span<const uint8_t> content) const {
  if (content.empty()) return unexpected("an empty alert");
  if (content.size() != 2) return fatal(Alert::decode_error, "an alert has a wrong length");
  const uint8_t level = content[0];
  const uint8_t number = content[1];
  if (number == Alert::close_notify) return {Kind::kEnd};
  // TLS 1.3 ignores the level: every alert but these two is an error (RFC 8446 6).
  const bool warning = cipher_.tls13() ? number == Alert::user_canceled && level != 2 : level == 1;
  return warning ? Outcome{} : Outcome{Kind::kReceived, number, {}};
}

bool RecordReader::hold(std::span<const uint8_t> start) {
  block_ = pool_.lease(kHeldBlock);
  if (block_ == nullptr) return false;
  std::memcpy(block_, start.data(), start.size());
  held_ = static_cast<uint16_t>(start.size());
  return true;
}

void RecordReader::release() {
  if (block_ != nullptr) pool_.giveBack(std::exchange(block_, nullptr), kHeldBlock);
  held_ = 0;
}

}  // namespace culvert
