// SPDX-License-Identifier: GPL-3.0-or-later
// Tunnel connects a client with a backend: handshakes, connect, relay, closing. It owns both
// streams, the two pumps and one lazy timer. Only Tunnel decides what happens to one side when the
// other side ends. It knows neither TLS nor sockets. Thread: loop.
//
// Invariants:
//  1. A tunnel records the first reason for its end and ignores every later reason.
//  2. A closed tunnel's object stays valid until the turn ends, because TunnelSet hands the object
//     to the loop's delete list.
//  3. Only updateInterest() arms or disarms watchers.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/intrusive_list.h"
#include "base/source_place.h"
#include "event/timer.h"
#include "net/dialer.h"
#include "tunnel/handshake_queue.h"
#include "tunnel/interest.h"
#include "tunnel/pump.h"
#include "tunnel/tunnel_end.h"
#include "tunnel/tunnel_host.h"

namespace culvert {

class TunnelSet;

class Tunnel final : public Deferred, public ListNode<Tunnel>, private DialObserver {
 public:
  /// `client` is the accepted connection. `accepted` is the time from which the handshake timeout
  /// runs.
  Tunnel(const TunnelContext& context, std::shared_ptr<const TunnelOptions> options,
         std::unique_ptr<TunnelHost> host, uint64_t id, std::unique_ptr<ByteStream> client,
         TimePoint accepted);
  ~Tunnel() override;

  /// Handles bytes that have arrived. Call once, after TunnelSet::add().
  void start();

  /// Closes both sides now and discards undelivered bytes. Does nothing if the tunnel has ended.
  void close(CloseReason reason, SourcePlace where = SourcePlace::current());

  uint64_t id() const { return id_; }
  TunnelState state() const { return state_; }
  const TunnelTimes& times() const { return times_; }
  const CloseReason& reason() const { return reason_; }
  const SourcePlace& closedAt() const { return closedAt_; }
  ByteStream& client() { return *client_.stream; }
  const ByteStream* backendStream() const { return backend_.stream.get(); }  ///< may be nullptr
  TunnelHost& host() { return *host_; }
  const SocketAddress& backendAddress() const { return backendAddress_; }
  const Pump& inbound() const { return inbound_; }
  const Pump& outbound() const { return outbound_; }
  Interest interest() const;  ///< the socket events that the tunnel needs now
  /// Raw bytes that were discarded while the tunnel was closing.
  uint64_t discardedBytes() const { return client_.discarded + backend_.discarded; }

 private:
  friend class TunnelSet;
  friend struct TunnelEnd;
  using End = TunnelEnd;

  void onDialed(std::unique_ptr<ByteStream> backend, const SocketAddress& address) override;
  void onDialFailed(CloseReason reason) override;

  /// Runs `step`. If memory runs out meanwhile, only this tunnel closes. Every entry into the
  /// tunnel must use guarded().
  template <class Step>
  void guarded(Step step) {
    try {
      step();
    } catch (const std::bad_alloc&) {
      context_.loop.noteMemoryShortage();
      close({CloseCause::kInternal, "", "out of memory"});
    }
  }
  void onReady(End& end, bool readable);
  void onTimer();
  // tunnel_opening.cc: the steps up to the relay
  void advance();
  void handshakeStep(End& end);
  void driveHandshake(End& end);
  void beginBackendHandshake();
  void forgetEnd();
  TimePoint handshakeDeadline() const;
  bool endLateHandshake(const End& end, bool due);
  void startConnect();
  void beginRelay();
  void runDialog();
  bool dialogStep(TimePoint now);
  void endDialog();
  void replaceByOpened(End& end);

  // tunnel.cc: the relay, its ends, and the timer
  void noteFirstEnd(CloseCause cause);
  void enter(TunnelState state);
  void settle();
  void settleRelay();
  const End* awaitedHandshake() const;
  bool carries() const { return state_ == TunnelState::kDialog || state_ == TunnelState::kRelay; }
  bool truncationIsFin(const End& end) const;
  EndGoal deliveryTo(const End& end) const;
  bool settleSource(Pump& pump, End& source, End& sink);
  bool settleSink(End& source, End& sink);
  void updateInterest();
  void watchUnread(TimePoint now);
  TimePoint nextLimit() const;
  void catchUp();
  void allowForStandstill(TimePoint now);
  bool halfEnded() const;
  bool checkTimeouts(TimePoint now);

  // tunnel_closing.cc
  void beginClosing(CloseReason reason, End& end, EndGoal goal, EndGoal peerGoal,
                    SourcePlace where = SourcePlace::current());
  TimePoint closingDeadline(EndGoal goal, TimePoint now) const;
  void driveClosing(End& end, bool readable);
  void settleClosing();
  void settleEnds();
  void settleEnd(End& end, Pump& toEnd, const End& other);
  void settleLinger(End& end);
  void finishEnd(End& end, bool abort);
  void conclude();
  void noteCut(const char* what);
  void record(CloseReason reason, SourcePlace where = SourcePlace::current());

  End& peerOf(End& end) { return &end == &client_ ? backend_ : client_; }
  Pump& pumpFrom(const End& end) { return &end == &client_ ? inbound_ : outbound_; }
  Pump& pumpTo(const End& end) { return &end == &client_ ? outbound_ : inbound_; }

  const TunnelContext& context_;
  const std::unique_ptr<TunnelHost> host_;  // constructed first, destroyed last
  const std::shared_ptr<const TunnelOptions> options_;
  TunnelSet* set_ = nullptr;  // the owner; set by TunnelSet::add
  const uint64_t id_;
  End client_;
  End backend_;
  Pump inbound_;
  Pump outbound_;
  std::unique_ptr<Dialer> dialer_;
  Timer timer_;
  TunnelTimes times_;
  // In state Closing, when to check for acknowledgements. In state Relay, when to check a peer that
  // culvert does not read. In a handshake state, the postponed deadline if stoodStill_.
  TimePoint nextPoll_ = kNever;
  Millis pollInterval_{0};
  CloseReason reason_;
  SourcePlace closedAt_;
  SocketAddress backendAddress_;
  TunnelState state_ = TunnelState::kHandshake;
  uint8_t step_ = 0;  // index of the next step of the plan
  bool reasonSet_ = false;
  bool clientLater_ = false;  // the client's handshake follows the connect
  bool stoodStill_ = false;   // a deadline of this state was postponed by a standstill
};

}  // namespace culvert
