// SPDX-License-Identifier: GPL-3.0-or-later
// RecordReader and memory: where a record is decrypted to, when a block is leased, what is copied,
// and what happens without memory. Also RecordWriter without memory.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <deque>

#include "scarce_memory.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/alert_number.h"
#include "tls/record/record_reader.h"
#include "tls/record/record_writer.h"
#include "unit/tls/support/reading_session.h"

#ifdef __SANITIZE_ADDRESS__
// A test needs more memory than a machine has. AddressSanitizer shall answer as malloc does.
extern "C" const char* __asan_default_options() { return "allocator_may_return_null=1"; }
#endif

namespace culvert {
namespace {

using Bytes = RecordBytes;

constexpr size_t kHeld = 17 * 1024;  // the block of an unfinished record
constexpr size_t kLeastOverhead = 21;

class ReaderMemory : public testing::TestWithParam<RecordSuite> {
 protected:
  bool tls13() const { return GetParam().tls13; }
  /// Fills the FIFO with `size` bytes, and takes `consumed` of them out.
  void fill(ReadingSession& session, size_t size, size_t consumed) {
    ASSERT_TRUE(session.fifo.append(Bytes(size, 0xF1)));
    while (consumed != 0) {
      const size_t some = std::min(consumed, session.fifo.readable().size());
      session.fifo.consume(some);
      consumed -= some;
    }
  }
  /// Lets the pool make its lists of blocks now, and keep no block.
  static void prepare(ReadingSession& session) {
    for (const size_t size : {kHeld, ReadingSession::kFifo + RingBuffer::kSpare})
      session.pool.giveBack(session.pool.lease(size), size);
    session.pool.trim();
  }
  ByteSource source_{1};
};

// --- the block of an unfinished record ---------------------------------------------------------

TEST_P(ReaderMemory, ABlockIsLeasedWhileARecordIsUnfinished) {
  ReadingSession session(GetParam());
  EXPECT_EQ(session.pool.leasedBytes(), 0u);
  const Bytes record = session.peer.seal(kApplicationData, {1, 2, 3});
  for (size_t i = 0; i + 1 < record.size(); ++i) {
    expectMore(session.read({record[i]}));
    EXPECT_EQ(session.pool.leasedBytes(), kHeld) << i;
  }
  expectMore(session.read({record.back()}));
  EXPECT_EQ(session.drain(), (Bytes{1, 2, 3}));
  EXPECT_EQ(session.pool.leasedBytes(), 0u);
}

TEST_P(ReaderMemory, NoBlockForWholeRecords) {
  ReadingSession session(GetParam());
  session.expectAlive();
  EXPECT_EQ(session.pool.leasedBytes(), 0u);
  expectMore(
      session.get(kAlertRecord, {1, tls13() ? Alert::user_canceled : Alert::no_renegotiation}));
  expectMore(session.get(kApplicationData, Bytes{}));
  EXPECT_EQ(session.pool.leasedBytes(), 0u);
  expectMore(session.read({}));
  EXPECT_EQ(session.pool.leasedBytes(), 0u);
}

TEST_P(ReaderMemory, ARecordWithoutPayloadLeavesASmallFifoEmpty) {
  // A record that does not fit into the FIFO, but its payload does.
  if (!tls13()) return;
  ReadingSession session(GetParam(), 4096);
  expectMore(session.get(kApplicationData, Bytes{}, 8000));
  EXPECT_EQ(session.pool.leasedBytes(), 0u);
  expectMore(session.get(kApplicationData, Bytes(100, 1), 8000));
  EXPECT_EQ(session.reader.takeCopied(), 100u);
  EXPECT_EQ(session.drain(), Bytes(100, 1));
}

TEST_P(ReaderMemory, TheReaderGivesItsBlockBack) {
  BufferPool pool;
  KeyCache cache;
  SessionKeys keys;
  makeKeys(GetParam(), keys);
  RingBuffer fifo(pool, 65536);
  {
    RecordReader reader(cache, pool, keys);
    Bytes start = {kApplicationData, 3};
    expectMore(reader.read(0, start, fifo, TimePoint{}));
    EXPECT_EQ(pool.leasedBytes(), kHeld);
  }
  EXPECT_EQ(pool.leasedBytes(), 0u);
}

TEST_P(ReaderMemory, MissingIsTheRestOfARecordWithAHeader) {
  const Bytes content = source_.bytes(500);
  for (size_t cut = 0; cut <= 30; ++cut) {
    ReadingSession session(GetParam());
    const Bytes record = session.peer.seal(kApplicationData, content);
    EXPECT_TRUE(session.reader.missing().empty());
    expectMore(session.read({record.begin(), record.begin() + static_cast<ptrdiff_t>(cut)}));
    const std::span<uint8_t> missing = session.reader.missing();
    if (cut < 5) {
      EXPECT_TRUE(missing.empty());
      continue;
    }
    ASSERT_EQ(missing.size(), record.size() - cut);
    // The rest in two parts, and the start of the next record elsewhere.
    std::copy_n(record.begin() + static_cast<ptrdiff_t>(cut), 100, missing.begin());
    expectMore(session.reader.read(100, {}, session.fifo, session.now));
    const std::span<uint8_t> rest = session.reader.missing();
    ASSERT_EQ(rest.size(), missing.size() - 100);
    std::copy(record.end() - static_cast<ptrdiff_t>(rest.size()), record.end(), rest.begin());
    Bytes next = session.peer.seal(kApplicationData, {7});
    Bytes start(next.begin(), next.begin() + 9);
    expectMore(session.reader.read(rest.size(), start, session.fifo, session.now));
    EXPECT_EQ(session.drain(), content);
    EXPECT_EQ(session.reader.missing().size(), next.size() - 9);
    expectMore(session.read({next.begin() + 9, next.end()}));
    EXPECT_EQ(session.drain(), Bytes{7});
  }
}

TEST_P(ReaderMemory, ReceivableBytesFitIntoTheLimit) {
  ReadingSession session(GetParam());
  for (const size_t limit : {size_t{1}, size_t{16383}, size_t{16384}, size_t{17408}, size_t{65536}})
    EXPECT_EQ(session.reader.receivable(limit), limit + kLeastOverhead * (limit / 16384 + 1));
  const size_t before = session.reader.receivable(65536);
  const Bytes record = session.peer.seal(kApplicationData, source_.bytes(16384));
  expectMore(session.read({record.begin(), record.begin() + 1000}));
  EXPECT_EQ(session.reader.receivable(65536), before - 1000);
  EXPECT_EQ(session.reader.receivable(900), 0u) << "less than is there already";
}

TEST_P(ReaderMemory, AsManyRecordsAsMayBeReceivedFit) {
  for (const size_t last : {0, 1, 100}) {
    ReadingSession session(GetParam());
    Bytes bytes, expected;
    for (int i = 0; i < 8; ++i) {
      const Bytes content = source_.bytes(i < 4 ? 16384 : last);
      const Bytes record = session.peer.seal(kApplicationData, content);
      if (bytes.size() + record.size() > session.reader.receivable(65536)) break;
      bytes.insert(bytes.end(), record.begin(), record.end());
      expected.insert(expected.end(), content.begin(), content.end());
    }
    expectMore(session.read(bytes));
    EXPECT_EQ(session.drain(), expected);
  }
}

TEST_P(ReaderMemory, AnEmptyRecordNeedsNoRoom) {
  ReadingSession session(GetParam(), 2 * 16384);
  Bytes bytes = session.peer.seal(kApplicationData, Bytes(16384, 1));
  for (const Bytes& more :
       {session.peer.seal(kApplicationData, Bytes(16384, 1)),
        session.peer.seal(kApplicationData, Bytes{}), session.peer.seal(kApplicationData, Bytes{})})
    bytes.insert(bytes.end(), more.begin(), more.end());
  expectMore(session.read(bytes));
  EXPECT_EQ(session.fifo.room(), 0u);
  EXPECT_EQ(session.drain(), Bytes(2 * 16384, 1));
  session.expectAlive();
}

// --- where a record is decrypted to ------------------------------------------------------------

/// Bytes behind the FIFO's free piece that a record may need: its content type and padding.
constexpr size_t kSpare = RingBuffer::kSpare;

TEST_P(ReaderMemory, IntoTheLastBytesOfTheFifo) {
  for (const size_t free : {1, 2, 16, 100, 5000}) {
    for (const size_t padding : {size_t{0}, kSpare - 1, kSpare}) {
      if (padding != 0 && !tls13()) continue;
      ReadingSession session(GetParam(), 20'000);
      fill(session, 20'000 - free, 0);
      const Bytes content = source_.bytes(free);
      expectMore(session.get(kApplicationData, content, padding));
      EXPECT_EQ(session.reader.takeCopied(), padding == kSpare ? free : 0u) << free;
      EXPECT_EQ(session.reader.takeCopied(), 0u);
      EXPECT_EQ(session.fifo.room(), 0u);
      Bytes expected(20'000 - free, 0xF1);
      expected.insert(expected.end(), content.begin(), content.end());
      EXPECT_EQ(session.drain(), expected);
    }
  }
}

TEST_P(ReaderMemory, TheStartOfTheContentIsNotOverwritten) {
  // The free piece ends where the content begins, so nothing behind it may be written.
  for (const size_t free : {1, 2, 16, 100, 5000}) {
    ReadingSession session(GetParam(), 20'000);
    fill(session, 20'000, free);
    ASSERT_EQ(session.fifo.spare(), 0u);
    const Bytes content = source_.bytes(free);
    expectMore(session.get(kApplicationData, content));
    EXPECT_EQ(session.reader.takeCopied(), tls13() ? free : 0u);
    Bytes expected(20'000 - free, 0xF1);
    expected.insert(expected.end(), content.begin(), content.end());
    EXPECT_EQ(session.drain(), expected);
  }
}

TEST_P(ReaderMemory, ARecordThatWrapsIsCopied) {
  const size_t inner = tls13() ? 1001 : 1000;
  for (const size_t atTheEnd : {size_t{1}, size_t{10}, size_t{64}, inner - kSpare - 1,
                                inner - kSpare, size_t{998}, size_t{999}, size_t{1000}}) {
    ReadingSession session(GetParam(), 20'000);
    fill(session, 20'000 - atTheEnd, 10'000);
    const Bytes content = source_.bytes(1000);
    expectMore(session.get(kApplicationData, content));
    // The spare bytes save most of the copy.
    EXPECT_EQ(session.reader.takeCopied(), atTheEnd + kSpare < inner ? 1000 : 1000 - atTheEnd);
    Bytes expected(10'000 - atTheEnd, 0xF1);
    expected.insert(expected.end(), content.begin(), content.end());
    EXPECT_EQ(session.drain(), expected);
  }
}

TEST_P(ReaderMemory, PayloadBeyondTheRoomChangesNothing) {
  for (const size_t size : {101, 110, 163, 164, 165, 300}) {
    for (const size_t consumed : {0, 400}) {
      ReadingSession session(GetParam(), 1000);
      fill(session, 900, consumed);
      ASSERT_TRUE(session.fifo.append(Bytes(consumed, 0xF1)));
      EXPECT_EQ(session.get(kApplicationData, Bytes(size, 1)).kind, ReadKind::kNoMemory);
      EXPECT_EQ(session.drain(), Bytes(900, 0xF1));
    }
  }
}

TEST_P(ReaderMemory, ForgedRecordsReachNoReader) {
  ReadingSession session(GetParam(), 20'000);
  fill(session, 15'000, 5'000);
  Bytes record = session.peer.seal(kApplicationData, source_.bytes(3'000));
  record.back() ^= 1;
  expectRefused(session.read(record), Alert::bad_record_mac);
  EXPECT_EQ(session.drain(), Bytes(10'000, 0xF1));
}

TEST_P(ReaderMemory, ARingThatWrapsAtEveryPlace) {
  ReadingSession session(GetParam(), 3'000);
  std::deque<uint8_t> model;
  size_t copied = 0;
  for (int i = 0; i < 2'000; ++i) {
    const size_t most = std::min<size_t>(session.fifo.room(), 700);
    const Bytes content = source_.bytes(source_.below(most + 1));
    expectMore(session.get(kApplicationData, content, tls13() ? source_.below(80) : 0));
    if (content.empty()) session.now += Millis(2'000);
    model.insert(model.end(), content.begin(), content.end());
    copied += session.reader.takeCopied();
    ASSERT_EQ(session.fifo.size(), model.size());
    size_t take = source_.below(std::min<size_t>(session.fifo.size(), 900) + 1);
    while (take != 0) {
      const std::span<const uint8_t> piece = session.fifo.readable();
      const size_t some = std::min(take, piece.size());
      ASSERT_TRUE(
          std::equal(piece.begin(), piece.begin() + static_cast<ptrdiff_t>(some), model.begin()));
      session.fifo.consume(some);
      model.erase(model.begin(), model.begin() + static_cast<ptrdiff_t>(some));
      take -= some;
    }
  }
  EXPECT_NE(copied, 0u);
}

// --- memory shortage ---------------------------------------------------------------------------

#ifndef CULVERT_SANITIZED  // a sanitizer needs address space of its own
TEST_P(ReaderMemory, NoMemoryForTheUnfinishedRecord) {
  ReadingSession session(GetParam());
  prepare(session);
  Bytes record = session.peer.seal(kApplicationData, {1, 2, 3});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_AS, &before), 0);
  const rlimit none = {0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &none), 0);
  const ReadOutcome outcome =
      session.reader.read(0, std::span(record).first(10), session.fifo, session.now);
  ASSERT_EQ(::setrlimit(RLIMIT_AS, &before), 0);
  EXPECT_EQ(outcome.kind, ReadKind::kNoMemory);
  EXPECT_EQ(session.pool.leasedBytes(), 0u);
}
#endif

TEST_P(ReaderMemory, NoMemoryForTheFifo) {
  for (const size_t size : {0, 1, 100, 16384}) {
    ReadingSession session(GetParam(), size_t{1} << 52);  // more than an address space
    // The FIFO can only go on with a block of its whole capacity.
    const Bytes before(RingBuffer::kMiddle);
    ASSERT_TRUE(session.fifo.append(before));
    const size_t leased = session.pool.leasedBytes();
    const ReadOutcome outcome = session.get(kApplicationData, source_.bytes(size));
    EXPECT_EQ(outcome.kind, size == 0 ? ReadKind::kMore : ReadKind::kNoMemory) << nameOf(outcome);
    EXPECT_EQ(session.fifo.size(), before.size());
    EXPECT_EQ(session.pool.leasedBytes(), leased);
  }
}

TEST_P(ReaderMemory, RecordsWithoutPayloadNeedNoMemory) {
  ReadingSession session(GetParam());
  prepare(session);
  Bytes record = tls13() ? session.peer.seal(kHandshakeRecord, {kKeyUpdate, 0, 0, 1, 0})
                         : session.peer.seal(kAlertRecord, {1, Alert::no_renegotiation});
  ReadOutcome outcome;
  {
    const ScarceMemory scarce(0);
    outcome = session.reader.read(0, record, session.fifo, session.now);
  }
  expectMore(outcome);
  if (tls13()) session.peer.update();
  session.expectAlive();
}

/// While this object lives, wolfSSL gets no memory.
class StarvedLibrary {
 public:
  StarvedLibrary() {
    wolfSSL_GetAllocators(&malloc_, &free_, &realloc_);
    wolfSSL_SetAllocators([](size_t) -> void* { return nullptr; }, ::free,
                          [](void*, size_t) -> void* { return nullptr; });
  }
  ~StarvedLibrary() { wolfSSL_SetAllocators(malloc_, free_, realloc_); }

 private:
  wolfSSL_Malloc_cb malloc_ = nullptr;
  wolfSSL_Free_cb free_ = nullptr;
  wolfSSL_Realloc_cb realloc_ = nullptr;
};

TEST_P(ReaderMemory, AKeyUpdateWithoutMemoryForTheLibrary) {
  if (!tls13()) return;
  ReadingSession session(GetParam());
  Bytes record = session.peer.seal(kHandshakeRecord, {kKeyUpdate, 0, 0, 1, 0});
  session.peer.update();
  ReadOutcome outcome;
  {
    const StarvedLibrary starved;
    outcome = session.read(record);
  }
  if (outcome.kind == ReadKind::kNoMemory) return;
  expectMore(outcome);
  session.expectAlive();
}

TEST_P(ReaderMemory, TheWriterWithoutMemorySealsNothing) {
  SessionKeys keys;
  makeKeys(GetParam(), keys);
  KeyCache cache;
  RecordWriter writer(cache, keys);
  OutputBuffer out(1);
  bool payload = true, alert = true;
  const Bytes bytes(100, 1);
  {
    const ScarceMemory scarce(0);
    payload = writer.payload(bytes, out);
    alert = writer.alert(RecordWriter::kFatal, Alert::internal_error, out);
  }
  EXPECT_FALSE(payload);
  EXPECT_FALSE(alert);
  EXPECT_TRUE(out.empty());
  ASSERT_TRUE(writer.payload(bytes, out));
  PeerRecords peer(keys.cipher, keys.out);
  std::span<const uint8_t> rest = out.bytes();
  EXPECT_TRUE(peer.open(rest)) << "no sequence number was lost";
}

INSTANTIATE_TEST_SUITE_P(Suites, ReaderMemory, testing::ValuesIn(everyRecordSuite()),
                         [](const auto& info) { return nameOf(info.param); });

}  // namespace
}  // namespace culvert
