// SPDX-License-Identifier: GPL-3.0-or-later
// SessionPool: each session is used once and only with its own key, the pool is bounded, and the
// group of a backend is remembered for a while.
#include "tls/session/session_pool.h"

#include <gtest/gtest.h>

#include <memory>
#include <new>

namespace culvert {
namespace {

constexpr int64_t kNow = 1'000'000;
const TimePoint kStart = TimePoint{} + std::chrono::hours(1);

std::unique_ptr<StoredSession> session(uint32_t number, int64_t validUntil = kNow + 100,
                                       size_t ticket = 10) {
  auto made = std::make_unique<StoredSession>();
  made->ageAdd = number;
  made->validUntil = validUntil;
  made->ticket.resize(ticket);
  return made;
}

class SessionPoolTest : public ::testing::Test {
 protected:
  SessionKey key(const std::string& address = "192.0.2.1:443") const {
    return sessionKeyOf(backend_, address, "a.org", {"h2"});
  }
  /// The number of the session that the pool gives, or -1.
  int64_t take(const SessionKey& key, int64_t now = kNow) {
    const auto taken = pool_.take(key, now);
    return taken ? static_cast<int64_t>(taken->ageAdd) : -1;
  }

  std::shared_ptr<const BackendTls> backend_ = std::make_shared<const BackendTls>();
  SessionPool pool_;
};

TEST_F(SessionPoolTest, GivesEachSessionOnceTheNewestFirst) {
  EXPECT_EQ(take(key()), -1);
  for (const uint32_t number : {1, 2, 3}) pool_.put(key(), session(number));
  EXPECT_EQ(pool_.sessions(), 3u);
  EXPECT_EQ(take(key()), 3);
  EXPECT_EQ(take(key()), 2);
  EXPECT_EQ(take(key()), 1);
  EXPECT_EQ(take(key()), -1);
  EXPECT_EQ(pool_.sessions(), 0u);
}

TEST_F(SessionPoolTest, DropsTheOldestOfAKeyBeyondItsBound) {
  for (uint32_t number = 1; number <= SessionPool::kMostOfKey + 2; ++number)
    pool_.put(key(), session(number));
  EXPECT_EQ(pool_.sessions(), SessionPool::kMostOfKey);
  for (uint32_t number = SessionPool::kMostOfKey + 2; number > 2; --number)
    ASSERT_EQ(take(key()), number);
  EXPECT_EQ(take(key()), -1);
}

TEST_F(SessionPoolTest, DropsSessionsThatHaveExpired) {
  pool_.put(key(), session(1, kNow + 1));
  pool_.put(key(), session(2, kNow));
  pool_.put(key(), session(3, kNow - 1));
  EXPECT_EQ(take(key()), 1) << "the first that is still valid";
  EXPECT_EQ(pool_.sessions(), 0u) << "the expired ones are gone";
}

TEST_F(SessionPoolTest, EveryPartOfTheKeyCounts) {
  const auto other = std::make_shared<const BackendTls>();
  ASSERT_EQ(*other, *backend_) << "equal contents, but another object";
  pool_.put(sessionKeyOf(backend_, "192.0.2.1:443", "a.org", {"h2", "x"}), session(1));
  EXPECT_EQ(take(sessionKeyOf(other, "192.0.2.1:443", "a.org", {"h2", "x"})), -1);
  EXPECT_EQ(take(sessionKeyOf(backend_, "192.0.2.2:443", "a.org", {"h2", "x"})), -1);
  EXPECT_EQ(take(sessionKeyOf(backend_, "192.0.2.1:443", "b.org", {"h2", "x"})), -1);
  EXPECT_EQ(take(sessionKeyOf(backend_, "192.0.2.1:443", "a.org", {"x", "h2"})), -1);
  EXPECT_EQ(take(sessionKeyOf(backend_, "192.0.2.1:443", "a.org", {"h2"})), -1);
  EXPECT_EQ(take(sessionKeyOf(backend_, "192.0.2.1:443", "a.org", {"h2x"})), -1);
  EXPECT_EQ(take(sessionKeyOf(backend_, "192.0.2.1:443a.org", "", {"h2", "x"})), -1);
  EXPECT_EQ(take(sessionKeyOf(backend_, "192.0.2.1:443", "a.org", {"h2", "x"})), 1);
}

TEST_F(SessionPoolTest, DropsTheKeysUsedLongestAgoWhenItIsFull) {
  constexpr size_t kTicket = 16 * 1024;
  constexpr size_t kFit = SessionPool::kMostBytes / kTicket - 2;
  for (size_t i = 0; i < kFit; ++i)
    pool_.put(key(std::to_string(i)), session(static_cast<uint32_t>(i), kNow + 100, kTicket));
  EXPECT_EQ(pool_.sessions(), kFit);
  EXPECT_EQ(take(key("0")), 0);
  pool_.put(key("0"), session(0, kNow + 100, kTicket));  // used again
  for (size_t i = 0; i < 10; ++i)
    pool_.put(key("new" + std::to_string(i)), session(99, kNow + 100, kTicket));
  EXPECT_LE(pool_.sessions() * kTicket, SessionPool::kMostBytes);
  EXPECT_GT(pool_.sessions(), kFit - 2);
  EXPECT_EQ(take(key("1")), -1);
  EXPECT_EQ(take(key("0")), 0);
  EXPECT_EQ(take(key("new9")), 99);
}

TEST_F(SessionPoolTest, TheNumberOfKeysIsBounded) {
  for (int i = 0; i < 3000; ++i) pool_.put(key(std::to_string(i)), session(1));
  EXPECT_LE(pool_.sessions(), 1024u);
  EXPECT_GT(pool_.sessions(), 1000u);
  EXPECT_EQ(take(key("2999")), 1);
  EXPECT_EQ(take(key("0")), -1);
}

/// A pool that is full of keys makes room for new keys only.
TEST_F(SessionPoolTest, AKnownKeyNeedsNoRoom) {
  for (int i = 0; i < 1024; ++i) pool_.put(key(std::to_string(i)), session(1));
  ASSERT_EQ(pool_.sessions(), 1024u);
  pool_.put(key("0"), session(2));
  EXPECT_EQ(pool_.sessions(), 1025u);
  EXPECT_EQ(take(key("0")), 2);
  EXPECT_EQ(take(key("0")), 1);
}

TEST_F(SessionPoolTest, DropsWhatNoConfigurationUses) {
  auto other = std::make_shared<const BackendTls>();
  pool_.put(key(), session(1));
  pool_.put(sessionKeyOf(other, "x", "a.org", {}), session(2));
  pool_.dropUnused();
  EXPECT_EQ(pool_.sessions(), 2u) << "both are in force";
  other.reset();
  pool_.dropUnused();
  EXPECT_EQ(pool_.sessions(), 1u);
  EXPECT_EQ(take(key()), 1);
}

/// A later configuration may have its BackendTls at the address of a freed one.
TEST_F(SessionPoolTest, ANewBackendAtTheSameAddressGetsNothing) {
  alignas(BackendTls) static std::byte memory[sizeof(BackendTls)];
  const auto make = [] {
    return std::shared_ptr<const BackendTls>(new (memory) BackendTls,
                                             [](const BackendTls* tls) { tls->~BackendTls(); });
  };
  std::shared_ptr<const BackendTls> first = make();
  const void* address = first.get();
  pool_.put(sessionKeyOf(first, "x", "a.org", {}), session(1));
  pool_.noteGroup(sessionKeyOf(first, "x", "a.org", {}), 0x1d, kStart);
  first.reset();
  const std::shared_ptr<const BackendTls> second = make();
  ASSERT_EQ(second.get(), address);
  const SessionKey key = sessionKeyOf(second, "x", "a.org", {});
  EXPECT_EQ(take(key), -1);
  EXPECT_EQ(pool_.groupOf(key, kStart), 0);
  pool_.put(key, session(2));
  EXPECT_EQ(pool_.sessions(), 1u) << "the first one's session is gone";
  EXPECT_EQ(pool_.groupOf(key, kStart), 0);
  EXPECT_EQ(take(key), 2);
  EXPECT_EQ(take(key), -1);
}

TEST_F(SessionPoolTest, RemembersTheGroupForAWhile) {
  EXPECT_EQ(pool_.groupOf(key(), kStart), 0);
  pool_.noteGroup(key(), 0, kStart);
  EXPECT_EQ(pool_.groupOf(key(), kStart), 0);
  pool_.noteGroup(key(), 0x1d, kStart);
  EXPECT_EQ(pool_.groupOf(key(), kStart), 0x1d);
  EXPECT_EQ(pool_.groupOf(key("other"), kStart), 0);
  EXPECT_EQ(pool_.groupOf(key(), kStart + SessionPool::kGroupAge - Millis(1)), 0x1d);
  EXPECT_EQ(pool_.groupOf(key(), kStart + SessionPool::kGroupAge), 0);
}

/// Handshakes in between do not put off the hello that offers all groups.
TEST_F(SessionPoolTest, UseDoesNotProlongTheGroup) {
  pool_.noteGroup(key(), 0x1d, kStart);
  pool_.noteGroup(key(), 0x1d, kStart + SessionPool::kGroupAge / 2);
  EXPECT_EQ(pool_.groupOf(key(), kStart + SessionPool::kGroupAge), 0);
  pool_.noteGroup(key(), 0x1d, kStart + SessionPool::kGroupAge);
  EXPECT_EQ(pool_.groupOf(key(), kStart + SessionPool::kGroupAge), 0x1d);
  pool_.noteGroup(key(), 0x18, kStart + SessionPool::kGroupAge + Millis(1));
  EXPECT_EQ(pool_.groupOf(key(), kStart + SessionPool::kGroupAge + Millis(1)), 0x18);
}

}  // namespace
}  // namespace culvert
