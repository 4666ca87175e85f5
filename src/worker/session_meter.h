// SPDX-License-Identifier: GPL-3.0-or-later
// SessionMeter counts what metrics and admin show of one tunnel: the numbers of its service, and how
// long its steps took. With both unset it does nothing. Thread: loop.
#pragma once

#include <cstdint>
#include <optional>

#include "net/close_reason.h"
#include "stats/service_counts.h"
#include "tunnel/tunnel.h"

namespace culvert {

/// How long the steps of a tunnel's opening took; nothing for a step that is not done.
struct OpeningSpans {
  std::optional<Clock::duration> handshake;  ///< of the client; 0 if it has none
  std::optional<Clock::duration> connect;
  std::optional<Clock::duration> backendHandshake;  ///< 0 if the backend has none
  std::optional<Clock::duration> firstByte;
};
OpeningSpans openingSpans(const TunnelTimes& times);

/// What the two ends of a tunnel have done so far.
struct EndFacts {
  bool clientTls = false;  ///< the client's handshake is done
  bool resumed = false;
  bool backendTls = false;  ///< the backend's handshake is done
};

/// The cell of a service on a worker; nullptr if the service is not counted.
inline ServiceCell* cellOf(ServiceCounts* counts, size_t worker) {
  return counts != nullptr ? &counts->cell(worker) : nullptr;
}

class SessionMeter {
 public:
  /// `cell` is nullptr if the service is not counted. It must outlive the meter.
  SessionMeter(CounterBlock& counters, ServiceCell* cell) : counters_(counters), cell_(cell) {
    if (cell_ != nullptr) cell_->add(ServiceCount::kTunnels);
  }
  ~SessionMeter() {
    if (cell_ != nullptr) cell_->of(ServiceCount::kTunnels).sub();
  }
  SessionMeter(const SessionMeter&) = delete;
  SessionMeter& operator=(const SessionMeter&) = delete;

  /// True if anything is counted. Otherwise the caller need not call the functions below.
  bool on() const { return cell_ != nullptr || counters_.timings() != nullptr; }
  void add(ServiceCount count) {
    if (cell_ != nullptr) cell_->add(count);
  }
  Tally* bytesTo(Direction direction) {
    if (cell_ == nullptr) return nullptr;
    return &cell_->of(direction == Direction::kInbound ? ServiceCount::kBytesIn
                                                       : ServiceCount::kBytesOut);
  }

  /// Records the steps that are done and were not recorded before.
  void note(const TunnelTimes& times, const EndFacts& facts);
  /// Records how long each side was blocked. Call when the tunnel has ended.
  void noteBlocked(const Tunnel& tunnel);

 private:
  void noteHandshake(const OpeningSpans& spans, const EndFacts& facts);

  CounterBlock& counters_;
  ServiceCell* const cell_;
  bool handshake_ = false;  // recorded, like the following
  bool connect_ = false;
  bool backendHandshake_ = false;
  bool firstByte_ = false;
};

/// Counts a connection that a service refused.
void countRefusal(CloseCause cause, ServiceCell& cell);

/// Counts the alert, if an alert ended TLS with the client.
void countAlert(const CloseReason& reason, CounterBlock& counters);

}  // namespace culvert
