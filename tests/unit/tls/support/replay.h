// SPDX-License-Identifier: GPL-3.0-or-later
// Reads a recorded session again, cut into pieces, and compares the plaintext.
#pragma once

#include <vector>

#include "unit/tls/support/reading_session.h"

namespace culvert {

/// The records of one direction, and what they carry.
struct Recording {
  RecordBytes wire;
  RecordBytes plaintext;
  ReadKind end = ReadKind::kMore;
};

/// Reads one piece. With `useMissing`, the bytes of an unfinished record go where they belong.
inline ReadOutcome readPiece(RecordReader& reader, std::span<const uint8_t> piece, bool useMissing,
                             RingBuffer& fifo, TimePoint now) {
  size_t filled = 0;
  if (useMissing) {
    const std::span<uint8_t> place = reader.missing();
    filled = std::min(place.size(), piece.size());
    std::copy_n(piece.begin(), filled, place.begin());
  }
  RecordBytes input(piece.begin() + static_cast<std::ptrdiff_t>(filled), piece.end());
  return reader.read(filled, input, fifo, now);
}

/// Replays `recording` with new readers of `keys`.
class Replay {
 public:
  Replay(const SessionKeys& keys, Recording recording)
      : keys_(keys), recording_(std::move(recording)) {}

  /// Cut at `cuts`, which ascend.
  void expectSame(const std::vector<size_t>& cuts, bool useMissing) {
    RecordReader reader(cache_, pool_, keys_);
    RingBuffer fifo(pool_, 128 * 1024);
    RecordBytes got;
    ReadOutcome outcome;
    size_t at = 0;
    for (size_t i = 0; i <= cuts.size() && outcome.kind == ReadKind::kMore; ++i) {
      const size_t end = i < cuts.size() ? cuts[i] : recording_.wire.size();
      const auto piece = std::span<const uint8_t>(recording_.wire).subspan(at, end - at);
      outcome = readPiece(reader, piece, useMissing, fifo, TimePoint{});
      at = end;
      take(fifo, got);
    }
    ASSERT_EQ(outcome.kind, recording_.end) << nameOf(outcome);
    ASSERT_TRUE(got == recording_.plaintext);
  }
  void everyCutIntoTwo() {
    for (size_t cut = 0; cut <= recording_.wire.size(); ++cut) {
      expectSame({cut}, cut % 2 == 0);
      if (testing::Test::HasFailure()) {
        ADD_FAILURE() << "cut at " << cut;
        return;
      }
    }
  }
  /// Pieces of at most `most` bytes.
  void randomCuts(int rounds, size_t most, ByteSource& source) {
    for (int round = 0; round < rounds && !testing::Test::HasFailure(); ++round) {
      std::vector<size_t> cuts;
      size_t at = 0;
      while ((at += 1 + source.below(most)) < recording_.wire.size()) cuts.push_back(at);
      expectSame(cuts, round % 2 == 0);
    }
  }

 private:
  static void take(RingBuffer& fifo, RecordBytes& into) {
    while (!fifo.empty()) {
      const std::span<const uint8_t> piece = fifo.readable();
      into.insert(into.end(), piece.begin(), piece.end());
      fifo.consume(piece.size());
    }
  }

  const SessionKeys& keys_;
  const Recording recording_;
  KeyCache cache_;
  BufferPool pool_;
};

}  // namespace culvert
