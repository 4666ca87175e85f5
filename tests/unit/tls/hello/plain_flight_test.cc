// SPDX-License-Identifier: GPL-3.0-or-later
// PlainFlight: however a client cuts its messages, wolfSSL sees whole headers; what has no place is
// refused.
#include "tls/hello/plain_flight.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tls/protocol/alert_number.h"
#include "unit/tls/support/hello_builder.h"

namespace culvert {
namespace {

const Bytes kKeyExchange = Bytes{16, 0, 0, 33} + vector8(Bytes(32, 5));
const Bytes kCcs = {20, 3, 3, 0, 1, 1};
const Bytes kSealed = {22, 3, 3, 0, 3, 1, 2, 3};

Bytes record(uint8_t type, const Bytes& body) {
  Bytes out{type, 3, 3};
  return out + vector16(body);
}

/// `message` in records of `size` bytes.
Bytes cut(const Bytes& message, size_t size) {
  Bytes out;
  for (size_t at = 0; at < message.size(); at += size)
    out =
        out +
        record(22, Bytes(message.begin() + static_cast<long>(at),
                         message.begin() + static_cast<long>(std::min(at + size, message.size()))));
  return out;
}

/// The contents of the handshake records in `out`, each of which begins with a whole header where a
/// message begins; then what follows from change_cipher_spec on.
Bytes joined(Bytes out) {
  Bytes messages;
  while (!out.empty() && out[0] == 22) {
    const size_t size = static_cast<size_t>(out[3] << 8 | out[4]);
    EXPECT_GE(out.size(), 5 + size);
    EXPECT_TRUE(!messages.empty() || size >= 4) << "a header is cut";
    messages.insert(messages.end(), out.begin() + 5, out.begin() + 5 + static_cast<long>(size));
    out.erase(out.begin(), out.begin() + 5 + static_cast<long>(size));
  }
  return messages + out;
}

TEST(PlainFlight, JoinsHeadersHoweverTheyAreCut) {
  for (size_t recordSize : {1u, 2u, 3u, 4u, 5u, 20u, 100u}) {
    const Bytes bytes = cut(kKeyExchange, recordSize) + kCcs + kSealed;
    for (size_t piece : {size_t{1}, size_t{3}, bytes.size()}) {
      PlainFlight flight;
      std::vector<uint8_t> out;
      for (size_t at = 0; at < bytes.size(); at += piece) {
        const Bytes part(bytes.begin() + static_cast<long>(at),
                         bytes.begin() + static_cast<long>(std::min(at + piece, bytes.size())));
        ASSERT_EQ(flight.feed(part, out, false).kind, RecordVerdict::kPass);
      }
      EXPECT_EQ(joined(out), kKeyExchange + kCcs + kSealed)
          << recordSize << " in pieces of " << piece;
    }
  }
}

TEST(PlainFlight, MessagesThatShareARecordArePartedAndComeThrough) {
  const Bytes certificate = {11, 0, 0, 3, 0, 0, 0};
  PlainFlight flight;
  std::vector<uint8_t> out;
  ASSERT_EQ(flight.feed(record(22, certificate + kKeyExchange), out, true).kind,
            RecordVerdict::kPass);
  EXPECT_EQ(joined(out), certificate + kKeyExchange);
}

TEST(PlainFlight, RefusesWhatHasNoPlace) {
  struct Case {
    Bytes bytes;
    int alert;
    bool certificateAsked = false;
  };
  const Case cases[] = {
      {record(22, {11, 0, 0, 3, 0, 0, 0}), Alert::unexpected_message},
      {record(22, {15, 0, 0, 4, 4, 3, 0, 0}), Alert::unexpected_message},
      {record(22, {20, 0, 0, 12}), Alert::unexpected_message, true},
      {record(22, {1, 0}), Alert::unexpected_message},
      {record(23, {1}), Alert::unexpected_message},
      {record(24, {1}), Alert::unexpected_message},
      {record(99, {1}), Alert::unexpected_message},
      {record(22, {}), Alert::unexpected_message},
      {record(21, {}), Alert::unexpected_message},
      {record(22, {16, 0}) + kCcs, Alert::unexpected_message},
      {record(22, {16, 0, 0, 33, 32}) + kCcs, Alert::unexpected_message},
      {Bytes{22, 3, 3, 0x40, 0x01}, Alert::record_overflow},
  };
  for (const Case& one : cases) {
    PlainFlight flight;
    std::vector<uint8_t> out;
    const RecordVerdict verdict = flight.feed(one.bytes, out, one.certificateAsked);
    EXPECT_EQ(verdict.kind, RecordVerdict::kRefuse) << static_cast<int>(one.bytes[0]);
    EXPECT_EQ(verdict.alert, one.alert) << verdict.reason;
    EXPECT_FALSE(verdict.reason.empty());
  }
}

TEST(PlainFlight, AlertsPassWhereverTheyCome) {
  PlainFlight flight;
  std::vector<uint8_t> out;
  const Bytes alert = record(21, {1, 90});
  ASSERT_EQ(flight.feed(record(22, {16, 0}) + alert, out, false).kind, RecordVerdict::kPass);
  EXPECT_EQ(Bytes(out.begin(), out.end()), alert);
}

}  // namespace
}  // namespace culvert
