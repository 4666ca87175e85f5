// SPDX-License-Identifier: GPL-3.0-or-later
// RecordReader: sizes at the exact byte, padding, content types, versions, alerts, forged records
// and the end of the sequence numbers (RFC 8446 5 and 6, RFC 5246 6.2 and 7.2).
#include "tls/record/record_reader.h"

#include <gtest/gtest.h>

#include "base/hex.h"
#include "tls/protocol/alert_number.h"
#include "unit/tls/support/reading_session.h"
#include "unit/tls/support/rfc8448.h"

namespace culvert {
namespace {

using Bytes = RecordBytes;

class RecordReaderTest : public testing::TestWithParam<RecordSuite> {
 protected:
  bool tls13() const { return GetParam().tls13; }
  ByteSource source_{1};
};

class RecordReader13 : public RecordReaderTest {};
class RecordReader12 : public RecordReaderTest {};

Bytes header(uint8_t type, size_t size, uint8_t major = 3, uint8_t minor = 3) {
  return {type, major, minor, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)};
}

// --- sizes -------------------------------------------------------------------------------------

TEST_P(RecordReaderTest, PayloadOfEverySize) {
  for (const size_t size : {0, 1, 2, 15, 16, 17, 1369, 16382, 16383, 16384}) {
    ReadingSession session(GetParam());
    const Bytes content = source_.bytes(size);
    expectMore(session.get(kApplicationData, content));
    EXPECT_EQ(session.drain(), content) << size;
    session.expectAlive();
    EXPECT_EQ(session.reader.takeCopied(), 0u);
  }
}

TEST_P(RecordReaderTest, MoreThan2To14BytesAreRefused) {
  for (const size_t size : {16385, 16386, 16500}) {
    ReadingSession session(GetParam());
    expectRefused(session.get(kApplicationData, source_.bytes(size)), Alert::record_overflow);
    EXPECT_TRUE(session.fifo.empty());
    EXPECT_EQ(session.pool.leasedBytes(), 0u);
  }
}

TEST_P(RecordReaderTest, LongestCiphertext) {
  // In TLS 1.2 a longer record carries more than 2^14 bytes, although RFC 5246 6.2.3 allows 2^14+2048.
  const size_t overhead = ReadingSession(GetParam()).peer.seal(kApplicationData, {}).size() - 5;
  const size_t longest = tls13() ? 16384 + 256 : 16384 + overhead;
  {
    ReadingSession session(GetParam());
    expectMore(session.read(header(kApplicationData, longest)));
  }
  for (const size_t size : {longest + 1, longest + 2, size_t{65535}}) {
    ReadingSession session(GetParam());
    expectRefused(session.read(header(kApplicationData, size)), Alert::record_overflow);
  }
  if (!tls13()) return;
  // A whole record of the longest ciphertext carries more than 2^14 bytes.
  ReadingSession session(GetParam());
  const Bytes record = session.peer.seal(kApplicationData, Bytes(longest - overhead, 7));
  ASSERT_EQ(record.size(), longest + 5);
  expectRefused(session.read(record), Alert::record_overflow);
}

TEST_P(RecordReaderTest, NegotiatedLimit) {
  for (const uint16_t limit : {64, 512, 1024, 2048, 4096, 16383}) {
    const auto change = [limit](SessionKeys& keys) { keys.inputLimit = limit; };
    ReadingSession session(GetParam(), ReadingSession::kFifo, change);
    const Bytes content = source_.bytes(limit);
    expectMore(session.get(kApplicationData, content));
    EXPECT_EQ(session.drain(), content);
    if (tls13()) {
      expectMore(session.get(kApplicationData, content, 16384 - limit));
      EXPECT_EQ(session.drain(), content) << "padding does not count";
    }
    expectRefused(session.get(kApplicationData, source_.bytes(limit + 1)), Alert::record_overflow);
    EXPECT_TRUE(session.fifo.empty());
  }
}

TEST_P(RecordReaderTest, ARecordShorterThanItsOverheadIsForged) {
  const size_t least = tls13() || GetParam().aead == AeadKind::kChaCha20Poly1305 ? 16 : 24;
  for (size_t size = 0; size < least; ++size) {
    ReadingSession session(GetParam());
    Bytes record = header(kApplicationData, size);
    record.resize(record.size() + size);
    expectRefused(session.read(record), Alert::bad_record_mac);
  }
}

// --- padding -----------------------------------------------------------------------------------

TEST_P(RecordReader13, Padding) {
  for (const size_t size : {0, 1, 100, 16000, 16384}) {
    for (const size_t padding :
         {size_t{0}, size_t{1}, size_t{63}, size_t{64}, size_t{65}, size_t{255}, 16384 - size}) {
      if (size + padding > 16384) continue;
      ReadingSession session(GetParam());
      const Bytes content = source_.bytes(size);
      expectMore(session.get(kApplicationData, content, padding));
      EXPECT_EQ(session.drain(), content) << size << ", " << padding;
      session.expectAlive();
    }
    ReadingSession session(GetParam());
    expectRefused(session.get(kApplicationData, source_.bytes(size), 16385 - size),
                  Alert::record_overflow);
    EXPECT_TRUE(session.fifo.empty());
  }
}

TEST_P(RecordReader13, PayloadMayEndWithZeros) {
  ReadingSession session(GetParam());
  const Bytes content(100, 0);
  expectMore(session.get(kApplicationData, content, 10));
  EXPECT_EQ(session.drain(), content);
}

TEST_P(RecordReader13, PaddingWithoutATypeIsRefused) {
  for (const size_t size : {0, 1, 2, 100, 16384, 16385}) {
    ReadingSession session(GetParam());
    expectRefused(session.read(session.peer.sealInner(Bytes(size, 0))), Alert::unexpected_message);
    EXPECT_EQ(session.pool.leasedBytes(), 0u);
  }
}

TEST_P(RecordReader13, AlertsAndMessagesMayBePadded) {
  ReadingSession session(GetParam());
  expectMore(session.get(kAlertRecord, {1, Alert::user_canceled}, 1000));
  expectMore(session.get(kHandshakeRecord, {kKeyUpdate, 0, 0, 1, 0}, 16379));
  session.peer.update();
  session.expectAlive();
  EXPECT_EQ(session.get(kAlertRecord, {1, Alert::close_notify}, 16382).kind, ReadKind::kEnd);
}

// --- content types -----------------------------------------------------------------------------

TEST_P(RecordReader13, InnerTypes) {
  for (int type = 1; type < 256; ++type) {
    if (type >= kAlertRecord && type <= kApplicationData) continue;
    for (const Bytes& content : {Bytes{}, Bytes{1}, Bytes{1, 0}, Bytes(100, 1)}) {
      ReadingSession session(GetParam());
      expectRefused(session.get(static_cast<uint8_t>(type), content), Alert::unexpected_message);
    }
  }
}

TEST_P(RecordReader13, OuterTypes) {
  for (int type = 0; type < 256; ++type) {
    if (type == kApplicationData) continue;
    // The header is enough.
    ReadingSession session(GetParam());
    expectRefused(session.read(header(static_cast<uint8_t>(type), 2)), Alert::unexpected_message);
    // A record that was sealed is not better.
    ReadingSession sealed(GetParam());
    Bytes record = sealed.peer.seal(static_cast<uint8_t>(type), {1, 0});
    record[0] = static_cast<uint8_t>(type);
    expectRefused(sealed.read(record), Alert::unexpected_message);
  }
}

TEST_P(RecordReader12, Types) {
  for (int type = 0; type < 256; ++type) {
    if (type >= kAlertRecord && type <= kApplicationData) continue;
    ReadingSession session(GetParam());
    expectRefused(session.read(header(static_cast<uint8_t>(type), 100)), Alert::unexpected_message);
    ReadingSession sealed(GetParam());
    expectRefused(sealed.read(sealed.peer.seal(static_cast<uint8_t>(type), {1})),
                  Alert::unexpected_message);
  }
}

TEST_P(RecordReader12, PlaintextRecordsAreForged) {
  for (const uint8_t type : {kAlertRecord, kHandshakeRecord, kApplicationData}) {
    ReadingSession session(GetParam());
    Bytes record = header(type, 40);
    record.resize(45, 1);
    expectRefused(session.read(record), Alert::bad_record_mac);
  }
}

TEST_P(RecordReaderTest, ChangeCipherSpecIsRefused) {
  // RFC 8446 5 allows a plain change_cipher_spec only until the peer's Finished.
  ReadingSession session(GetParam());
  expectRefused(session.read({kChangeCipherSpec, 3, 3, 0, 1, 1}), Alert::unexpected_message);
}

// --- versions ----------------------------------------------------------------------------------

TEST_P(RecordReader12, OtherVersionsAreRefused) {
  for (const auto& [major, minor] : std::vector<std::pair<uint8_t, uint8_t>>{
           {3, 0}, {3, 1}, {3, 2}, {3, 4}, {2, 3}, {0, 0}, {0xfe, 0xfd}}) {
    ReadingSession session(GetParam());
    expectRefused(session.read(header(kApplicationData, 100, major, minor)),
                  Alert::protocol_version);
  }
}

TEST_P(RecordReader13, VersionsAreIgnoredButAuthenticated) {
  for (const auto& [major, minor] :
       std::vector<std::pair<uint8_t, uint8_t>>{{3, 0}, {3, 1}, {3, 4}, {9, 9}}) {
    ReadingSession session(GetParam());
    expectMore(session.read(header(kApplicationData, 100, major, minor)));
    ReadingSession whole(GetParam());
    Bytes record = whole.peer.seal(kApplicationData, {1});
    record[1] = major;
    record[2] = minor;
    expectRefused(whole.read(record), Alert::bad_record_mac);
  }
}

// --- alerts ------------------------------------------------------------------------------------

TEST_P(RecordReaderTest, EveryAlert) {
  for (int level = 0; level < 256; level += level < 4 ? 1 : 63) {
    for (int number = 0; number < 256; ++number) {
      SCOPED_TRACE("level " + std::to_string(level) + ", alert " + std::to_string(number));
      ReadingSession session(GetParam());
      const auto n = static_cast<uint8_t>(number);
      const ReadOutcome outcome = session.get(kAlertRecord, {static_cast<uint8_t>(level), n});
      const bool ignored = tls13() ? n == Alert::user_canceled && level != 2 : level == 1;
      if (n == Alert::close_notify) {
        EXPECT_EQ(outcome.kind, ReadKind::kEnd);
      } else if (ignored) {
        expectMore(outcome);
        session.expectAlive();
      } else {
        EXPECT_EQ(outcome.kind, ReadKind::kReceived);
        EXPECT_EQ(outcome.alert, n);
      }
    }
  }
}

TEST_P(RecordReaderTest, AlertsOfEveryLength) {
  for (const size_t size : {0, 1, 3, 4, 100, 16384}) {
    ReadingSession session(GetParam());
    expectRefused(session.get(kAlertRecord, Bytes(size, 1)),
                  size == 0 ? Alert::unexpected_message : Alert::decode_error);
  }
}

TEST_P(RecordReaderTest, WhatFollowsCloseNotifyIsNotRead) {
  ReadingSession session(GetParam());
  Bytes bytes = session.peer.seal(kApplicationData, {1, 2});
  const Bytes close = session.peer.seal(kAlertRecord, {1, 0});
  bytes.insert(bytes.end(), close.begin(), close.end());
  bytes.insert(bytes.end(), 100, 0);
  EXPECT_EQ(session.read(bytes).kind, ReadKind::kEnd);
  EXPECT_EQ(session.drain(), (Bytes{1, 2}));
}

TEST_P(RecordReaderTest, PayloadBeforeAFaultIsDelivered) {
  ReadingSession session(GetParam());
  Bytes bytes = session.peer.seal(kApplicationData, {1, 2});
  Bytes forged = session.peer.seal(kApplicationData, {3, 4});
  forged.back() ^= 1;
  bytes.insert(bytes.end(), forged.begin(), forged.end());
  expectRefused(session.read(bytes), Alert::bad_record_mac);
  EXPECT_EQ(session.drain(), (Bytes{1, 2}));
}

// --- forged records, sequence numbers ----------------------------------------------------------

TEST_P(RecordReaderTest, EveryFlippedBitIsRefused) {
  ReadingSession original(GetParam());
  const Bytes record = original.peer.seal(kApplicationData, source_.bytes(20));
  for (size_t bit = 0; bit < 8 * record.size(); ++bit) {
    ReadingSession session(GetParam());
    Bytes forged = record;
    forged[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const ReadOutcome outcome = session.read(forged);
    EXPECT_TRUE(session.fifo.empty());
    // A longer record is not complete.
    if (bit / 8 == 3 || bit / 8 == 4) continue;
    EXPECT_EQ(outcome.kind, ReadKind::kRefuse) << bit;
  }
}

TEST_P(RecordReaderTest, RecordsAreReadOnceAndInOrder) {
  ReadingSession twice(GetParam());
  const Bytes first = twice.peer.seal(kApplicationData, {1});
  const Bytes second = twice.peer.seal(kApplicationData, {2});
  expectMore(twice.read(first));
  expectRefused(twice.read(first), Alert::bad_record_mac);
  ReadingSession order(GetParam());
  expectRefused(order.read(second), Alert::bad_record_mac);
}

TEST_P(RecordReaderTest, SequenceNumbersDoNotWrap) {
  const auto change = [](SessionKeys& keys) { keys.in.sequence = UINT64_MAX - 1; };
  ReadingSession session(GetParam(), ReadingSession::kFifo, change);
  session.expectAlive();
  expectRefused(session.get(kApplicationData, {1}), Alert::bad_record_mac);
  EXPECT_TRUE(session.fifo.empty());
}

INSTANTIATE_TEST_SUITE_P(Suites, RecordReaderTest, testing::ValuesIn(everyRecordSuite()),
                         [](const auto& info) { return nameOf(info.param); });
INSTANTIATE_TEST_SUITE_P(Suites, RecordReader13, testing::ValuesIn(recordSuites(true)),
                         [](const auto& info) { return nameOf(info.param); });
INSTANTIATE_TEST_SUITE_P(Suites, RecordReader12, testing::ValuesIn(recordSuites(false)),
                         [](const auto& info) { return nameOf(info.param); });

TEST(RecordReaderRfc8448, EveryRecord) {
  for (const Rfc8448Direction& direction : kRfc8448) {
    SCOPED_TRACE(direction.name);
    SessionKeys keys;
    keys.role = &direction == kRfc8448.data() ? TlsRole::kServer : TlsRole::kClient;
    ASSERT_TRUE(decodeHex(direction.secret, std::span(keys.in.secret).first<32>()));
    ASSERT_TRUE(decodeHex(direction.key, std::span(keys.in.key).first<16>()));
    ASSERT_TRUE(decodeHex(direction.iv, keys.in.iv));
    KeyCache cache;
    BufferPool pool;
    RingBuffer fifo(pool, 64 * 1024);
    RecordReader reader(cache, pool, keys);
    for (const Rfc8448Record& record : direction.records) {
      Bytes sealed = *decodeHex(record.sealed);
      const ReadOutcome outcome = reader.read(0, sealed, fifo, TimePoint{});
      EXPECT_EQ(outcome.kind, record.type == kAlertRecord ? ReadKind::kEnd : ReadKind::kMore);
    }
    EXPECT_EQ(encodeHex(fifo.readable()), kRfc8448Payload);
  }
}

}  // namespace
}  // namespace culvert
