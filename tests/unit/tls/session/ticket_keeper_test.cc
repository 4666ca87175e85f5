// SPDX-License-Identifier: GPL-3.0-or-later
// TicketKeeper: which NewSessionTickets are kept, with what, and how many (RFC 8446 4.6.1).
#include "tls/session/ticket_keeper.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>

namespace culvert {
namespace {

using Body = std::vector<uint8_t>;

constexpr int64_t kNowMillis = 1'700'000'000'123;
constexpr uint32_t kWeek = 7 * 86400;

void putNumber(Body& body, uint64_t value, int bytes) {
  for (int i = bytes - 1; i >= 0; --i) body.push_back(static_cast<uint8_t>(value >> (8 * i)));
}

Body ticketBody(uint32_t lifetime = 3600, size_t nonce = 2, size_t ticket = 5) {
  Body body;
  putNumber(body, lifetime, 4);
  putNumber(body, 0xa1b2c3d4, 4);
  putNumber(body, nonce, 1);
  body.resize(body.size() + nonce, 0x11);
  putNumber(body, ticket, 2);
  body.resize(body.size() + ticket, 0x22);
  putNumber(body, 0, 2);  // extensions
  return body;
}

std::unique_ptr<StoredSession> pattern(int64_t validUntil = std::numeric_limits<int64_t>::max()) {
  auto like = std::make_unique<StoredSession>();
  like->suite = 0x1302;
  like->group = 0x1d;
  like->secretSize = 48;
  like->secret.fill(0x33);
  like->certificateEnd = like->validUntil = validUntil;
  return like;
}

TEST(ReadTicket, TakesItsFieldsAndThoseOfTheSession) {
  const auto made = readTicket(ticketBody(), *pattern(2'000'000'000), kNowMillis);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->lifetime, 3600u);
  EXPECT_EQ(made->ageAdd, 0xa1b2c3d4u);
  EXPECT_EQ(made->nonce, Body(2, 0x11));
  EXPECT_EQ(made->ticket, Body(5, 0x22));
  EXPECT_EQ(made->receivedMillis, kNowMillis);
  EXPECT_EQ(made->suite, 0x1302);
  EXPECT_EQ(made->group, 0x1d);
  EXPECT_EQ(made->secretSize, 48);
  EXPECT_EQ(made->secret[47], 0x33);
  EXPECT_EQ(made->certificateEnd, 2'000'000'000);
  EXPECT_EQ(made->validUntil, kNowMillis / 1000 + 3600);
  EXPECT_EQ(made->library, nullptr);
}

/// A resumed session inherits the end of the certificates, so resumption cannot go on for ever.
TEST(ReadTicket, LivesNoLongerThanTheCertificates) {
  const int64_t end = kNowMillis / 1000 + 100;
  const auto made = readTicket(ticketBody(), *pattern(end), kNowMillis);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->validUntil, end);
  EXPECT_EQ(made->certificateEnd, end);
}

TEST(ReadTicket, TheLifetimeHasBounds) {
  EXPECT_FALSE(readTicket(ticketBody(0), *pattern(), kNowMillis));
  EXPECT_TRUE(readTicket(ticketBody(1), *pattern(), kNowMillis));
  EXPECT_TRUE(readTicket(ticketBody(kWeek), *pattern(), kNowMillis));
  EXPECT_FALSE(readTicket(ticketBody(kWeek + 1), *pattern(), kNowMillis));
  EXPECT_FALSE(readTicket(ticketBody(0xffffffff), *pattern(), kNowMillis));
}

TEST(ReadTicket, TheSmallestAndTheLargest) {
  EXPECT_TRUE(readTicket(ticketBody(1, 0, 1), *pattern(), kNowMillis));
  EXPECT_TRUE(readTicket(ticketBody(1, 255, 65535), *pattern(), kNowMillis));
  EXPECT_FALSE(readTicket(ticketBody(1, 0, 0), *pattern(), kNowMillis)) << "an empty ticket";
}

TEST(ReadTicket, IsMalformedIfItIsCutAnywhere) {
  const Body whole = ticketBody();
  for (size_t size = 0; size < whole.size(); ++size) {
    const Body cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(readTicket(cut, *pattern(), kNowMillis)) << size;
  }
}

TEST(ReadTicket, IsMalformedIfAFieldIsTooLong) {
  Body nonce = ticketBody();
  nonce[8] = 255;
  EXPECT_FALSE(readTicket(nonce, *pattern(), kNowMillis));
  Body ticket = ticketBody();
  ticket[4 + 4 + 1 + 2 + 1] = 6;
  EXPECT_FALSE(readTicket(ticket, *pattern(), kNowMillis));
  Body extensions = ticketBody();
  extensions.back() = 1;
  EXPECT_FALSE(readTicket(extensions, *pattern(), kNowMillis));
  Body behind = ticketBody();
  behind.push_back(0);
  EXPECT_FALSE(readTicket(behind, *pattern(), kNowMillis));
}

TEST(ReadTicket, ExtensionsAreSkipped) {
  Body body = ticketBody();
  body.back() = 8;  // early_data: 4 bytes
  putNumber(body, 42, 2);
  putNumber(body, 4, 2);
  putNumber(body, 16384, 4);
  EXPECT_TRUE(readTicket(body, *pattern(), kNowMillis));
}

class TicketKeeperTest : public ::testing::Test {
 protected:
  SessionPool pool_;
  const SessionKey key_ = sessionKeyOf(std::make_shared<const BackendTls>(), "x", "a.org", {});
};

TEST_F(TicketKeeperTest, KeepsFourTickets) {
  TicketKeeper keeper(pool_, key_, pattern());
  for (int i = 0; i < 10; ++i) keeper.onTicket(ticketBody());
  EXPECT_EQ(pool_.sessions(), 4u);
}

TEST_F(TicketKeeperTest, MalformedTicketsDoNotCount) {
  TicketKeeper keeper(pool_, key_, pattern());
  for (int i = 0; i < 10; ++i) keeper.onTicket(ticketBody(0));
  keeper.onTicket({});
  EXPECT_EQ(pool_.sessions(), 0u);
  for (int i = 0; i < 10; ++i) keeper.onTicket(ticketBody());
  EXPECT_EQ(pool_.sessions(), 4u);
}

TEST_F(TicketKeeperTest, ItsTicketsAreForItsKey) {
  TicketKeeper keeper(pool_, key_, pattern());
  keeper.onTicket(ticketBody());
  const int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  SessionKey other = key_;
  other.place += "y";
  EXPECT_FALSE(pool_.take(other, now));
  const auto kept = pool_.take(key_, now);
  ASSERT_TRUE(kept);
  EXPECT_GE(kept->validUntil, now + 3590);
  EXPECT_LE(kept->validUntil, now + 3600);
  EXPECT_LE(kept->receivedMillis / 1000, now);
}

}  // namespace
}  // namespace culvert
