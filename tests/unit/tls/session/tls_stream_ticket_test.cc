// SPDX-License-Identifier: GPL-3.0-or-later
// The session ticket is held for a moment: it leaves with the first bytes, with the end, or alone.
#include "unit/tls/support/tls_stream_ticket_fixture.h"

namespace culvert {
namespace {

TEST_F(HeldTicketTest, LeavesWithTheFirstBytes) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  EXPECT_EQ(arrived(), 0u) << "nobody waits for it";
  EXPECT_EQ(stream_->flush(), IoStatus::kOk);
  EXPECT_EQ(stream_->backlog(), 0u) << "nothing has to be written for it either";
  EXPECT_EQ(arrived(), 0u);
  put("pong");
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  EXPECT_GT(arrived(), 100u) << "both in one piece";
  EXPECT_EQ(clientReads(4), "pong");
}

TEST_F(HeldTicketTest, LeavesAloneAfterAMoment) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  const TimePoint start = Clock::now();
  while (released_ == 0) loop_.turn(true);
  EXPECT_GE(Clock::now() - start + Millis{5}, TicketDelay::kMoment);
  EXPECT_GT(arrived(), 100u);
  put("pong");
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  EXPECT_EQ(clientReads(4), "pong") << "the records are in their order";
  EXPECT_EQ(released_, 1);
}

TEST_F(HeldTicketTest, LeavesBeforeAnAnswerToTheClient) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  client_->updateKeys();
  client_->write("ping");
  client_->flush();
  std::string text;
  EXPECT_EQ(readAll(text, 4), IoStatus::kOk);
  EXPECT_GT(arrived(), 100u) << "the ticket and the answer to the KeyUpdate";
  put("pong");
  EXPECT_EQ(stream_->write(out_).status, IoStatus::kOk);
  EXPECT_EQ(clientReads(4), "pong");
}

TEST_F(HeldTicketTest, LeavesWithTheEnd) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  EXPECT_EQ(stream_->shutdownWrite(), IoStatus::kOk);
  EXPECT_GT(arrived(), 100u);
  EXPECT_EQ(clientReads(1), "");
  EXPECT_EQ(client_->error, WOLFSSL_ERROR_ZERO_RETURN);
}

TEST_F(HeldTicketTest, GoesWithItsStream) {
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  stream_.reset();
  Timer later(loop_, &released_, [](void* count) { ++*static_cast<int*>(count); });
  later.armBy(loop_.now() + 2 * TicketDelay::kMoment);
  while (released_ == 0) loop_.turn(true);
  EXPECT_EQ(released_, 1) << "only the test's own timer";
}

TEST_F(HeldTicketTest, NothingIsHeldInTls12WhereTheClientWaits) {
  openWithTickets(wolfTLSv1_2_client_method());
  ASSERT_EQ(shakeHands(), IoStatus::kOk);
  EXPECT_EQ(stream_->facts().version, "TLSv1.2");
}

}  // namespace
}  // namespace culvert
