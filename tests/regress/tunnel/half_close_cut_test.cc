// SPDX-License-Identifier: GPL-3.0-or-later
// Done: one side ended in order, the other never did, and half-close-timeout cut the tunnel. Seen:
// `cause=client-fin`, the line of a clean end. Right: the cause stays, `detail=` says what was cut,
// and half_close_cuts counts it.
#include <gtest/gtest.h>

#include "byte_pattern.h"
#include "scripted_tunnel.h"

namespace culvert {
namespace {

class HalfCloseCut : public testing::Test {
 protected:
  void SetUp() override { b_.options.halfCloseTimeout = Millis(30); }
  TunnelBench b_;
};

TEST_F(HalfCloseCut, OfABackendThatDoesNotEnd) {
  b_.client.inputEnd = IoStatus::kEof;
  b_.open();
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "client-fin");
  EXPECT_EQ(b_.report.detail, "half-close-timeout passed: the backend had not ended its direction");
  EXPECT_EQ(b_.count(Counter::kHalfCloseCuts), 1u);
}

TEST_F(HalfCloseCut, OfAClientThatDoesNotEnd) {
  b_.backend.inputEnd = IoStatus::kEof;
  b_.open();
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "backend-fin");
  EXPECT_EQ(b_.report.detail, "half-close-timeout passed: the client had not ended its direction");
  EXPECT_EQ(b_.count(Counter::kHalfCloseCuts), 1u);
}

TEST_F(HalfCloseCut, OfABackendThatDoesNotTakeTheRest) {
  b_.backend.window = 10;
  b_.client.input = pattern(100);
  b_.open();
  ASSERT_TRUE(b_.settle());
  b_.client.reset();
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "client-reset");
  EXPECT_EQ(b_.report.detail,
            "half-close-timeout passed: the backend had not accepted all of its bytes");
  EXPECT_EQ(b_.report.inboundLost, 90u);
  EXPECT_EQ(b_.count(Counter::kHalfCloseCuts), 1u);
}

TEST_F(HalfCloseCut, NothingIsSaidOfACleanEnd) {
  b_.client.inputEnd = IoStatus::kEof;
  b_.backend.input = "answer";
  b_.backend.inputEnd = IoStatus::kEof;
  b_.open();
  ASSERT_TRUE(b_.waitEnd());
  EXPECT_EQ(b_.report.cause, "client-fin");
  EXPECT_EQ(b_.report.detail, "");
  EXPECT_EQ(b_.count(Counter::kHalfCloseCuts), 0u);
}

}  // namespace
}  // namespace culvert
