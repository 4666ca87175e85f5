// SPDX-License-Identifier: GPL-3.0-or-later
// The process-wide ring of session ticket keys: {previous, current, next}, each derived from a
// secret and an epoch number, so that every worker seals with the same key and tickets outlive
// reloads and rotations. Readers take no lock. Thread: any (seal, open); one writer (rotate: the
// control thread).
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "tls/secret_bytes.h"

namespace culvert {

/// How long one key seals. A ticket can be opened for at least this long after it was sealed.
inline constexpr std::chrono::hours kTicketRotation{12};
/// Life of a ticket as told to clients and enforced on return.
inline constexpr std::chrono::seconds kTicketLifetime = kTicketRotation;

/// What a ticket is bound to: a hash of everything that must not differ between the handshake that
/// made it and the one that uses it (service, client verification, versions, ALPN).
using TicketBinding = std::array<uint8_t, 32>;

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
  /// A ring under a random secret of this process.
  static Result<std::unique_ptr<TicketKeys>> createRandom();
  /// A ring under a given secret (32 bytes at least): equal secrets and epochs give equal keys.
  /// `epoch` is the number of the rotation period, such as unix time / kTicketRotation.
  static Result<std::unique_ptr<TicketKeys>> create(SecretBytes secret, uint64_t epoch);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// Moves the ring to `epoch` (does nothing when it is there already, and never goes back).
  /// Control thread only.
  Result<void> rotateTo(uint64_t epoch);
  /// The epoch of the wall clock now.
  static uint64_t epochNow();
  uint64_t epoch() const { return epoch_.load(std::memory_order_relaxed); }

  /// Encrypts `ticket` in place under the current key.
  bool seal(const TicketBinding& binding, uint8_t generation, std::span<uint8_t> ticket,
            TicketLabel& label) const;

  enum class Opened : uint8_t { kNo, kYes, kYesRenew };
  /// Decrypts in place. kNo = unknown key, other binding, damaged or of too late a generation: a
  /// full handshake follows, never an error. kYesRenew: sealed under the previous key, so a new
  /// ticket is due.
  Opened open(const TicketBinding& binding, const TicketLabel& label,
              std::span<uint8_t> ticket) const;

 private:
  struct Key {
    std::array<uint8_t, 16> name;
    std::array<uint8_t, 32> key;
  };
  static constexpr size_t kKeys = 3;  // previous, current, next
  static constexpr size_t kWords = kKeys * sizeof(Key) / sizeof(uint64_t);
  using Ring = std::array<Key, kKeys>;

  explicit TicketKeys(SecretBytes secret) : secret_(std::move(secret)) {}
  Result<void> publish(uint64_t epoch);
  void copyRing(Ring& out) const;

  SecretBytes secret_;  // touched by the writer only
  // A sequence lock over plain words: even = stable. Readers copy and retry, so old keys can really
  // be wiped.
  std::atomic<uint32_t> sequence_{0};
  std::array<std::atomic<uint64_t>, kWords> words_{};
  std::atomic<uint64_t> epoch_{0};
};

}  // namespace culvert
