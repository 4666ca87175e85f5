// SPDX-License-Identifier: GPL-3.0-or-later
// Done: a client made culvert answer (KeyUpdates) and read none of the answers. Seen: when a limit was
// due the client was read once more, though its backlog had its most, and with stall-timeout off the
// backlog grew with each limit. Right: what is not to be read is not read then either.
#include <gtest/gtest.h>

#include "byte_pattern.h"
#include "scripted_tunnel.h"
#include "simulated_time.h"

namespace culvert {
namespace {

TEST(LimitReadsPastBacklog, TheBacklogKeepsItsMost) {
  SimulatedTime time;
  TunnelBench b;
  b.options.stallTimeout = Millis(0);
  b.options.idleTimeout = Millis(1000);
  b.client.overhead = 22;
  b.client.window = 0;
  b.client.answersAReadWith = 10'000;
  b.client.readAtMost = 100;
  b.client.input = pattern(10'000);
  b.open();
  ASSERT_TRUE(b.settle());
  const size_t backlog = b.client.stream->backlog();
  EXPECT_GE(backlog, ByteStream::kMostBacklog);
  ASSERT_TRUE(b.waitEnd(Millis(1100)));
  EXPECT_EQ(b.report.cause, "idle");
  EXPECT_EQ(b.client.taken, 100 * backlog / 10'000) << "no read after the last answer that fits";
}

}  // namespace
}  // namespace culvert
