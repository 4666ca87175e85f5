// SPDX-License-Identifier: GPL-3.0-or-later
// TicketKeys is the ring of session ticket keys of the process. For each secret, the ring has the
// keys of the previous, current and next rotation period. Each key is derived from the secret and
// the period's number. So all workers, and all processes with the same secret and rotation, seal
// with the same key, and tickets stay valid across reloads, rotations and restarts. Readers take no
// lock. Thread: any (seal, open); one writer (replace, rotate: the control thread).
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

/// A hash of the settings to which a ticket is bound (TicketGuard::create). The handshake that uses
/// a ticket must have the same settings as the handshake that issued the ticket.
using TicketBinding = std::array<uint8_t, 32>;

/// Data that the ticket authenticates but does not contain.
struct TicketScope {
  const TicketBinding& binding;
  std::string_view serverName;  ///< a ticket must not resume under another name (RFC 6066 3)
};

/// The unencrypted fields before and after the sealed bytes of a ticket. wolfSSL defines the sizes.
struct TicketLabel {
  std::array<uint8_t, 16> name;  ///< identifies the key
  std::array<uint8_t, 16> iv;    ///< nonce (12 bytes), format (3 bytes), generation (1 byte)
  std::array<uint8_t, 32> mac;   ///< GCM tag (16 bytes), zeros (16 bytes)

  /// Number of resumptions since the full handshake from which the ticket descends.
  uint8_t generation() const { return iv[15]; }
};

/// The highest generation that culvert accepts. wolfSSL numbers the TLS 1.3 tickets that descend
/// from one full handshake with one byte, and the handshake fails if the byte overflows. culvert
/// therefore requires a full handshake before the overflow, because a full handshake restarts the
/// count.
inline constexpr uint8_t kLastTicketGeneration = 254;

class TicketKeys {
 public:
  using WallTime = std::chrono::system_clock::time_point;

  /// Derives the keys. `secrets` must contain one or two secrets. Processes with equal secrets,
  /// rotations and times get equal keys.
  static Result<std::unique_ptr<TicketKeys>> create(TicketSecrets secrets, Millis rotation,
                                                    WallTime now);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// Replaces the secrets and the rotation for all workers at once. Returns true if the new values
  /// differ from the old values. On an error nothing changes. Control thread only.
  Result<bool> replace(TicketSecrets secrets, Millis rotation, WallTime now);
  /// Derives the keys for the period of `now`. Returns true if the period has changed. Control
  /// thread only.
  Result<bool> rotate(WallTime now);
  /// Call on the control thread only.
  const TicketSecrets& secrets() const { return secrets_; }

  /// Encrypts `ticket` in place with the current key of the first secret, and fills `label`.
  /// Returns false on an error.
  bool seal(const TicketScope& scope, uint8_t generation, std::span<uint8_t> ticket,
            TicketLabel& label) const;

  enum class Opened : uint8_t { kNo, kYes, kYesRenew };
  /// Decrypts `ticket` in place. Returns kNo if the key is unknown, the scope differs, the ticket
  /// is damaged or its generation is too high. The caller must then make a full handshake and
  /// report no error. Returns kYesRenew if the ticket was sealed with the previous key or with the
  /// second secret. The client must then get a new ticket.
  Opened open(const TicketScope& scope, const TicketLabel& label, std::span<uint8_t> ticket) const;

 private:
  struct Key {
    std::array<uint8_t, 16> name;
    std::array<uint8_t, 32> key;
  };
  static constexpr size_t kPeriods = 3;  // the previous, the current and the next period
  static constexpr size_t kCurrent = 1;
  static constexpr size_t kKeys = kMaxTicketSecrets * kPeriods;
  struct Ring {
    std::array<Key, kKeys> keys;  // the keys of the first secret come first
    uint64_t count;               // number of used elements of `keys`
  };
  static constexpr size_t kWords = sizeof(Ring) / sizeof(uint64_t);

  TicketKeys() = default;
  static Result<void> derive(const TicketSecrets& secrets, Millis rotation, int64_t period,
                             Ring& ring);
  void publish(Ring& ring);
  void copyRing(Ring& out) const;

  // Used only by the control thread.
  TicketSecrets secrets_;
  Millis rotation_{0};
  int64_t period_ = 0;
  // The number of a sequence lock. While the number is even, words_ is stable. Readers copy the
  // words, and retry if the number has changed. They keep no pointer to the keys, so the writer can
  // wipe old keys.
  std::atomic<uint32_t> sequence_{0};
  std::array<std::atomic<uint64_t>, kWords> words_{};
};

}  // namespace culvert
