// SPDX-License-Identifier: GPL-3.0-or-later
// SimStream is a ScriptedStream whose calls can find no memory, whose handshake takes simulated time,
// and which notes calls that must not come. Thread: loop.
#pragma once

#include <memory>
#include <utility>

#include "scarce_memory.h"
#include "scripted_stream.h"
#include "sim_action.h"
#include "simulated_time.h"

namespace culvert::simulation {

/// What a side of a tunnel is, beside its ScriptedPeer. Outlives the stream.
struct StreamNotes {
  Verb shortOf = Verb::kNone;   ///< the next such call finds no memory
  size_t shortages = 0;         ///< calls that found none
  bool over = false;            ///< the tunnel has reported: no call may come
  const char* fault = nullptr;  ///< the first call that must not have come
  Micros handshakeCost{0};      ///< of one step
  bool ended = false;           ///< a call has said kEof, kTruncated, kReset or kFailed
};

class SimStream final : public ByteStream, private StreamObserver {
 public:
  SimStream(ScriptedPeer& peer, StreamNotes& notes, SimulatedTime& time, size_t preface)
      : notes_(notes), time_(time), inner_(peer, preface) {
    inner_.setObserver(this);
  }

  IoStatus handshake() override {
    const auto plenty = enter(Verb::kHandshake);
    time_.advance(notes_.handshakeCost);
    (void)inner_.flush();
    return leave(inner_.handshake());
  }
  IoResult read(RingBuffer& into, size_t limit) override {
    const auto plenty = enter(Verb::kRead);
    if (into.room() < limit) notes_.fault = "read() is allowed more bytes than there is room for";
    if (limit < kReadUnit) notes_.fault = "read() is called with less room than one record needs";
    const IoResult result = inner_.read(into, limit);
    leave(result.status);
    return result;
  }
  IoResult write(RingBuffer& from) override {
    const auto plenty = enter(Verb::kWrite);
    const IoResult result = inner_.write(from);
    leave(result.status);
    return result;
  }
  IoStatus flush() override {
    const auto plenty = enter(Verb::kFlush);
    return leave(inner_.flush());
  }
  IoStatus shutdownWrite() override {
    const auto plenty = enter(Verb::kShutdown);
    return leave(inner_.shutdownWrite());
  }
  IoResult discardInput(size_t limit) override {
    const auto plenty = enter(Verb::kDiscard);
    const IoResult result = inner_.discardInput(limit);
    leave(result.status);
    return result;
  }
  void watch(bool readable, bool writable) override {
    // Arming can fail; giving up what is watched always works.
    if (readable || writable) (void)enter(Verb::kWatch);
    inner_.watch(readable, writable);
  }

  size_t backlog() const override { return inner_.backlog(); }
  uint64_t transmitted() const override { return inner_.transmitted(); }
  size_t unacknowledged() const override { return inner_.unacknowledged(); }
  bool hungUp() const override { return inner_.hungUp(); }
  void abort() override { inner_.abort(); }
  std::optional<CloseReason> failure() const override {
    const ScarceMemory::Plenty plenty;
    return inner_.failure();
  }

 private:
  void onReadable() override { observer_->onReadable(); }
  void onWritable() override { observer_->onWritable(); }

  /// What the script does within the call does not lack memory.
  [[nodiscard]] ScarceMemory::Plenty enter(Verb verb) {
    if (notes_.over) notes_.fault = "a stream is used after its tunnel has reported";
    if (notes_.shortOf == verb) {
      notes_.shortOf = Verb::kNone;
      ++notes_.shortages;
      throw std::bad_alloc();
    }
    return {};
  }
  IoStatus leave(IoStatus status) {
    notes_.ended |= status != IoStatus::kOk && status != IoStatus::kBlocked;
    return status;
  }

  StreamNotes& notes_;
  SimulatedTime& time_;
  ScriptedStream inner_;
};

}  // namespace culvert::simulation
