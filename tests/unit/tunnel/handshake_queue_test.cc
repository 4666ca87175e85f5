// SPDX-License-Identifier: GPL-3.0-or-later
// HandshakeQueue: what one turn of the loop spends on handshakes is bounded, and nothing starves.
#include "tunnel/handshake_queue.h"

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "scripted_tunnel.h"

namespace culvert {
namespace {

/// A client whose handshake never gets further: each step is one answer of its script.
struct Client {
  ScriptedPeer peer;
  ScriptedPeer backend;
  DialScript dialing;
  Tunnel* tunnel = nullptr;
  std::string cause;

  struct Host final : TunnelHost {
    explicit Host(Client& c) : client(c) {}
    std::unique_ptr<Dialer> dialerFor(Tunnel&) override {
      return std::make_unique<ScriptedDialer>(client.dialing, client.backend);
    }
    void onTunnelEnded(Tunnel& tunnel) override {
      client.cause = tunnel.reason().text();
      client.tunnel = nullptr;
    }
    Client& client;
  };

  size_t steps() const { return kScript - peer.handshakes.size(); }
  static constexpr size_t kScript = 100;
};

class HandshakeQueueTest : public testing::Test, public HandshakeQueue::Arrivals {
 protected:
  explicit HandshakeQueueTest(Micros slice = Micros(0)) : queue_(loop_, counters_, slice) {
    queue_.setArrivals(*this);
  }

  /// Starts a tunnel; `answered`: culvert has sent its client something before.
  Client& open(bool answered = false, TimePoint accepted = Clock::now()) {
    Client& client = *clients_.emplace_back(std::make_unique<Client>());
    client.peer.handshakes.assign(Client::kScript, IoStatus::kBlocked);
    auto stream = std::make_unique<ScriptedStream>(client.peer, answered ? 1 : 0);
    EXPECT_EQ(stream->flush(), IoStatus::kOk);
    client.tunnel = &tunnels_.add(std::make_unique<Tunnel>(
        context_, std::make_shared<const TunnelOptions>(options_),
        std::make_unique<Client::Host>(client), clients_.size(), std::move(stream), accepted));
    client.tunnel->start();
    EXPECT_EQ(client.steps(), 1u) << "the first step is the caller's";
    return client;
  }
  bool startNext() override {
    if (arriving_ == 0) return false;
    --arriving_;
    return ++arrived_, true;
  }
  uint64_t slicesFull() const { return counters_.get(Counter::kHandshakeSlicesFull); }

  EventLoop loop_;
  BufferPool pool_;
  CounterBlock counters_;
  HandshakeQueue queue_;
  TunnelContext context_{loop_, pool_, counters_, queue_};
  TunnelOptions options_;
  std::vector<std::unique_ptr<Client>> clients_;
  TunnelSet tunnels_{loop_};
  size_t arriving_ = 0;
  size_t arrived_ = 0;
};

class HandshakeQueueWithTime : public HandshakeQueueTest {
 protected:
  HandshakeQueueWithTime() : HandshakeQueueTest(std::chrono::hours(1)) {}
};

TEST_F(HandshakeQueueWithTime, AStepRunsAtOnceWhileTheTurnHasTime) {
  Client& client = open();
  EXPECT_TRUE(client.peer.fireReadable());
  EXPECT_EQ(client.steps(), 2u);
  EXPECT_TRUE(client.peer.watchedRead);
  EXPECT_EQ(slicesFull(), 0u);
}

TEST_F(HandshakeQueueWithTime, AllThatArrivedStartInOneTurn) {
  arriving_ = 7;
  queue_.arrivalsWait();
  loop_.turn(false);
  EXPECT_EQ(arrived_, 7u);
  EXPECT_EQ(slicesFull(), 0u);
}

TEST_F(HandshakeQueueTest, WithoutTimeAStepWaitsForTheEndOfTheTurn) {
  Client& first = open();
  Client& second = open();
  EXPECT_TRUE(first.peer.fireReadable());
  EXPECT_TRUE(second.peer.fireReadable());
  EXPECT_EQ(first.steps() + second.steps(), 2u);
  EXPECT_FALSE(first.peer.watchedRead) << "a level-triggered socket would report again each turn";

  loop_.turn(true);  // does not sleep: the queue has work
  EXPECT_EQ(first.steps(), 2u);
  EXPECT_TRUE(first.peer.watchedRead);
  EXPECT_EQ(second.steps(), 1u) << "the slice is used up, and one step is the least";
  EXPECT_EQ(slicesFull(), 1u);

  loop_.turn(true);
  EXPECT_EQ(second.steps(), 2u);
  EXPECT_EQ(slicesFull(), 1u);
}

TEST_F(HandshakeQueueTest, AnsweredClientsHaveTwoStepsOfThree) {
  std::vector<Client*> fresh, answered;
  for (int i = 0; i < 4; ++i) fresh.push_back(&open(false));
  for (int i = 0; i < 4; ++i) answered.push_back(&open(true));
  for (Client* client : fresh) client->peer.fireReadable();
  for (Client* client : answered) client->peer.fireReadable();
  std::string order;
  while (order.size() < 8) {
    loop_.turn(true);
    for (Client* client : fresh) {
      if (client->steps() == 2) order += 'f', client->peer.handshakes.clear();
    }
    for (Client* client : answered) {
      if (client->steps() == 2) order += 'a', client->peer.handshakes.clear();
    }
  }
  EXPECT_EQ(order, "aafaafff");
}

TEST_F(HandshakeQueueTest, NewConnectionsStartWhereNoTunnelWaits) {
  Client& client = open();
  client.peer.fireReadable();
  arriving_ = 2;
  queue_.arrivalsWait();
  loop_.turn(true);
  EXPECT_EQ(client.steps(), 2u);
  EXPECT_EQ(arrived_, 0u);
  loop_.turn(true);
  loop_.turn(true);
  EXPECT_EQ(arrived_, 2u);
  loop_.turn(true);  // learns that there are no more
  const uint64_t full = slicesFull();
  loop_.turn(false);
  EXPECT_EQ(slicesFull(), full);
}

TEST_F(HandshakeQueueTest, ATunnelThatEndsLeavesTheQueue) {
  Client& first = open();
  Client& second = open();
  first.peer.fireReadable();
  second.peer.fireReadable();
  first.tunnel->close({CloseCause::kDrain});
  loop_.turn(true);
  EXPECT_EQ(first.cause, "drain");
  EXPECT_TRUE(first.peer.gone);
  EXPECT_EQ(first.steps(), 1u);
  loop_.turn(false);
  EXPECT_EQ(second.steps(), 2u);
}

TEST_F(HandshakeQueueTest, TheHandshakeTimeoutHoldsForWhatWaits) {
  options_.handshakeTimeout = Millis(20);
  Client& client = open();
  client.peer.fireReadable();
  while (Clock::now() < client.tunnel->times().accepted + options_.handshakeTimeout) {
  }
  loop_.turn(true);
  EXPECT_EQ(client.cause, "handshake-timeout");
  EXPECT_EQ(client.steps(), 1u) << "no work is done for a client that has been given up";
}

}  // namespace
}  // namespace culvert
