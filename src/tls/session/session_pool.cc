// SPDX-License-Identifier: GPL-3.0-or-later
// See session_pool.h.
#include "tls/session/session_pool.h"

#include <fmt/format.h>

#include <utility>

#include "tls/library/secret_bytes.h"
#include "tls/library/wolfssl.h"

namespace culvert {
namespace {

// About what wolfSSL keeps for a session of TLS 1.2.
constexpr size_t kLibrarySession = 1024;

size_t storedSize(const StoredSession& session) {
  return sizeof(StoredSession) + session.ticket.size() + session.nonce.size() +
         (session.library != nullptr ? kLibrarySession : 0);
}

}  // namespace

StoredSession::~StoredSession() {
  wipe(secret.data(), secret.size());
  if (library != nullptr) wolfSSL_SESSION_free(library);
}

SessionKey sessionKeyOf(std::shared_ptr<const BackendTls> backend, std::string_view address,
                        std::string_view host, const std::vector<std::string>& alpn) {
  std::string place = fmt::format("{}\n{}", address, host);
  for (const std::string& protocol : alpn) place += "\n" + protocol;
  return {std::move(backend), std::move(place)};
}

std::string SessionPool::idOf(const SessionKey& key) {
  return fmt::format("{}\n{}", static_cast<const void*>(key.backend.get()), key.place);
}

/// Returns the bucket of the key, and makes it if there is none. A new BackendTls may have the
/// address of a freed one; then the bucket is emptied.
SessionPool::Bucket& SessionPool::bucketFor(const SessionKey& key) {
  const std::string id = idOf(key);
  if (buckets_.size() >= kMostBuckets && !buckets_.contains(id)) makeRoom(nullptr);
  Bucket& bucket = buckets_[id];
  if (bucket.backend.lock() != key.backend) {
    clear(bucket);
    bucket.backend = key.backend;
  }
  bucket.used = ++clock_;
  return bucket;
}

std::unique_ptr<StoredSession> SessionPool::take(const SessionKey& key, int64_t now) {
  const auto found = buckets_.find(idOf(key));
  if (found == buckets_.end() || found->second.backend.lock() != key.backend) return nullptr;
  Bucket& bucket = found->second;
  while (!bucket.sessions.empty()) {
    std::unique_ptr<StoredSession> session = std::move(bucket.sessions.back());
    bucket.sessions.pop_back();
    forget(*session);
    if (session->validUntil > now) return session;
  }
  return nullptr;
}

void SessionPool::put(const SessionKey& key, std::unique_ptr<StoredSession> session) {
  Bucket& bucket = bucketFor(key);
  if (bucket.sessions.size() >= kMostOfKey) {
    forget(*bucket.sessions.front());
    bucket.sessions.pop_front();
  }
  const size_t size = storedSize(*session);
  bucket.sessions.push_back(std::move(session));
  ++count_;
  bytes_ += size;
  while (bytes_ > kMostBytes && count_ > bucket.sessions.size()) makeRoom(&bucket);
}

uint16_t SessionPool::groupOf(const SessionKey& key, TimePoint now) const {
  const auto found = buckets_.find(idOf(key));
  if (found == buckets_.end() || found->second.backend.lock() != key.backend) return 0;
  return now - found->second.groupSince < kGroupAge ? found->second.group : 0;
}

void SessionPool::noteGroup(const SessionKey& key, uint16_t group, TimePoint now) {
  if (group == 0) return;
  Bucket& bucket = bucketFor(key);
  if (bucket.group == group && now - bucket.groupSince < kGroupAge) return;
  bucket.group = group;
  bucket.groupSince = now;
}

void SessionPool::forget(const StoredSession& session) {
  --count_;
  bytes_ -= storedSize(session);
}

void SessionPool::clear(Bucket& bucket) {
  for (const auto& session : bucket.sessions) forget(*session);
  bucket.sessions.clear();
  bucket.group = 0;
}

/// Drops the bucket that was not used for the longest time.
void SessionPool::makeRoom(const Bucket* keep) {
  auto oldest = buckets_.end();
  for (auto one = buckets_.begin(); one != buckets_.end(); ++one) {
    if (&one->second == keep) continue;
    if (oldest == buckets_.end() || one->second.used < oldest->second.used) oldest = one;
  }
  if (oldest == buckets_.end()) return;
  clear(oldest->second);
  buckets_.erase(oldest);
}

void SessionPool::dropUnused() {
  for (auto one = buckets_.begin(); one != buckets_.end();) {
    if (!one->second.backend.expired()) {
      ++one;
      continue;
    }
    clear(one->second);
    one = buckets_.erase(one);
  }
}

}  // namespace culvert
