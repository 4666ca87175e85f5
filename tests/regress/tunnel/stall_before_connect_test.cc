// SPDX-License-Identifier: GPL-3.0-or-later
// Done: while the backend was being reached, the client's socket was full for a moment; what waited
// for the client left when the client was read. Seen: the time for stall-timeout ran on, and the
// tunnel ended as client-stalled with nothing waiting. Right: it stops when nothing waits any more.
#include <gtest/gtest.h>

#include "byte_pattern.h"
#include "scripted_tunnel.h"
#include "simulated_time.h"

namespace culvert {
namespace {

TEST(StallBeforeConnect, EndsWithTheBacklog) {
  SimulatedTime time;
  TunnelBench b;
  b.options.stallTimeout = Millis(1000);
  b.options.idleTimeout = Millis(5000);
  b.dialing.atOnce = false;
  b.client.overhead = 22;
  b.client.answersAReadWith = 30;
  b.client.window = 0;
  b.client.emptyReads = 1;
  b.open();
  ASSERT_TRUE(b.settle());
  ASSERT_EQ(b.client.stream->backlog(), 30u);
  b.client.open(1000);
  b.client.emptyReads = 1;
  ASSERT_TRUE(b.client.fireReadable());
  ASSERT_EQ(b.client.stream->backlog(), 0u);
  ASSERT_TRUE(b.waitEnd(Millis(6000)));
  EXPECT_EQ(b.report.cause, "idle");
}

}  // namespace
}  // namespace culvert
