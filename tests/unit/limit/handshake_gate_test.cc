// SPDX-License-Identifier: GPL-3.0-or-later
// Handshakes at the gates of a worker: who passes, who waits, who is refused.
#include "limit/handshake_gate.h"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

namespace culvert {
namespace {

using State = HandshakeTurn::State;

class HandshakeGateTest : public ::testing::Test {
 protected:
  /// A handshake that notes when its turn has come.
  struct Client {
    std::unique_ptr<HandshakeTurn> turn;
    std::vector<Client*>* settled = nullptr;
    State ask() {
      return turn->ask(this, [](void* self) {
        auto* client = static_cast<Client*>(self);
        client->settled->push_back(client);
      });
    }
  };

  Client& client(uint32_t network = 1, const std::shared_ptr<HandshakeRate>& service = nullptr) {
    clients_.push_back(std::make_unique<Client>());
    clients_.back()->settled = &settled_;
    clients_.back()->turn = gates_.turnFor(service != nullptr ? service : service_,
                                           SocketAddress::ipv4(0x0a000000 + (network << 8), 7));
    return *clients_.back();
  }
  void runUntilSettled(size_t count) {
    while (settled_.size() < count) loop_.turn(true);
  }
  /// Uses up the tokens that are there.
  void exhaust(HandshakeRate& rate) {
    while (rate.reserve(loop_.now()) <= loop_.now()) {
    }
  }

  EventLoop loop_;
  HandshakeGates gates_{loop_};
  std::shared_ptr<HandshakeRate> service_ = std::make_shared<HandshakeRate>();
  std::shared_ptr<HandshakeRate> process_ = std::make_shared<HandshakeRate>();
  std::vector<Client*> settled_;
  std::vector<std::unique_ptr<Client>> clients_;
};

TEST_F(HandshakeGateTest, WithoutARateThereIsNoTurn) {
  EXPECT_EQ(client().turn, nullptr);
  gates_.setProcessRate(process_);
  EXPECT_EQ(client().turn, nullptr);
  process_->setRate(1);
  EXPECT_NE(client().turn, nullptr);
  process_->setRate(0);
  service_->setRate(1);
  EXPECT_NE(client().turn, nullptr);
}

TEST_F(HandshakeGateTest, PassesAtOnceWhileThereAreTokens) {
  service_->setRate(1000);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(client().ask(), State::kPassed);
}

TEST_F(HandshakeGateTest, WaitersPassInTurnOverTheNetworks) {
  service_->setRate(100);
  exhaust(*service_);
  Client* flood[3] = {&client(1), &client(1), &client(1)};
  for (Client* one : flood) EXPECT_EQ(one->ask(), State::kWaits);
  Client& other = client(2);
  EXPECT_EQ(other.ask(), State::kWaits);
  runUntilSettled(4);
  EXPECT_EQ(settled_, (std::vector<Client*>{flood[0], &other, flood[1], flood[2]}));
  for (Client* one : settled_) EXPECT_EQ(one->turn->state(), State::kPassed);
}

TEST_F(HandshakeGateTest, RefusesTheNewestOfANetworkWithTooManyWaiters) {
  service_->setRate(1);
  exhaust(*service_);
  for (size_t i = 0; i < HandshakeGate::kLeastWaiting; ++i)
    ASSERT_EQ(client(1).ask(), State::kWaits);
  EXPECT_EQ(client(1).ask(), State::kRefused);
  EXPECT_EQ(client(2).ask(), State::kWaits) << "another network";
  clients_.front()->turn.reset();
  EXPECT_EQ(client(1).ask(), State::kWaits) << "one of the first has left";
}

TEST_F(HandshakeGateTest, AWaiterMayLeave) {
  service_->setRate(50);
  exhaust(*service_);
  client(1).ask();
  client(2).ask();
  clients_[0]->turn.reset();
  runUntilSettled(1);
  EXPECT_EQ(settled_.front(), clients_[1].get());
}

TEST_F(HandshakeGateTest, NeedsTheTokensOfBothRates) {
  service_->setRate(200);
  process_->setRate(100);
  gates_.setProcessRate(process_);
  exhaust(*process_);
  Client& first = client();
  EXPECT_EQ(first.ask(), State::kWaits) << "at the gate of the process";
  exhaust(*service_);
  Client& second = client();
  EXPECT_EQ(second.ask(), State::kWaits) << "at the gate of the service";
  runUntilSettled(2);
  EXPECT_EQ(first.turn->state(), State::kPassed);
  EXPECT_EQ(second.turn->state(), State::kPassed);
}

TEST_F(HandshakeGateTest, ARateThatIsTurnedOffLetsEverybodyPass) {
  service_->setRate(20);
  exhaust(*service_);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(client().ask(), State::kWaits);
  service_->setRate(0);
  runUntilSettled(30);
  for (Client* one : settled_) EXPECT_EQ(one->turn->state(), State::kPassed);
}

TEST_F(HandshakeGateTest, AnExemptHandshakeTakesATokenOnlyIfItIsCharged) {
  service_->setRate(10);
  Client& resumes = client();
  resumes.turn->exempt();
  EXPECT_EQ(resumes.turn->state(), State::kExempt);
  EXPECT_EQ(client().ask(), State::kPassed);
  resumes.turn->charge(loop_.now());
  EXPECT_EQ(client().ask(), State::kWaits);
}

TEST_F(HandshakeGateTest, GatesOfServicesThatAreGoneAreDropped) {
  auto gone = std::make_shared<HandshakeRate>();
  gone->setRate(1);
  client(1, gone).turn.reset();
  EXPECT_EQ(gates_.size(), 1u);
  gone.reset();
  service_->setRate(1);
  client(1);
  EXPECT_EQ(gates_.size(), 1u);
  auto third = std::make_shared<HandshakeRate>();
  third->setRate(1);
  client(1, third);
  EXPECT_EQ(gates_.size(), 2u) << "both are in use";
}

}  // namespace
}  // namespace culvert
