// SPDX-License-Identifier: GPL-3.0-or-later
// ScriptedStream is a ByteStream without a socket. It follows a ScriptedPeer, which plays the other
// end and the kernel in between. The peer belongs to the test and outlives the stream: a test
// scripts what happens next and checks the connection afterwards. Thread: loop.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "net/byte_stream.h"

namespace culvert {

class ScriptedStream;

/// One side of a tunnel, scripted and observed by the test.
struct ScriptedPeer {
  static constexpr size_t kUnlimited = std::numeric_limits<size_t>::max();
  static constexpr size_t kRecord = 16 * 1024;  // payload of one sealed record
  static constexpr size_t kSealAtOnce = 64 * 1024;

  // --- script: what the stream meets from now on

  std::deque<IoStatus> handshakes;  ///< results of handshake(), one per call; kOk when none is left
  size_t handshakeSends = 0;        ///< bytes that each handshake() sends
  std::string input;                ///< what the peer has sent and the stream has not read yet
  IoStatus inputEnd = IoStatus::kOk;  ///< what follows `input`; kOk: nothing yet
  size_t readAtMost = kUnlimited;     ///< how many bytes one read() returns
  size_t emptyReads = 0;       ///< so many read()s return kOk and no byte first (records without
                               ///< payload)
  size_t window = kUnlimited;  ///< how many bytes the socket accepts before it blocks
  IoStatus writeEnd = IoStatus::kOk;  ///< kReset, kFailed: every write from now on returns this
  size_t overhead = 0;  ///< not 0: writes are sealed into records, longer by this many bytes
  size_t answersAReadWith =
      0;  ///< sealed bytes that a read() of something makes for the peer (KeyUpdates)
  bool holdAcks = false;               ///< bytes that the socket accepted stay unacknowledged until
                                       ///< acknowledge()
  std::optional<CloseReason> failure;  ///< the result of failure()
  std::optional<CloseReason> delay;    ///< the result of handshakeDelay()
  OpeningPhase phase = OpeningPhase::kDone;  ///< a handshake() that says kOk makes it kDone
  bool shortage = false;                     ///< the next read() fails for lack of memory

  /// RST: the stream can still read what was sent before; writes fail at once.
  void reset() {
    inputEnd = IoStatus::kReset;
    writeEnd = IoStatus::kReset;
    hungUp = true;
  }
  /// Has no effect after the connection was cut.
  void acknowledge() {
    if (!gone && !aborted) unacknowledged = 0;
  }
  void open(size_t bytes) { window = bytes > kUnlimited - window ? kUnlimited : window + bytes; }

  // --- what has become of the connection

  std::string received;       ///< payload that left for the peer, in order
  size_t taken = 0;           ///< bytes of input that were read as payload
  size_t discarded = 0;       ///< bytes of input that were thrown away
  size_t unacknowledged = 0;  ///< accepted by the socket, not acknowledged
  bool finSeen = false;       ///< our direction was ended in order
  bool aborted = false;       ///< abort() was called: the close is an RST
  bool gone = false;          ///< the stream was destroyed
  bool hungUp = false;
  bool watchedRead = false;
  bool watchedWrite = false;
  ScriptedStream* stream = nullptr;  ///< null before and after the stream's life

  bool readable() const {
    return !input.empty() || emptyReads != 0 || inputEnd != IoStatus::kOk || !handshakes.empty();
  }
  bool writable() const { return window != 0 || writeEnd != IoStatus::kOk; }

  /// Calls the stream's observer as the loop would, level-triggered: for what is watched and ready.
  /// Returns true if it did.
  inline bool fireReadable();
  inline bool fireWritable();
};

class ScriptedStream final : public ByteStream {
 public:
  /// `preface` is the size of a backlog at the start (a PROXY header); it is not payload.
  explicit ScriptedStream(ScriptedPeer& peer, size_t preface = 0) : peer_(peer), preface_(preface) {
    peer_.stream = this;
  }
  ~ScriptedStream() override {
    peer_.stream = nullptr;
    peer_.gone = true;
    peer_.watchedRead = peer_.watchedWrite = false;
  }

  IoStatus handshake() override {
    transmitted_ += peer_.handshakeSends;
    if (peer_.handshakes.empty()) return IoStatus::kOk;
    const IoStatus status = peer_.handshakes.front();
    peer_.handshakes.pop_front();
    if (status == IoStatus::kOk) peer_.phase = OpeningPhase::kDone;
    if (status != IoStatus::kBlocked) peer_.handshakes.clear();
    return status;
  }

  std::optional<CloseReason> handshakeDelay() const override { return peer_.delay; }

  OpeningPhase phase() const override { return peer_.phase; }

  IoResult read(RingBuffer& into, size_t limit) override {
    if (peer_.shortage) throw std::bad_alloc();
    const bool something = !peer_.input.empty() || peer_.emptyReads != 0;
    const IoResult result = readOnce(into, limit);
    if (something && peer_.answersAReadWith != 0) {
      sealed_.push_back({"", peer_.answersAReadWith});
      backlog_ += peer_.answersAReadWith;
    }
    if (peer_.overhead != 0)
      flush();  // as TlsStream: an answer to input leaves at once, with everything before it
    return result;
  }

  IoResult write(RingBuffer& from) override {
    if (const IoStatus status = flushBacklog(); status != IoStatus::kOk) return {status, 0};
    size_t total = 0;
    while (!from.empty() && total < ScriptedPeer::kSealAtOnce) {
      std::span<const uint8_t> bytes = from.readable();
      if (peer_.overhead != 0) {
        bytes = bytes.first(
            std::min({bytes.size(), ScriptedPeer::kRecord, ScriptedPeer::kSealAtOnce - total}));
        sealed_.push_back({textOf(bytes), bytes.size() + peer_.overhead});
        backlog_ += bytes.size() + peer_.overhead;
      } else {
        bytes = bytes.first(std::min(bytes.size(), transmit(bytes.size())));
        peer_.received += textOf(bytes);
      }
      if (bytes.empty()) return {IoStatus::kBlocked, total};
      from.consume(bytes.size());
      total += bytes.size();
    }
    const IoStatus status = flushBacklog();
    if (status != IoStatus::kOk) return {status, total};
    return {from.empty() ? IoStatus::kOk : IoStatus::kBlocked, total};
  }

  IoStatus flush() override {
    const IoStatus status = flushBacklog();
    if (status == IoStatus::kOk && finWanted_) peer_.finSeen = true;
    return status;
  }

  size_t backlog() const override { return preface_ + backlog_; }
  uint64_t transmitted() const override { return transmitted_; }

  IoStatus shutdownWrite() override {
    finWanted_ = true;
    return flush();
  }

  size_t unacknowledged() const override { return backlog() + peer_.unacknowledged; }
  bool hungUp() const override { return peer_.hungUp; }
  void abort() override { peer_.aborted = true; }

  IoResult discardInput(size_t limit) override {
    const size_t n = std::min(limit, peer_.input.size());
    peer_.input.erase(0, n);
    peer_.discarded += n;
    peer_.emptyReads = 0;
    if (!peer_.input.empty()) return {IoStatus::kOk, n};
    if (peer_.inputEnd == IoStatus::kOk) return {IoStatus::kBlocked, n};
    return {peer_.inputEnd == IoStatus::kReset ? IoStatus::kReset : IoStatus::kEof, n};
  }

  void watch(bool readable, bool writable) override {
    peer_.watchedRead = readable;
    peer_.watchedWrite = writable;
  }

  std::optional<CloseReason> failure() const override { return peer_.failure; }

 private:
  friend struct ScriptedPeer;
  struct Record {
    std::string payload;
    size_t left;  // bytes of the sealed record that the socket has not accepted
  };

  static std::string textOf(std::span<const uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  IoResult readOnce(RingBuffer& into, size_t limit) {
    if (peer_.emptyReads != 0) return --peer_.emptyReads, IoResult{IoStatus::kOk, 0};
    size_t total = 0;
    limit = std::min({limit, peer_.readAtMost, peer_.input.size()});
    while (total < limit) {
      const std::span<uint8_t> free = into.writable();
      if (free.empty()) return {into.outOfMemory() ? IoStatus::kFailed : IoStatus::kOk, total};
      const size_t part = std::min(free.size(), limit - total);
      std::copy_n(peer_.input.begin(), part, free.begin());
      into.commit(part);
      peer_.input.erase(0, part);
      peer_.taken += part;
      total += part;
    }
    if (!peer_.input.empty()) return {IoStatus::kOk, total};
    if (peer_.inputEnd == IoStatus::kOk)
      return {total != 0 ? IoStatus::kOk : IoStatus::kBlocked, total};
    // A socket returns the bytes first and the end at the next call. TLS finds close_notify right
    // behind the bytes.
    if (total != 0 && (peer_.overhead == 0 || peer_.inputEnd == IoStatus::kReset))
      return {IoStatus::kOk, total};
    return {peer_.inputEnd, total};
  }

  /// The socket accepts what it can of `bytes`.
  size_t transmit(size_t bytes) {
    const size_t n = std::min(bytes, peer_.window);
    if (peer_.window != ScriptedPeer::kUnlimited) peer_.window -= n;
    if (peer_.holdAcks) peer_.unacknowledged += n;
    transmitted_ += n;
    return n;
  }

  IoStatus flushBacklog() {
    if (peer_.writeEnd != IoStatus::kOk) {
      dropBacklog();
      return peer_.writeEnd;
    }
    preface_ -= transmit(preface_);
    while (preface_ == 0 && !sealed_.empty()) {
      Record& record = sealed_.front();
      const size_t n = transmit(record.left);
      record.left -= n;
      backlog_ -= n;
      if (record.left != 0) break;
      peer_.received += record.payload;
      sealed_.pop_front();
    }
    return backlog() == 0 ? IoStatus::kOk : IoStatus::kBlocked;
  }

  void dropBacklog() {
    sealed_.clear();
    backlog_ = preface_ = 0;
  }

  ScriptedPeer& peer_;
  size_t preface_;
  std::deque<Record> sealed_;
  size_t backlog_ = 0;  // of sealed_
  uint64_t transmitted_ = 0;
  bool finWanted_ = false;
};

inline bool ScriptedPeer::fireReadable() {
  if (stream == nullptr || !watchedRead || !readable()) return false;
  stream->observer_->onReadable();
  return true;
}

inline bool ScriptedPeer::fireWritable() {
  if (stream == nullptr || !watchedWrite || !writable()) return false;
  stream->observer_->onWritable();
  return true;
}

}  // namespace culvert
