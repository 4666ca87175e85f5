// SPDX-License-Identifier: GPL-3.0-or-later
// The ring of session ticket keys of the process. For each secret it has the keys of the previous,
// current and next rotation period, derived from the secret and the period's number. So every
// worker, and every process with the same secret and rotation, seals with the same key. Tickets
// stay valid across reloads, rotations and restarts. Readers take no lock. Thread: any (seal,
// open); one writer (replace, rotate: the control thread).
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

/// A hash of settings (TicketGuard::create) to which a ticket is bound. These settings must be
/// equal in the handshake that issues the ticket and in the handshake that uses the ticket.
using TicketBinding = std::array<uint8_t, 32>;

/// Data that is authenticated with a ticket but not stored in it.
struct TicketScope {
  const TicketBinding& binding;
  std::string_view serverName;  ///< RFC 6066 3: do not resume under another name
};

/// The fields before and after the sealed bytes of a ticket, with the sizes that wolfSSL defines.
struct TicketLabel {
  std::array<uint8_t, 16> name;  ///< identifies the key
  std::array<uint8_t, 16> iv;    ///< 12 bytes nonce, 3 bytes format, 1 byte generation
  std::array<uint8_t, 32> mac;   ///< 16 bytes GCM tag, 16 bytes zero

  /// The number of resumptions between the original full handshake and the ticket.
  uint8_t generation() const { return iv[15]; }
};

/// The highest generation that culvert accepts. wolfSSL numbers the TLS 1.3 tickets of one full
/// handshake with one byte, and its handshake fails if the number overflows. culvert therefore
/// requires a full handshake before the overflow, which restarts the count.
inline constexpr uint8_t kLastTicketGeneration = 254;

class TicketKeys {
 public:
  using WallTime = std::chrono::system_clock::time_point;

  /// `secrets` must contain one or two secrets. Equal secrets, rotations and times give equal keys
  /// in every process.
  static Result<std::unique_ptr<TicketKeys>> create(TicketSecrets secrets, Millis rotation,
                                                    WallTime now);
  ~TicketKeys();
  TicketKeys(const TicketKeys&) = delete;
  TicketKeys& operator=(const TicketKeys&) = delete;

  /// Replaces secrets and rotation for all workers at once. Returns true if they differ from the
  /// old values. On an error nothing changes. Control thread only.
  Result<bool> replace(TicketSecrets secrets, Millis rotation, WallTime now);
  /// Moves the ring to the period of `now`. Returns true if the period has changed. Control thread
  /// only.
  Result<bool> rotate(WallTime now);
  /// Control thread only.
  const TicketSecrets& secrets() const { return secrets_; }

  /// Encrypts `ticket` in place under the current key of the first secret, and fills `label`.
  /// Returns false on an error.
  bool seal(const TicketScope& scope, uint8_t generation, std::span<uint8_t> ticket,
            TicketLabel& label) const;

  enum class Opened : uint8_t { kNo, kYes, kYesRenew };
  /// Decrypts `ticket` in place. kNo: the key is unknown, the scope differs, the ticket is damaged
  /// or its generation is too high. The caller then makes a full handshake and reports no error.
  /// kYesRenew: the ticket was not sealed under the current key of the first secret, so the client
  /// must get a new ticket.
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
    std::array<Key, kKeys> keys;  // the keys of the first secret come first
    uint64_t count;               // number of keys in use
  };
  static constexpr size_t kWords = sizeof(Ring) / sizeof(uint64_t);

  TicketKeys() = default;
  static Result<void> derive(const TicketSecrets& secrets, Millis rotation, int64_t period,
                             Ring& ring);
  void publish(Ring& ring);
  void copyRing(Ring& out) const;

  // Used by the writer only.
  TicketSecrets secrets_;
  Millis rotation_{0};
  int64_t period_ = 0;
  // A sequence lock; an even number means that words_ is stable. Readers copy the words and retry
  // if the number has changed. They keep no pointer to the keys, so the writer can wipe old keys.
  std::atomic<uint32_t> sequence_{0};
  std::array<std::atomic<uint64_t>, kWords> words_{};
};

}  // namespace culvert
