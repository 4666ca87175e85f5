// SPDX-License-Identifier: GPL-3.0-or-later
// HandshakeRate is the token bucket of one `handshake-rate`. All workers share it: who wants a token
// reserves the next free moment, and waits until then. Reservations are served in their order, so no
// worker can take the tokens of another one. Thread: any.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/clock.h"

namespace culvert {

/// The name of the option, which is also the word in the log: `limit:handshake-rate`.
inline constexpr std::string_view kHandshakeRateWord = "handshake-rate";

class HandshakeRate {
 public:
  /// So many tokens gather while nobody wants them: the rate of this time, but at least one. They
  /// make up for timers that are late.
  static constexpr Millis kBurst{100};
  /// Debts of more than this time are remitted, so that they cannot stop all handshakes.
  static constexpr Millis kMostDebt{1000};

  /// `rate` is in handshakes a second; 0 means "no limit". Reservations keep their time.
  void setRate(uint64_t rate) { rate_.store(rate, std::memory_order_relaxed); }
  uint64_t rate() const { return rate_.load(std::memory_order_relaxed); }
  bool limited() const { return rate() != 0; }

  /// Takes the next token and returns the time from which it may be used. That time is not after
  /// `now` if a token is there.
  TimePoint reserve(TimePoint now) {
    const Ticks step = tokenTime();
    if (step == 0) return now;
    const Ticks wanted = now.time_since_epoch().count();
    Ticks free = free_.load(std::memory_order_relaxed);
    Ticks from = 0;
    do {
      from = std::max(free, wanted - slack(step));
    } while (!free_.compare_exchange_weak(free, from + step, std::memory_order_relaxed));
    return TimePoint(Clock::duration(from));
  }

  /// Takes a token for a handshake that has been made already.
  void charge(TimePoint now) {
    const Ticks most = now.time_since_epoch().count() + Clock::duration(kMostDebt).count();
    if (free_.load(std::memory_order_relaxed) < most) (void)reserve(now);
  }

 private:
  using Ticks = Clock::duration::rep;

  /// The time between two tokens; 0 without a limit.
  Ticks tokenTime() const {
    const uint64_t now = rate();
    return now == 0 ? 0 : std::max<Ticks>(kSecond / static_cast<Ticks>(now), 1);
  }
  /// How far behind the present the next free moment may be: one token less than the bucket has.
  static Ticks slack(Ticks step) {
    return std::max<Ticks>(Clock::duration(kBurst).count() - step, 0);
  }
  static constexpr Ticks kSecond = Clock::duration(std::chrono::seconds(1)).count();

  std::atomic<uint64_t> rate_{0};
  std::atomic<Ticks> free_{0};  // when the next token that nobody has taken is there
};

}  // namespace culvert
