// SPDX-License-Identifier: GPL-3.0-or-later
// A walk over a set of tunnels goes on while tunnels come and go.
#include <gtest/gtest.h>

#include <deque>
#include <set>

#include "scripted_tunnel.h"

namespace culvert {
namespace {

class TunnelWalkTest : public ::testing::Test {
 protected:
  struct SilentHost final : TunnelHost {
    std::unique_ptr<Dialer> dialerFor(Tunnel&) override { return nullptr; }
    void onTunnelEnded(Tunnel&) override {}
  };

  Tunnel& add() {
    peers_.emplace_back();
    return bench_.tunnels.add(std::make_unique<Tunnel>(
        bench_.context, std::make_shared<const TunnelOptions>(), std::make_unique<SilentHost>(),
        ++lastId_, std::make_unique<ScriptedStream>(peers_.back()), bench_.loop.now()));
  }
  std::vector<Tunnel*> add(size_t count) {
    std::vector<Tunnel*> made;
    for (size_t i = 0; i < count; ++i) made.push_back(&add());
    return made;
  }
  static void close(Tunnel& tunnel) { tunnel.close({CloseCause::kAdminClosed}); }
  /// The ids of the tunnels that are left to visit.
  std::vector<uint64_t> rest(TunnelWalk& walk) {
    std::vector<uint64_t> ids;
    while (Tunnel* tunnel = walk.next()) ids.push_back(tunnel->id());
    return ids;
  }

  std::deque<ScriptedPeer> peers_;
  TunnelBench bench_;
  uint64_t lastId_ = 0;
};

using Ids = std::vector<uint64_t>;

TEST_F(TunnelWalkTest, VisitsAllInOrder) {
  TunnelWalk walk;
  walk.begin(bench_.tunnels);
  EXPECT_EQ(walk.next(), nullptr) << "the set is empty";
  add(3);
  walk.begin(bench_.tunnels);
  EXPECT_EQ(rest(walk), (Ids{1, 2, 3}));
  EXPECT_EQ(walk.next(), nullptr) << "the walk stays at its end";
}

TEST_F(TunnelWalkTest, LeavesOutLaterTunnels) {
  add(2);
  TunnelWalk walk;
  walk.begin(bench_.tunnels);
  add(2);
  EXPECT_EQ(rest(walk), (Ids{1, 2}));
}

TEST_F(TunnelWalkTest, SkipsTunnelsThatEnd) {
  const auto tunnels = add(5);
  TunnelWalk walk;
  walk.begin(bench_.tunnels);
  EXPECT_EQ(walk.next(), tunnels[0]);
  close(*tunnels[0]);  // the one that was visited
  close(*tunnels[1]);  // the next one
  close(*tunnels[3]);
  EXPECT_EQ(rest(walk), (Ids{3, 5}));
}

TEST_F(TunnelWalkTest, EndsWhenItsLastTunnelEnds) {
  const auto tunnels = add(2);
  TunnelWalk walk;
  walk.begin(bench_.tunnels);
  EXPECT_EQ(walk.next(), tunnels[0]);
  add(1);
  close(*tunnels[1]);
  EXPECT_EQ(walk.next(), nullptr) << "the third tunnel came after the walk began";
}

TEST_F(TunnelWalkTest, SeveralWalksAtOnceDoNotDisturbEachOther) {
  const auto tunnels = add(4);
  TunnelWalk first, second;
  first.begin(bench_.tunnels);
  second.begin(bench_.tunnels);
  EXPECT_EQ(first.next(), tunnels[0]);
  EXPECT_EQ(first.next(), tunnels[1]);
  EXPECT_EQ(second.next(), tunnels[0]);
  close(*tunnels[1]);
  close(*tunnels[2]);
  EXPECT_EQ(rest(second), (Ids{4}));
  EXPECT_EQ(rest(first), (Ids{4}));
}

TEST_F(TunnelWalkTest, CanBeginAgainAndBeLeft) {
  add(3);
  {
    TunnelWalk left;
    left.begin(bench_.tunnels);
    left.next();
  }
  TunnelWalk walk;
  walk.begin(bench_.tunnels);
  walk.next();
  walk.begin(bench_.tunnels);
  EXPECT_EQ(rest(walk), (Ids{1, 2, 3}));
  bench_.tunnels.closeAll({CloseCause::kDrain});
}

}  // namespace
}  // namespace culvert
