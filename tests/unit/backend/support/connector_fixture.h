// SPDX-License-Identifier: GPL-3.0-or-later
// A Connector with a loop, real listeners, addresses that refuse and addresses that do not answer.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/connector.h"
#include "event/event_loop.h"
#include "net/plain_stream.h"
#include "net/socket_ops.h"
#include "socket_pair.h"
#include "temp_dir.h"

namespace culvert {

struct Outcome : DialObserver {
  void onDialed(std::unique_ptr<ByteStream> backend, const SocketAddress& from) override {
    stream = std::move(backend);
    address = from;
    ++calls;
  }
  void onDialFailed(CloseReason why) override {
    failure = std::move(why);
    ++calls;
  }
  std::unique_ptr<ByteStream> stream;
  SocketAddress address;
  std::optional<CloseReason> failure;
  int calls = 0;
};

class ConnectorTest : public testing::Test {
 protected:
  static UniqueFd listenAt(const SocketAddress& address) {
    auto listener = openListener(address);
    EXPECT_TRUE(listener) << (listener ? "" : listener.error().text);
    return listener ? std::move(*listener) : UniqueFd();
  }
  static UniqueFd listenAnywhere() { return listenAt(SocketAddress::ipv4(INADDR_LOOPBACK, 0)); }
  /// An address where nobody listens (somebody did a moment ago).
  static SocketAddress refusing() { return boundAddress(listenAnywhere().get()); }

  /// A listener whose queue is full: a connection attempt gets no answer at all.
  struct Blackhole {
    Blackhole() {
      ListenOptions options;
      options.backlog = 0;
      auto opened = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0), options);
      if (!opened) return;
      listener = std::move(*opened);
      address = boundAddress(listener.get());
      for (int i = 0; i < 4; ++i) fillers.push_back(startConnect(address));
    }
    /// Some kernels answer all the same.
    bool works() const {
      ConnectStart probe = startConnect(address);
      return probe.fd.valid() && !waitFd(probe.fd.get(), POLLOUT, 100);
    }
    UniqueFd listener;
    SocketAddress address;
    std::vector<ConnectStart> fillers;
  };

  void target(const SocketAddress& address) {
    targets_.push_back({std::make_shared<BackendTarget>(address)});
  }
  BackendPool& pool() {
    if (options_.pool->targets().empty())
      options_.pool = std::make_shared<BackendPool>(poolOptions_, targets_);
    return *options_.pool;
  }
  void dial() { connector_ = dialAs(outcome_); }
  std::unique_ptr<Connector> dialAs(Outcome& outcome) {
    pool();
    auto made = std::make_unique<Connector>(
        context_, options_, client_, [this](Connector::Dialled dialled) {
          dialledHost_ = dialled.host;
          holds_.push_back(std::move(dialled.hold));
          return std::make_unique<PlainStream>(loop_, std::move(dialled.fd), "preface");
        });
    made->dial(outcome);
    return made;
  }
  /// Runs the loop until there is an outcome. `meanwhile` is called in each turn.
  void wait(const std::function<void()>& meanwhile = {}) {
    const TimePoint deadline = Clock::now() + Millis(10'000);
    while (outcome_.calls == 0 && Clock::now() < deadline) {
      if (meanwhile) meanwhile();
      guard_.armBy(loop_.now() + Millis(5));
      loop_.turn(true);
    }
    ASSERT_EQ(outcome_.calls, 1);
    EXPECT_EQ(outcome_.stream != nullptr, !outcome_.failure.has_value());
  }
  void pass(Millis time) {
    const TimePoint until = Clock::now() + time;
    while (Clock::now() < until) {
      guard_.armBy(loop_.now() + Millis(2));
      loop_.turn(true);
    }
  }

  struct Host : ConnectorHost {
    void onBackendNews(const ConnectorOptions&, const AddressNews& one) override {
      news.push_back(one);
    }
    void onPoolNews(const ConnectorOptions&, const PoolNews& one) override {
      poolNews.push_back(one);
    }
    bool takeSpareDescriptor() override {
      if (taken == spares) return false;
      most = std::max(most, ++taken);
      return true;
    }
    void giveSpareDescriptor() override { --taken; }
    bool placesScarce() const override { return scarce; }
    bool scarce = false;
    std::vector<AddressNews> news;
    std::vector<PoolNews> poolNews;
    int spares = 100, taken = 0, most = 0;
  };

  EventLoop loop_;
  CounterBlock counters_;
  Host host_;
  ConnectorContext context_{loop_, counters_, host_};
  std::vector<PoolTarget> targets_;
  PoolOptions poolOptions_;
  ConnectorOptions options_;
  SocketAddress client_ = SocketAddress::ipv4(INADDR_LOOPBACK, 1);
  std::vector<BackendHold> holds_;
  Outcome outcome_;
  Timer guard_{loop_, nullptr, [](void*) {}};
  std::unique_ptr<Connector> connector_;
  std::string dialledHost_;
  TempDir directory_;
};

}  // namespace culvert
