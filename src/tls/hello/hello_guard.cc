// SPDX-License-Identifier: GPL-3.0-or-later
// See hello_guard.h. HelloGuard checks every length before it uses the length. HelloGuard keeps
// only a digest and a few facts of the first hello.
#include "tls/hello/hello_guard.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/big_endian.h"
#include "tls/library/sha256.h"
#include "tls/protocol/alert_number.h"
#include "tls/protocol/wire.h"

namespace culvert {

namespace {

// The most payload bytes of early data that culvert skips. Record headers do not count. BoringSSL
// has the same limit.
constexpr uint32_t kMostEarlyData = 16384;
// The most change_cipher_spec and warning records that culvert drops. Common clients send one or
// two.
constexpr uint8_t kMostDropped = 32;

constexpr size_t kRandomAt = 2;  // offset in the body of the message

RecordVerdict refuseWith(uint8_t alert, std::string_view reason) {
  return {RecordVerdict::kRefuse, alert, 0, reason};
}

/// True for extension types that may differ between the first and the second hello.
bool mayChange(uint16_t type) {
  return type == kKeyShareExtension || type == kEarlyDataExtension || type == kCookieExtension ||
         type == kPreSharedKeyExtension || type == kPaddingExtension;
}

/// Returns the extensions of `hello` sorted by type, because the order may differ between the two
/// hellos. For example, wolfSSL's client moves supported_versions and psk_key_exchange_modes in its
/// second hello. The parser has checked that each type occurs once and that pre_shared_key is last.
std::vector<std::span<const uint8_t>> sortedExtensions(const ClientHello& hello) {
  std::vector<std::span<const uint8_t>> out;
  for (auto rest = hello.extensions; rest.size() >= 4;) {
    const size_t size = 4 + u16At(rest, 2);
    out.push_back(rest.first(size));
    rest = rest.subspan(size);
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return u16At(a, 0) < u16At(b, 0); });
  return out;
}

/// Stores in `flight` the type of `message`. If the message is split over records, `message` is
/// only the part in its first record.
void noteMessage(std::span<const uint8_t> message, StagedFlight& flight) {
  if (message[0] == kCertificateRequest) flight.asksCertificate = true;
  if (message[0] != kServerHello) return;
  const auto body = message.subspan(kMessageHeader);
  if (body.size() >= kRandomAt + kRetryRandom.size() &&
      std::memcmp(&body[kRandomAt], kRetryRandom.data(), kRetryRandom.size()) == 0) {
    flight.retry = body;
  } else {
    flight.serverHello = true;
  }
}

}  // namespace

StagedFlight lookAtFlight(std::span<const uint8_t> staged) {
  StagedFlight flight;
  size_t left = 0;  // bytes of the current message that are in later records
  while (staged.size() >= kRecordHeader) {
    const size_t record = std::min(kRecordHeader + u16At(staged, 3), staged.size());
    auto body = staged.subspan(kRecordHeader, record - kRecordHeader);
    const uint8_t type = staged[0];
    staged = staged.subspan(record);
    if (type == kChangeCipherSpec && flight.serverHello) break;  // later records are encrypted
    if (type != kHandshakeRecord) continue;
    while (!body.empty()) {
      const size_t rest = std::min(left, body.size());
      left -= rest;
      body = body.subspan(rest);
      if (body.size() < kMessageHeader) break;
      left = kMessageHeader + u24At(body, 1);
      noteMessage(body.first(std::min(left, body.size())), flight);
    }
  }
  return flight;
}

void HelloGuard::awaitSecond(const ClientHello& first, std::span<const uint8_t> retry) {
  // The fields of `retry` are legacy_version, random, session id, suite, compression and
  // extensions. Their lengths need no check, because wolfSSL wrote them.
  constexpr size_t kSessionIdAt = kRandomAt + kRetryRandom.size();
  size_t at = kSessionIdAt + 1 + retry[kSessionIdAt] + 2 + 1 + 2;
  while (at + 4 <= retry.size()) {
    const size_t type = u16At(retry, at);
    if (type == kCookieExtension) cookie_ = true;
    if (type == kKeyShareExtension && at + 6 <= retry.size()) group_ = u16At(retry, at + 4);
    at += 4 + u16At(retry, at + 2);
  }
  first_ = digestOf(first);
  firstHadTicket_ = first.hasPreSharedKey;
  firstHadEarlyData_ = first.hasEarlyData;
  awaits_ = true;
}

RecordVerdict HelloGuard::inspect(std::span<const uint8_t> bytes) {
  if (bytes.empty()) return {RecordVerdict::kMore};
  if (skipLeft_ != 0) {
    const size_t part = std::min<size_t>(skipLeft_, bytes.size());
    skipLeft_ -= static_cast<uint32_t>(part);
    return {RecordVerdict::kDrop, 0, part};
  }
  const uint8_t type = bytes[0];
  const bool mine = type == kChangeCipherSpec || type == kAlertRecord || awaits_;
  if (!mine || type == kHandshakeRecord) return {};
  if (type < kChangeCipherSpec || type > kApplicationData)
    return refuseWith(Alert::unexpected_message, "a record of an unknown type");
  if (bytes.size() < kRecordHeader) return {RecordVerdict::kMore};
  return inspectBody(type, u16At(bytes, 3), bytes);
}

RecordVerdict HelloGuard::inspectBody(uint8_t type, size_t length, std::span<const uint8_t> bytes) {
  const size_t record = kRecordHeader + length;
  if (type == kApplicationData) return skipEarlyData(record, bytes);
  const size_t wanted = type == kAlertRecord ? 2 : 1;
  if (length != wanted)
    return refuseWith(Alert::unexpected_message, type == kAlertRecord
                                                     ? "an alert is not two bytes long"
                                                     : "change_cipher_spec is not one byte long");
  if (bytes.size() < record) return {RecordVerdict::kMore};
  if (type == kChangeCipherSpec && bytes[kRecordHeader] != 1)
    return refuseWith(Alert::unexpected_message, "change_cipher_spec does not have the value 1");
  // TLS 1.3 ignores the level of an alert (RFC 8446 6). Every alert except user_canceled ends the
  // session.
  if (type == kAlertRecord && bytes[kRecordHeader + 1] != Alert::user_canceled)
    return {RecordVerdict::kReceived, bytes[kRecordHeader + 1]};
  if (++dropped_ > kMostDropped)
    return refuseWith(Alert::unexpected_message, "too many change_cipher_spec and warning records");
  return {RecordVerdict::kDrop, 0, record};
}

RecordVerdict HelloGuard::skipEarlyData(size_t record, std::span<const uint8_t> bytes) {
  if (!firstHadEarlyData_)
    return refuseWith(Alert::unexpected_message, "client sent data before the handshake was done");
  if (record - kRecordHeader > kMaxCiphertext13)
    return refuseWith(Alert::record_overflow, "a record is longer than allowed");
  // Count an empty record as one byte, so that a client cannot send empty records without end.
  skipped_ += static_cast<uint32_t>(std::max<size_t>(record - kRecordHeader, 1));
  if (skipped_ > kMostEarlyData)
    return refuseWith(Alert::unexpected_message, "client sent more early data than culvert skips");
  const size_t part = std::min(record, bytes.size());
  skipLeft_ = static_cast<uint32_t>(record - part);
  return {RecordVerdict::kDrop, 0, part};
}

SecondHelloVerdict HelloGuard::judgeSecond(const ClientHello& second) {
  awaits_ = false;
  if (!second.hasKeyShare) return {Alert::missing_extension, "the second hello lacks key_share"};
  if (second.hasEarlyData) return {Alert::illegal_parameter, "the second hello offers early data"};
  if (second.hasCookie != cookie_)
    return {Alert::illegal_parameter,
            cookie_ ? "the second hello lacks the cookie of the HelloRetryRequest"
                    : "client sends a cookie that the server did not send"};
  if (second.hasPreSharedKey && !firstHadTicket_)
    return {Alert::illegal_parameter, "the second hello offers a ticket, the first did not"};
  if (group_ != 0) {
    size_t shares = 0;
    bool asked = false;
    second.forEachKeyShare([&](uint16_t group, std::span<const uint8_t>) {
      ++shares;
      asked = group == group_;
    });
    if (shares != 1 || !asked)
      return {Alert::illegal_parameter,
              "the second hello does not have exactly the requested key share"};
  }
  if (digestOf(second) != first_)
    return {Alert::illegal_parameter, "the second hello differs from the first"};
  return {};
}

HelloGuard::Digest HelloGuard::digestOf(const ClientHello& hello) const {
  Sha256Hasher sha;
  // The digest covers all fields before the extensions, but not the length of the message and not
  // the length of the extensions.
  const size_t fields = hello.message.size() - hello.extensions.size() - 2;
  sha.add(hello.message.first(fields).subspan(kMessageHeader));
  for (const auto extension : sortedExtensions(hello)) {
    const auto type = u16At(extension, 0);
    // If the HelloRetryRequest requested no group, the key shares must not change.
    if (!mayChange(type) || (type == kKeyShareExtension && group_ == 0)) sha.add(extension);
  }
  return sha.finish();
}

}  // namespace culvert
