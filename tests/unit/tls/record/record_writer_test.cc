// SPDX-License-Identifier: GPL-3.0-or-later
// RecordWriter: what it sends can be read by the peer, the keys change in time, and it stops when
// memory or numbers run out.
#include "tls/record/record_writer.h"

#include <gtest/gtest.h>

#include "base/big_endian.h"
#include "base/hex.h"
#include "tls/protocol/alert_number.h"
#include "unit/tls/support/peer_records.h"
#include "unit/tls/support/rfc8448.h"

namespace culvert {
namespace {

using Bytes = RecordBytes;
using Opened = PeerRecords::Opened;

class RecordWriterTest : public testing::TestWithParam<RecordSuite> {
 protected:
  RecordWriterTest() { makeKeys(GetParam(), keys_); }

  /// Opens all records of `out`, and follows KeyUpdates.
  std::vector<Opened> openAll(PeerRecords& peer, OutputBuffer& out) {
    std::vector<Opened> all;
    std::span<const uint8_t> rest = out.bytes();
    while (!rest.empty()) {
      auto record = peer.open(rest);
      EXPECT_TRUE(record.has_value());
      if (!record) return all;
      if (record->type == kHandshakeRecord) {
        EXPECT_EQ(record->content, (Bytes{kKeyUpdate, 0, 0, 1, 0}));
        peer.update();
      }
      all.push_back(std::move(*record));
    }
    out.clear();
    return all;
  }
  bool tls13() const { return keys_.cipher.tls13; }

  SessionKeys keys_;
  KeyCache cache_;
  OutputBuffer out_{64};
  ByteSource source_{1};
};

TEST_P(RecordWriterTest, PayloadOfEverySize) {
  RecordWriter writer(cache_, keys_);
  PeerRecords peer(keys_.cipher, keys_.out);
  EXPECT_EQ(writer.limit(), kMaxPlaintext);
  for (const size_t size : {0, 1, 2, 1369, 4229, 16383, 16384}) {
    const Bytes content = source_.bytes(size);
    ASSERT_TRUE(writer.payload(content, out_));
    const std::vector<Opened> records = openAll(peer, out_);
    ASSERT_EQ(records.size(), 1u);
    EXPECT_EQ(records[0].type, kApplicationData);
    EXPECT_EQ(records[0].content, content);
  }
}

TEST_P(RecordWriterTest, RecordsAreAppended) {
  RecordWriter writer(cache_, keys_);
  PeerRecords peer(keys_.cipher, keys_.out);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(writer.payload(source_.bytes(100), out_));
    ASSERT_TRUE(writer.alert(RecordWriter::kWarning, Alert::no_renegotiation, out_));
    if (tls13()) {
      ASSERT_TRUE(writer.keyUpdate(out_));
    }
  }
  EXPECT_EQ(openAll(peer, out_).size(), tls13() ? 30u : 20u);
}

TEST_P(RecordWriterTest, EveryAlert) {
  RecordWriter writer(cache_, keys_);
  PeerRecords peer(keys_.cipher, keys_.out);
  for (const uint8_t level : {RecordWriter::kWarning, RecordWriter::kFatal}) {
    for (int number = 0; number < 256; ++number) {
      ASSERT_TRUE(writer.alert(level, static_cast<uint8_t>(number), out_));
      const std::vector<Opened> records = openAll(peer, out_);
      ASSERT_EQ(records.size(), 1u);
      EXPECT_EQ(records[0].type, kAlertRecord);
      EXPECT_EQ(records[0].content, (Bytes{level, static_cast<uint8_t>(number)}));
    }
  }
}

TEST_P(RecordWriterTest, LimitIsThatOfThePeer) {
  for (const uint16_t limit : {64, 512, 4096, 16384}) {
    keys_.sendLimit = limit;
    EXPECT_EQ(RecordWriter(cache_, keys_).limit(), limit);
  }
}

TEST_P(RecordWriterTest, KeysChangeAfter2To24Records) {
  keys_.out.sequence = RecordWriter::kMostRecords - 2;
  RecordWriter writer(cache_, keys_);
  PeerRecords peer(keys_.cipher, keys_.out);
  std::vector<uint8_t> types;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(writer.payload(Bytes{1}, out_));
    for (const Opened& record : openAll(peer, out_)) types.push_back(record.type);
  }
  const uint8_t d = kApplicationData;
  EXPECT_EQ(types, tls13() ? (Bytes{d, d, kHandshakeRecord, d, d}) : (Bytes{d, d, d, d}));
}

TEST_P(RecordWriterTest, KeysChangeAfter2To36Bytes) {
  RecordWriter writer(cache_, keys_, RecordWriter::kMostBytes - 100);
  PeerRecords peer(keys_.cipher, keys_.out);
  std::vector<uint8_t> types;
  for (const size_t size : {99, 1, 5, 5}) {
    ASSERT_TRUE(writer.payload(source_.bytes(size), out_));
    for (const Opened& record : openAll(peer, out_)) types.push_back(record.type);
  }
  const uint8_t d = kApplicationData;
  EXPECT_EQ(types, tls13() ? (Bytes{d, d, kHandshakeRecord, d, d}) : (Bytes{d, d, d, d}));
}

TEST_P(RecordWriterTest, AnEarlierKeyUpdateStartsTheCountAgain) {
  if (!tls13()) return;
  RecordWriter writer(cache_, keys_, RecordWriter::kMostBytes);
  PeerRecords peer(keys_.cipher, keys_.out);
  ASSERT_TRUE(writer.keyUpdate(out_));
  ASSERT_TRUE(writer.payload(Bytes{1}, out_));
  EXPECT_EQ(openAll(peer, out_).size(), 2u) << "no second KeyUpdate";
}

TEST_P(RecordWriterTest, AlertsDoNotChangeKeys) {
  keys_.out.sequence = RecordWriter::kMostRecords;
  RecordWriter writer(cache_, keys_);
  PeerRecords peer(keys_.cipher, keys_.out);
  ASSERT_TRUE(writer.alert(RecordWriter::kWarning, Alert::close_notify, out_));
  EXPECT_EQ(openAll(peer, out_).size(), 1u);
}

TEST_P(RecordWriterTest, EndsWithTheSequenceNumbers) {
  keys_.out.sequence = UINT64_MAX;
  RecordWriter writer(cache_, keys_);
  EXPECT_FALSE(writer.payload(Bytes{1}, out_));
  EXPECT_FALSE(writer.alert(RecordWriter::kFatal, Alert::internal_error, out_));
  EXPECT_TRUE(out_.empty());
}

TEST_P(RecordWriterTest, ExplicitNoncesCountUp) {
  if (tls13() || GetParam().aead == AeadKind::kChaCha20Poly1305) return;  // no such nonces
  keys_.out.nextNonce = 0x00ffffffffffffff;
  RecordWriter writer(cache_, keys_);
  for (uint64_t i = 0; i < 3; ++i) {
    out_.clear();
    ASSERT_TRUE(writer.payload(Bytes{1}, out_));
    EXPECT_EQ(bigEndian(out_.bytes().subspan(5, 8)), keys_.out.nextNonce + i);
  }
}

INSTANTIATE_TEST_SUITE_P(Suites, RecordWriterTest, testing::ValuesIn(everyRecordSuite()),
                         [](const auto& info) { return nameOf(info.param); });

TEST(RecordWriterRfc8448, EveryRecord) {
  for (const Rfc8448Direction& direction : kRfc8448) {
    SessionKeys keys;
    ASSERT_TRUE(decodeHex(direction.secret, std::span(keys.out.secret).first<32>()));
    ASSERT_TRUE(decodeHex(direction.key, std::span(keys.out.key).first<16>()));
    ASSERT_TRUE(decodeHex(direction.iv, keys.out.iv));
    for (const Rfc8448Record& record : direction.records) {
      keys.out.sequence = record.number;
      KeyCache cache;
      RecordWriter writer(cache, keys);
      OutputBuffer out(100);
      if (record.type == kHandshakeRecord) continue;  // culvert sends no ticket here
      ASSERT_TRUE(record.type == kAlertRecord
                      ? writer.alert(RecordWriter::kWarning, Alert::close_notify, out)
                      : writer.payload(*decodeHex(record.content), out));
      EXPECT_EQ(encodeHex(out.bytes()), record.sealed);
    }
  }
}

}  // namespace
}  // namespace culvert
