// SPDX-License-Identifier: GPL-3.0-or-later
// SimPlanner is the random driver: it decides what happens next and has no effect itself. Each seed
// also chooses how often each kind of action comes, so that some schedules hold much of one kind and
// none of another. Thread: any (values).
#pragma once

#include <array>
#include <span>

#include "sim_action.h"
#include "sim_random.h"
#include "tunnel/handshake_queue.h"

namespace culvert::simulation {

class SimPlanner {
 public:
  static constexpr size_t kMostTunnels = 6;

  explicit SimPlanner(uint64_t seed) : random_(seed) {
    constexpr std::array<unsigned, 6> kFactors = {0, 1, 4, 10, 10, 25};
    for (size_t kind = 0; kind < kActionKinds; ++kind) {
      unsigned factor = random_.pick(kFactors);
      if (kind <= static_cast<size_t>(ActionKind::kTurn) && factor == 0) factor = 1;
      weights_[kind] = kUsual[kind] * factor;
      sum_ += weights_[kind];
    }
    steps_ = 20 + random_.below(180);
    tunnels_ = random_.percent(50) ? 1 : 1 + random_.below(kMostTunnels);
    constexpr std::array<unsigned, 4> kOften = {0, 0, 10, 60};
    arrivals_ = random_.pick(kOften);
    ending_ = random_.below(8);
    constexpr std::array<Micros, 4> kSlices = {Micros(0), HandshakeQueue::kSlice, Micros(2000),
                                               Micros(3'600'000'000)};
    slice_ = random_.pick(kSlices);
    constexpr std::array<size_t, 6> kLimits = {0, 0, 0, 40'000, 160'000, 500'000};
    memoryLimit_ = random_.pick(kLimits);
  }

  size_t steps() const { return steps_; }
  /// No further tunnel comes.
  bool enough(size_t opened) const { return opened >= tunnels_; }
  /// Of one turn of the loop, for handshakes.
  Micros slice() const { return slice_; }

  /// The share of memory-limit; 0: none.
  size_t memoryLimit() const { return memoryLimit_; }

  enum class Ending : uint8_t {
    kRelease,  ///< nothing stands in a peer's way any more, and it ends in order
    kAbandon,  ///< the peers do nothing more: the limits have to end the tunnels
    kCut,      ///< closeAll()
  };
  Ending ending() const {
    return ending_ < 4 ? Ending::kRelease : ending_ < 7 ? Ending::kAbandon : Ending::kCut;
  }

  /// What the planner knows of a tunnel.
  struct View {
    bool ended = false;
    bool shakesHands = false;
    bool dials = false;  ///< waits for its dialer's answer
  };

  /// `ready`: the watchers that are armed and ready.
  Action next(std::span<const Action> ready, std::span<const View> tunnels) {
    if (tunnels.empty()) return Action{.kind = ActionKind::kOpen};
    for (;;) {
      Action action{.kind = kind()};
      action.tunnel = random_.percent(70) ? tunnels.size() - 1 : random_.below(tunnels.size());
      action.client = random_.percent(50);
      if (fill(action, ready, tunnels)) return action;
    }
  }

  TunnelSetup setup() {
    TunnelSetup s;
    constexpr std::array<size_t, 3> kFifos = {32 * 1024, 64 * 1024, 128 * 1024};
    constexpr std::array<int, 6> kHandshake = {0, 50, 500, 2000, 10000, 10000};
    constexpr std::array<int, 6> kIdle = {0, 200, 1000, 5000, 60000, 60000};
    constexpr std::array<int, 6> kStall = {0, 100, 700, 5000, 30000, 30000};
    constexpr std::array<int, 6> kHalfClose = {0, 100, 700, 5000, 30000, 60000};
    constexpr std::array<int, 5> kCost = {0, 1, 60, 300, 1500};
    s.options.fifoSize = random_.pick(kFifos);
    s.options.handshakeTimeout = Millis(random_.pick(kHandshake));
    s.options.idleTimeout = Millis(random_.pick(kIdle));
    s.options.stallTimeout = Millis(random_.pick(kStall));
    s.options.halfCloseTimeout = Millis(random_.pick(kHalfClose));
    s.options.truncationAsFin = random_.percent(30);
    s.options.backendTruncationAsFin = random_.percent(30);
    constexpr std::array kPlans = {kHandshakeThenConnect, kHandshakeThenConnect, kBothHandshakes,
                                   kConnectThenHandshake, kConnectOnly};
    s.options.plan = random_.pick(kPlans);
    s.client = side(/*sealed=*/random_.percent(80));
    s.backend = side(/*sealed=*/random_.percent(20));
    for (size_t n = random_.below(4); n > 0; --n) s.handshakes.push_back(IoStatus::kBlocked);
    for (size_t n = random_.below(4); n > 0; --n) s.backendHandshakes.push_back(IoStatus::kBlocked);
    s.handshakeCost = Micros(random_.pick(kCost));
    s.dialAtOnce = random_.percent(60);
    s.dialNever = !s.dialAtOnce && random_.percent(15);
    if (random_.percent(12)) s.dialFailure = random_.pick(kDialFailures);
    s.arrives = random_.percent(arrivals_);
    return s;
  }

  /// For choices of the world that are not the planner's, such as an order.
  SimRandom& random() { return random_; }

 private:
  static constexpr std::array<unsigned, kActionKinds> kUsual = {
      /*kReady*/ 400,    /*kTurn*/ 120,      /*kWait*/ 30,       /*kStandstill*/ 6,
      /*kSend*/ 120,     /*kOpenWindow*/ 60, /*kShutWindow*/ 25, /*kAcknowledge*/ 30,
      /*kHoldAcks*/ 10,  /*kEmpty*/ 15,      /*kAnswers*/ 8,     /*kPace*/ 15,
      /*kHandshake*/ 40, /*kEnd*/ 14,        /*kReset*/ 5,       /*kFailWrites*/ 4,
      /*kDial*/ 40,      /*kClose*/ 3,       /*kCloseAll*/ 1,    /*kOpen*/ 25,
      /*kShortage*/ 5,   /*kScarce*/ 5,
  };
  static constexpr std::array<CloseCause, 4> kDialFailures = {
      CloseCause::kBackendRefused, CloseCause::kBackendUnreachable, CloseCause::kBackendTimeout,
      CloseCause::kLimit};

  ActionKind kind() {
    size_t at = random_.below(sum_);
    for (size_t kind = 0; kind < kActionKinds; ++kind) {
      if (at < weights_[kind]) return static_cast<ActionKind>(kind);
      at -= weights_[kind];
    }
    return ActionKind::kTurn;
  }

  /// The details of an action. False: it cannot be now.
  bool fill(Action& action, std::span<const Action> ready, std::span<const View> tunnels) {
    const View& tunnel = tunnels[action.tunnel];
    const bool ofTunnel = action.kind >= ActionKind::kSend &&
                          action.kind != ActionKind::kCloseAll &&
                          action.kind != ActionKind::kOpen && action.kind != ActionKind::kScarce;
    if (ofTunnel && tunnel.ended) return false;
    switch (action.kind) {
      case ActionKind::kReady:
      case ActionKind::kScarce: {
        if (ready.empty()) return false;
        const ActionKind kind = action.kind;
        action = ready[random_.below(ready.size())];
        action.kind = kind;
        action.amount = random_.below(4);
        return true;
      }
      case ActionKind::kWait:
      case ActionKind::kStandstill: {
        constexpr std::array<int, 12> kTimes = {1,   2,   5,   20,   50,   90,
                                                130, 400, 800, 2100, 6000, 65000};
        action.time = Millis(random_.pick(kTimes));
        return true;
      }
      case ActionKind::kSend:
      case ActionKind::kOpenWindow:
        action.amount = bytes(action.kind == ActionKind::kOpenWindow);
        return true;
      case ActionKind::kPace:
        action.amount = std::max<size_t>(bytes(true), 100);
        return true;
      case ActionKind::kHoldAcks:
        action.amount = random_.below(2);
        return true;
      case ActionKind::kEmptyRecords:
        action.amount = 1 + random_.below(4);
        return true;
      case ActionKind::kAnswers: {
        constexpr std::array<size_t, 4> kAnswers = {0, 30, 1000, 30000};
        action.amount = random_.pick(kAnswers);
        return true;
      }
      case ActionKind::kHandshake: {
        constexpr std::array kSteps = {IoStatus::kBlocked,  IoStatus::kBlocked, IoStatus::kOk,
                                       IoStatus::kOk,       IoStatus::kOk,      IoStatus::kOk,
                                       IoStatus::kEof,      IoStatus::kReset,   IoStatus::kFailed,
                                       IoStatus::kTruncated};
        action.status = random_.pick(kSteps);
        action.client = true;
        action.known = random_.percent(80);
        return tunnel.shakesHands;
      }
      case ActionKind::kDial:
        return tunnel.dials;
      case ActionKind::kEnd: {
        constexpr std::array kEnds = {IoStatus::kEof,       IoStatus::kEof,
                                      IoStatus::kReset,     IoStatus::kFailed,
                                      IoStatus::kTruncated, IoStatus::kTruncated};
        action.status = random_.pick(kEnds);
        action.known = random_.percent(80);
        return true;
      }
      case ActionKind::kClose:
      case ActionKind::kCloseAll: {
        constexpr std::array kCauses = {CloseCause::kDrain, CloseCause::kAdminClosed,
                                        CloseCause::kClientRevoked};
        action.cause = random_.pick(kCauses);
        return true;
      }
      case ActionKind::kOpen:
        action.tunnel = tunnels.size();
        return !enough(tunnels.size());
      case ActionKind::kShortage:
        action.verb = static_cast<Verb>(random_.below(static_cast<size_t>(Verb::kNone)));
        return true;
      default:
        return true;
    }
  }

  SideSetup side(bool sealed) {
    SideSetup s;
    if (random_.percent(40)) s.window = bytes(true);
    if (random_.percent(30)) s.readAtMost = std::max<size_t>(bytes(true), 100);
    if (sealed) s.overhead = 22;
    if (random_.percent(20)) s.preface = 1 + random_.below(400);
    s.holdAcks = random_.percent(20);
    return s;
  }

  size_t bytes(bool perhapsUnlimited) {
    constexpr std::array<size_t, 15> kSizes = {
        1, 2, 50, 100, 700, 1400, 4096, 16384, 16406, 17408, 20000, 32768, 48128, 65536, 0};
    const size_t size = random_.pick(kSizes);
    if (size != 0) return size;
    return perhapsUnlimited ? ScriptedPeer::kUnlimited : 90'000;
  }

  SimRandom random_;
  std::array<unsigned, kActionKinds> weights_{};
  size_t sum_ = 0;
  size_t steps_ = 0;
  size_t tunnels_ = 0;
  unsigned arrivals_ = 0;
  size_t ending_ = 0;
  size_t memoryLimit_ = 0;
  Micros slice_{};
};

}  // namespace culvert::simulation
