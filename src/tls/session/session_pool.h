// SPDX-License-Identifier: GPL-3.0-or-later
// SessionPool keeps the sessions with backends that one worker can resume, as plain data. A session
// is used once (RFC 8446 C.4), and only with the backend, the name, the protocols and the trust that
// it was made with. The pool also remembers which group a backend chose, so that the next hello has
// one key share instead of two. Thread: loop.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "tls/endpoint/backend_tls.h"

struct WOLFSSL_SESSION;

namespace culvert {

/// A session that culvert can resume. The secret is wiped when the object is destroyed.
struct StoredSession {
  StoredSession() = default;
  StoredSession(const StoredSession&) = delete;
  StoredSession& operator=(const StoredSession&) = delete;
  ~StoredSession();

  // TLS 1.3 (RFC 8446 4.6.1)
  uint16_t suite = 0;
  uint16_t group = 0;
  uint32_t ageAdd = 0;
  uint32_t lifetime = 0;       ///< seconds
  int64_t receivedMillis = 0;  ///< wall clock
  uint8_t secretSize = 0;
  std::array<uint8_t, 48> secret{};  ///< the resumption secret
  std::vector<uint8_t> nonce;
  std::vector<uint8_t> ticket;
  // TLS 1.2
  WOLFSSL_SESSION* library = nullptr;  ///< owned; the fields above are not used then

  int64_t certificateEnd = 0;  ///< wall clock, seconds: end of the server's verified certificates
  int64_t validUntil = 0;      ///< wall clock, seconds: end of the ticket, or certificateEnd
};

/// What a session belongs to. Two keys with equal fields may share sessions.
struct SessionKey {
  std::shared_ptr<const BackendTls> backend;
  std::string place;  ///< address, host and protocols
};
SessionKey sessionKeyOf(std::shared_ptr<const BackendTls> backend, std::string_view address,
                        std::string_view host, const std::vector<std::string>& alpn);

class SessionPool {
 public:
  /// So many connections can begin at once and resume. Each takes a session and adds one later.
  static constexpr size_t kMostOfKey = 64;
  static constexpr size_t kMostBytes = 1024 * 1024;  ///< of all sessions, without their secrets
  /// How long a backend's group is remembered. Afterwards culvert offers all shares once, because
  /// the backend may have learnt a better group.
  static constexpr std::chrono::minutes kGroupAge{10};

  /// Returns a session and removes it, the newest first, or nullptr.
  std::unique_ptr<StoredSession> take(const SessionKey& key, int64_t now);
  /// Keeps a session. If the pool is full, drops older sessions.
  void put(const SessionKey& key, std::unique_ptr<StoredSession> session);

  /// Returns the group that the backend chose last, or 0.
  uint16_t groupOf(const SessionKey& key, TimePoint now) const;
  void noteGroup(const SessionKey& key, uint16_t group, TimePoint now);

  /// Drops what belongs to configurations that are no longer in force.
  void dropUnused();

  size_t sessions() const { return count_; }

 private:
  struct Bucket {
    std::weak_ptr<const BackendTls> backend;
    std::deque<std::unique_ptr<StoredSession>> sessions;  // oldest first
    uint16_t group = 0;
    TimePoint groupSince{};
    uint64_t used = 0;
  };
  using Buckets = std::unordered_map<std::string, Bucket>;

  static std::string idOf(const SessionKey& key);
  Bucket& bucketFor(const SessionKey& key);
  void forget(const StoredSession& session);
  void clear(Bucket& bucket);
  void makeRoom(const Bucket* keep);

  static constexpr size_t kMostBuckets = 1024;

  Buckets buckets_;
  size_t count_ = 0;
  size_t bytes_ = 0;
  uint64_t clock_ = 0;
};

}  // namespace culvert
