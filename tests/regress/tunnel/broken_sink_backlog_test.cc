// SPDX-License-Identifier: GPL-3.0-or-later
// Done: the client was slow and its FIFO full, the process stood still, and the client reset its
// connection meanwhile. Seen: the timer came first and found the client gone; its backlog stayed, the
// tunnel waited for a write that it did not make any more, and the loop spun until
// half-close-timeout. Right: nobody waits to write to a sink that is broken.
#include <gtest/gtest.h>

#include "byte_pattern.h"
#include "scripted_tunnel.h"
#include "simulated_time.h"

namespace culvert {
namespace {

TEST(BrokenSinkBacklog, IsNotWaitedFor) {
  SimulatedTime time;
  TunnelBench b;
  b.options.fifoSize = 32 * 1024;
  b.client.overhead = 22;
  b.client.window = 100;
  b.backend.window = 0;
  b.client.input = pattern(40'000);
  b.backend.input = pattern(40'000);
  b.open();
  ASSERT_TRUE(b.settle());
  ASSERT_TRUE(b.client.watchedWrite && !b.client.watchedRead);
  b.client.reset();
  time.advance(Millis(600));
  b.loop.turn(false);
  EXPECT_FALSE(b.client.fireWritable()) << "it would be called without end";
  ASSERT_TRUE(b.settle());
  b.backend.open(100'000);
  ASSERT_TRUE(b.waitEnd());
  EXPECT_EQ(b.report.cause, "client-reset");
}

}  // namespace
}  // namespace culvert
