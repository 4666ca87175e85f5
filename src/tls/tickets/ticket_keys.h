// SPDX-License-Identifier: GPL-3.0-or-later
// The process-wide ring of session ticket keys: {previous, current, next} of each secret, derived
// from the secret and the number of the rotation period. So every worker, and every process with
// the same secret and rotation, seals with the same key, and tickets outlive reloads, rotations and
// restarts. Readers take no lock. Thread: any (seal, open); one writer (replace, rotate: the
// control thread).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "tls/tickets/ticket_secret.h"

namespace culvert {

/// What a ticket is bound to: a hash of everything that must not differ between the handshake that
/// made it and the one that uses it (bindingOf in tls_context.cc).
using TicketBinding = std::array<uint8_t, 32>;

/// What is authenticated with a ticket and does not travel in it.
struct TicketScope {
  const TicketBinding& binding;
  std::string_view serverName;  ///< RFC 6066 3: no resumption under another name
};

/// What stands before and behind the sealed bytes, in wolfSSL's sizes.
struct TicketLabel {
  std::array<uint8_t, 16> name;  ///< which key
  std::array<uint8_t, 16> iv;    ///< 12 bytes nonce, 3 bytes format, 1 byte generation
  std::array<uint8_t, 32> mac;   ///< 16 bytes GCM tag, 16 bytes zero

  /// How many resumptions lie between the ticket and the full handshake that it descends from.
  uint8_t generation() const { return iv[15]; }
};

/// The last generation that is opened. wolfSSL numbers the TLS 1.3 tickets of such a line with one
/// byte and fails the handshake behind its end; a full handshake in time starts a new line.
inline constexpr uint8_t kLastTicketGeneration = 254;

class TicketKeys {
 public:
  using WallTime = std::chrono::system_clock::time_point;

  /// One or two secrets. Equal secrets, rotations and times give equal keys, in any process.
  static Result<std::unique_ptr<TicketKeys>> create(TicketSecrets secrets, Millis rotation,
                                                    WallTime now);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// Other secrets or another rotation, for everybody at once; true where they were others. After
  /// an error everything is as before. Control thread only.
  Result<bool> replace(TicketSecrets secrets, Millis rotation, WallTime now);
  /// Moves the ring to the period of `now`; true where it was in another. Control thread only.
  Result<bool> rotate(WallTime now);
  /// Control thread only.
  const TicketSecrets& secrets() const { return secrets_; }

  /// Encrypts `ticket` in place under the current key of the first secret.
  bool seal(const TicketScope& scope, uint8_t generation, std::span<uint8_t> ticket,
            TicketLabel& label) const;

  enum class Opened : uint8_t { kNo, kYes, kYesRenew };
  /// Decrypts in place. kNo = unknown key, other scope, damaged or of too late a generation: a
  /// full handshake follows, never an error. kYesRenew: sealed under the previous key or the other
  /// secret, so a new ticket is due.
  Opened open(const TicketScope& scope, const TicketLabel& label, std::span<uint8_t> ticket) const;

 private:
  struct Key {
    std::array<uint8_t, 16> name;
    std::array<uint8_t, 32> key;
  };
  static constexpr size_t kPeriods = 3;  // previous, current, next
  static constexpr size_t kCurrent = 1;
  static constexpr size_t kKeys = kMaxTicketSecrets * kPeriods;
  struct Ring {
    std::array<Key, kKeys> keys;  // those of the first secret first
    uint64_t count;               // of the keys that there are
  };
  static constexpr size_t kWords = sizeof(Ring) / sizeof(uint64_t);

  TicketKeys() = default;
  static Result<void> derive(const TicketSecrets& secrets, Millis rotation, int64_t period,
                             Ring& ring);
  void publish(Ring& ring);
  void copyRing(Ring& out) const;

  // The writer's own.
  TicketSecrets secrets_;
  Millis rotation_{0};
  int64_t period_ = 0;
  // A sequence lock over plain words: even = stable. Readers copy and retry, so old keys can really
  // be wiped.
  std::atomic<uint32_t> sequence_{0};
  std::array<std::atomic<uint64_t>, kWords> words_{};
};

}  // namespace culvert
