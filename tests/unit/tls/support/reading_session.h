// SPDX-License-Identifier: GPL-3.0-or-later
// A RecordReader with its FIFO, and the peer that seals records for it.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "tls/record/record_reader.h"
#include "unit/tls/support/peer_records.h"

namespace culvert {

using ReadOutcome = RecordReader::Outcome;
using ReadKind = RecordReader::Outcome::Kind;

inline std::string nameOf(ReadKind kind) {
  static constexpr const char* kNames[] = {"more",  "end",      "refuse",
                                           "flood", "received", "no memory"};
  return kNames[static_cast<size_t>(kind)];
}
inline std::string nameOf(const ReadOutcome& outcome) {
  return nameOf(outcome.kind) + " " + std::to_string(outcome.alert) +
         (outcome.reason.empty() ? "" : ": " + std::string(outcome.reason));
}

class ReadingSession {
 public:
  static constexpr size_t kFifo = 64 * 1024;

  explicit ReadingSession(const RecordSuite& suite, size_t capacity = kFifo)
      : ReadingSession(suite, capacity, [](SessionKeys&) {}) {}
  /// `change` may change the keys and limits.
  template <typename Change>
  ReadingSession(const RecordSuite& suite, size_t capacity, const Change& change)
      : keys_(suite, change),
        fifo(pool, capacity),
        reader(cache, pool, keys_.value),
        peer(keys_.value.cipher, keys_.value.in) {}

  /// Reads all of `bytes` with one call.
  ReadOutcome read(RecordBytes bytes) { return reader.read(0, bytes, fifo, now); }
  /// Reads a record of the peer.
  ReadOutcome get(uint8_t type, std::initializer_list<uint8_t> content, size_t padding = 0) {
    return read(peer.seal(type, content, padding));
  }
  ReadOutcome get(uint8_t type, const RecordBytes& content, size_t padding = 0) {
    return read(peer.seal(type, content, padding));
  }
  /// Takes all bytes out of the FIFO.
  RecordBytes drain() {
    RecordBytes all;
    while (!fifo.empty()) {
      const std::span<const uint8_t> piece = fifo.readable();
      all.insert(all.end(), piece.begin(), piece.end());
      fifo.consume(piece.size());
    }
    return all;
  }
  /// Checks that payload of the peer still arrives.
  void expectAlive() {
    const ReadOutcome outcome = get(kApplicationData, {'o', 'k'});
    EXPECT_EQ(outcome.kind, ReadKind::kMore) << nameOf(outcome);
    EXPECT_EQ(drain(), (RecordBytes{'o', 'k'}));
  }

 private:
  struct Keys {
    template <typename Change>
    Keys(const RecordSuite& suite, const Change& change) {
      makeKeys(suite, value);
      change(value);
    }
    SessionKeys value;
  };
  Keys keys_;

 public:
  KeyCache cache;
  BufferPool pool;
  RingBuffer fifo;
  RecordReader reader;
  PeerRecords peer;
  TimePoint now = TimePoint{} + Millis(1'000'000);
};

inline void expectRefused(const ReadOutcome& outcome, uint8_t alert) {
  EXPECT_EQ(outcome.kind, ReadKind::kRefuse) << nameOf(outcome);
  EXPECT_EQ(outcome.alert, alert) << nameOf(outcome);
  EXPECT_FALSE(outcome.reason.empty());
}
inline void expectMore(const ReadOutcome& outcome) {
  EXPECT_EQ(outcome.kind, ReadKind::kMore) << nameOf(outcome);
}

}  // namespace culvert
