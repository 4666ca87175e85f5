// SPDX-License-Identifier: GPL-3.0-or-later
// Connector against real listeners: the next address, retries until the time is up, what the last
// failure was.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <vector>

#include "unit/backend/support/connector_fixture.h"

namespace culvert {
namespace {

TEST_F(ConnectorTest, ReachesAListener) {
  const UniqueFd listener = listenAnywhere();
  target(boundAddress(listener.get()));
  dial();
  wait();
  ASSERT_TRUE(outcome_.stream);
  EXPECT_EQ(outcome_.address, boundAddress(listener.get()));
  EXPECT_EQ(outcome_.stream->backlog(), 7u) << "the preface waits in front";
  EXPECT_EQ(dialledHost_, outcome_.address.hostText());
  EXPECT_EQ(outcome_.stream->flush(), IoStatus::kOk);
  ASSERT_TRUE(waitFd(listener.get(), POLLIN));
  AcceptResult accepted = acceptOne(listener.get());
  EXPECT_EQ(receive(accepted.fd.get(), 7).text, "preface");
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsFailed), 0u);
}

TEST_F(ConnectorTest, GoesToTheNextAddressAtOnce) {
  const UniqueFd listener = listenAnywhere();
  target(refusing());
  target(refusing());
  target(boundAddress(listener.get()));
  const TimePoint start = Clock::now();
  dial();
  wait();
  ASSERT_TRUE(outcome_.stream);
  EXPECT_EQ(outcome_.address, boundAddress(listener.get()));
  EXPECT_LT(Clock::now() - start, Millis(1000));
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsFailed), 2u);
}

TEST_F(ConnectorTest, WithoutRetryTheFirstPassDecides) {
  options_.retry = false;
  target(refusing());
  const SocketAddress last = refusing();
  target(last);
  dial();
  wait();
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->cause, CloseCause::kBackendRefused);
  EXPECT_NE(outcome_.failure->detail.find(last.text()), std::string::npos)
      << outcome_.failure->detail;
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsFailed), 2u);
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsRetried), 0u);
}

TEST_F(ConnectorTest, SurvivesABackendsRestart) {
  const SocketAddress address = refusing();
  target(address);
  dial();
  const TimePoint start = Clock::now();
  UniqueFd listener;
  wait([&] {
    if (!listener && Clock::now() - start > Millis(120)) listener = listenAt(address);
  });
  EXPECT_TRUE(outcome_.stream);
  EXPECT_GE(counters_.get(Counter::kBackendConnectsRetried), 1u);
}

TEST_F(ConnectorTest, GivesUpWhenTheTimeIsUpWithTheLastFailure) {
  options_.connectTimeout = Millis(200);
  target(refusing());
  const TimePoint start = Clock::now();
  dial();
  wait();
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->cause, CloseCause::kBackendRefused);
  EXPECT_GE(Clock::now() - start, Millis(200));
  EXPECT_LT(Clock::now() - start, Millis(3000));
  // 50 ms, 100 ms, the rest: a pause grows, it does not hammer.
  EXPECT_GE(counters_.get(Counter::kBackendConnectsRetried), 2u);
  EXPECT_LE(counters_.get(Counter::kBackendConnectsRetried), 4u);
}

TEST_F(ConnectorTest, ASilentAddressIsATimeout) {
  Blackhole hole;
  if (!hole.works()) GTEST_SKIP() << "this kernel answers behind a full queue";
  options_.connectTimeout = Millis(150);
  target(hole.address);
  const TimePoint start = Clock::now();
  dial();
  wait();
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->cause, CloseCause::kBackendTimeout);
  EXPECT_GE(Clock::now() - start, Millis(150));
  EXPECT_LT(Clock::now() - start, Millis(3000));
}

TEST_F(ConnectorTest, ASilentAddressGetsAHeadStart) {
  Blackhole hole;
  if (!hole.works()) GTEST_SKIP() << "this kernel answers behind a full queue";
  const UniqueFd listener = listenAnywhere();
  target(hole.address);
  target(boundAddress(listener.get()));
  const TimePoint start = Clock::now();
  dial();
  wait();
  ASSERT_TRUE(outcome_.stream);
  EXPECT_EQ(outcome_.address, boundAddress(listener.get()));
  EXPECT_GE(Clock::now() - start, Connector::kHeadStart);
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsFailed), 1u);
  EXPECT_EQ(host_.most, 1) << "the second attempt needed a descriptor more";
  EXPECT_EQ(host_.taken, 0) << "and has given it back";
  ASSERT_EQ(host_.news.size(), 1u);
  EXPECT_EQ(host_.news.front().report.address, hole.address);
  EXPECT_EQ(host_.news.front().report.status, AddressStatus::kSilent);
}

TEST_F(ConnectorTest, ASilentAddressIsRememberedByTheNextTunnel) {
  Blackhole hole;
  if (!hole.works()) GTEST_SKIP() << "this kernel answers behind a full queue";
  const UniqueFd listener = listenAnywhere();
  target(hole.address);
  target(boundAddress(listener.get()));
  dial();
  wait();
  outcome_ = {};
  dial();
  wait();
  ASSERT_TRUE(outcome_.stream);
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsFailed), 1u) << "the silent one was not tried";
  EXPECT_EQ(host_.most, 1);
}

/// Descriptors are counted: where there is none for a second attempt, the first one gets its share
/// of the time and no more.
TEST_F(ConnectorTest, WithoutADescriptorToSpareASilentAddressLeavesTimeForTheNext) {
  Blackhole hole;
  if (!hole.works()) GTEST_SKIP() << "this kernel answers behind a full queue";
  host_.spares = 0;
  const UniqueFd listener = listenAnywhere();
  options_.connectTimeout = Millis(600);
  target(hole.address);
  target(boundAddress(listener.get()));
  const TimePoint start = Clock::now();
  dial();
  wait();
  ASSERT_TRUE(outcome_.stream);
  EXPECT_EQ(outcome_.address, boundAddress(listener.get()));
  EXPECT_GE(Clock::now() - start, Millis(300)) << "half of the time is the first one's";
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsFailed), 1u);
}

/// The restart of a backend beside a dead one: what refuses is tried again while the other is
/// waited for.
TEST_F(ConnectorTest, ASilentAddressHoldsUpNoRetry) {
  Blackhole hole;
  if (!hole.works()) GTEST_SKIP() << "this kernel answers behind a full queue";
  const SocketAddress address = refusing();
  target(hole.address);
  target(address);
  dial();
  UniqueFd listener;
  wait([&] {
    if (!listener && counters_.get(Counter::kBackendConnectsRetried) != 0)
      listener = listenAt(address);
  });
  ASSERT_TRUE(outcome_.stream);
  EXPECT_EQ(outcome_.address, address);
}

TEST_F(ConnectorTest, ManySilentAddressesKeepTheNumberOfAttemptsSmall) {
  std::vector<Blackhole> holes(6);
  if (!holes.back().works()) GTEST_SKIP() << "this kernel answers behind a full queue";
  for (const Blackhole& hole : holes) target(hole.address);
  options_.connectTimeout = Millis(1300);
  dial();
  wait();
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->cause, CloseCause::kBackendTimeout);
  EXPECT_EQ(host_.most, 3);
  EXPECT_EQ(host_.taken, 0);
}

TEST_F(ConnectorTest, TellsWhenABackendFailsAndWhenItIsBack) {
  const SocketAddress address = refusing();
  target(address);
  dial();
  UniqueFd listener;
  wait([&] {
    if (!listener && counters_.get(Counter::kBackendConnectsRetried) >= 2)
      listener = listenAt(address);
  });
  ASSERT_TRUE(outcome_.stream);
  ASSERT_EQ(host_.news.size(), 2u) << "not one for each attempt";
  EXPECT_EQ(host_.news[0].report.status, AddressStatus::kFailing);
  EXPECT_EQ(host_.news[0].report.error, ECONNREFUSED);
  EXPECT_EQ(host_.news[1].report.status, AddressStatus::kUp);
}

TEST_F(ConnectorTest, GivesWayWhereItsBackendIsDown) {
  target(refusing());
  dial();
  EXPECT_TRUE(connector_->mayGiveWay()) << "the first pass is over";
  EXPECT_FALSE(context_.waiting.empty());
  connector_->giveWay();
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->cause, CloseCause::kBackendRefused);
  EXPECT_NE(outcome_.failure->detail.find("gave way"), std::string::npos);
  EXPECT_EQ(counters_.get(Counter::kTunnelsGaveWay), 1u);
  EXPECT_TRUE(context_.waiting.empty());
  EXPECT_FALSE(connector_->mayGiveWay()) << "it is over";
}

TEST_F(ConnectorTest, DoesNotWaitForADeadBackendWherePlacesAreScarce) {
  host_.scarce = true;
  target(refusing());
  dial();
  EXPECT_EQ(outcome_.calls, 1);
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->cause, CloseCause::kBackendRefused);
}

TEST_F(ConnectorTest, WherePlacesAreScarceABackendThatIsWellIsStillReached) {
  host_.scarce = true;
  const UniqueFd listener = listenAnywhere();
  target(refusing());
  target(boundAddress(listener.get()));
  dial();
  wait();
  EXPECT_TRUE(outcome_.stream);
  EXPECT_EQ(counters_.get(Counter::kTunnelsGaveWay), 0u);
}

TEST_F(ConnectorTest, ASilentBackendGetsAHeadStartBeforeItsTunnelsGiveWay) {
  Blackhole hole;
  if (!hole.works()) GTEST_SKIP() << "this kernel answers behind a full queue";
  target(hole.address);
  pool().connectSilent(hole.address, ETIMEDOUT, Millis(250), {hole.address}, loop_.now());
  dial();
  EXPECT_FALSE(connector_->mayGiveWay()) << "its host may be back";
  pass(Connector::kHeadStart + Millis(20));
  EXPECT_TRUE(connector_->mayGiveWay());
  connector_->giveWay();
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->cause, CloseCause::kBackendTimeout);
}

/// A backend that does not answer is known before connect-timeout is over.
TEST_F(ConnectorTest, TellsOfASilentBackendWhileItIsWaitedFor) {
  Blackhole hole;
  if (!hole.works()) GTEST_SKIP() << "this kernel answers behind a full queue";
  target(hole.address);
  dial();
  const TimePoint deadline = Clock::now() + Millis(8000);
  while (host_.news.empty() && Clock::now() < deadline) pass(Millis(20));
  EXPECT_EQ(outcome_.calls, 0);
  ASSERT_EQ(host_.news.size(), 1u);
  EXPECT_EQ(host_.news.front().report.status, AddressStatus::kSilent);
  EXPECT_TRUE(options_.pool->down());
}

TEST_F(ConnectorTest, AUnixSocketThatAppearsLater) {
  const SocketAddress address = SocketAddress::unixPath(directory_ / "backend");
  target(address);
  dial();
  const TimePoint start = Clock::now();
  UniqueFd listener;
  wait([&] {
    if (!listener && Clock::now() - start > Millis(80)) listener = listenAt(address);
  });
  ASSERT_TRUE(outcome_.stream);
  EXPECT_EQ(outcome_.address.text(), "unix:" + (directory_ / "backend"));
}

TEST_F(ConnectorTest, AUnixSocketThatIsNotThereIsARefusal) {
  options_.retry = false;
  target(SocketAddress::unixPath(directory_ / "nobody"));
  dial();
  EXPECT_EQ(outcome_.calls, 1) << "UNIX sockets answer before dial() returns";
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->cause, CloseCause::kBackendRefused);
}

TEST_F(ConnectorTest, AUnixSocketConnectsBeforeDialReturns) {
  const SocketAddress address = SocketAddress::unixPath(directory_ / "backend");
  const UniqueFd listener = listenAt(address);
  target(address);
  dial();
  EXPECT_EQ(outcome_.calls, 1);
  EXPECT_TRUE(outcome_.stream);
}

TEST_F(ConnectorTest, ANameThatIsNotResolvedYetWaits) {
  const UniqueFd listener = listenAnywhere();
  const SocketAddress address = boundAddress(listener.get());
  std::atomic<bool> known{false};
  ResolverOptions resolving;
  resolving.minGap = Millis(10);
  resolving.lookup = [&](const std::string&, uint16_t) -> Result<AddressSet> {
    if (!known) return fail("no such name");
    return AddressSet{address};
  };
  Resolver resolver(std::move(resolving));
  AddressSpec spec;
  spec.kind = AddressKind::kHostName;
  spec.host = "backend.example";
  spec.port = address.port();
  targets_.push_back({resolver.target(spec)});
  ASSERT_TRUE(resolver.start());
  ASSERT_TRUE(resolver.waitFirstAnswers(Millis(5000)));
  dial();
  pass(Millis(80));
  EXPECT_EQ(outcome_.calls, 0);
  known = true;
  wait();
  EXPECT_TRUE(outcome_.stream);
  EXPECT_EQ(counters_.get(Counter::kBackendConnectsFailed), 0u)
      << "there was nothing to connect to";
}

TEST_F(ConnectorTest, ANameThatStaysUnknownIsUnreachable) {
  ResolverOptions resolving;
  resolving.lookup = [](const std::string&, uint16_t) -> Result<AddressSet> {
    return fail("no such name");
  };
  Resolver resolver(std::move(resolving));
  AddressSpec spec;
  spec.kind = AddressKind::kHostName;
  spec.host = "nowhere.example";
  spec.port = 1;
  options_.retry = false;
  targets_.push_back({resolver.target(spec)});
  dial();
  wait();
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->cause, CloseCause::kBackendUnreachable);
  EXPECT_NE(outcome_.failure->detail.find("nowhere.example"), std::string::npos);
}

/// Nobody shall look for the fault at the backend or in the DNS.
TEST_F(ConnectorTest, WhatCulvertLacksIsNoFaultOfTheBackend) {
  std::atomic<int> lookups{0};
  ResolverOptions resolving;
  resolving.minGap = Millis(1);
  resolving.lookup = [&](const std::string&, uint16_t) -> Result<AddressSet> {
    ++lookups;
    return AddressSet{SocketAddress::ipv4(INADDR_LOOPBACK, 1)};
  };
  Resolver resolver(std::move(resolving));
  AddressSpec spec;
  spec.kind = AddressKind::kHostName;
  spec.host = "backend.example";
  spec.port = 1;
  options_.retry = false;
  targets_.push_back({resolver.target(spec)});
  ASSERT_TRUE(resolver.start());
  ASSERT_TRUE(resolver.waitFirstAnswers(Millis(5000)));

  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  dial();
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
  wait();
  ASSERT_TRUE(outcome_.failure);
  EXPECT_EQ(outcome_.failure->cause, CloseCause::kInternal);
  EXPECT_NE(outcome_.failure->detail.find("Too many open files"), std::string::npos)
      << outcome_.failure->detail;
  pass(Millis(50));
  EXPECT_EQ(lookups, 1) << "the address is as good as it was";
}

TEST_F(ConnectorTest, DyingCancelsEverything) {
  // In an attempt, and between two of them.
  Blackhole hole;
  target(hole.address);
  dial();
  connector_.reset();
  EXPECT_EQ(host_.taken, 0);
  pass(Millis(20));
  EXPECT_EQ(outcome_.calls, 0);

  targets_.clear();
  options_.pool = std::make_shared<BackendPool>();
  target(refusing());
  dial();
  pass(Millis(20));
  EXPECT_EQ(outcome_.calls, 0);
  connector_.reset();
  pass(Millis(150));
  EXPECT_EQ(outcome_.calls, 0);
}

TEST_F(ConnectorTest, WithoutALimitItGoesOnTrying) {
  options_.connectTimeout = Millis(0);
  const SocketAddress address = refusing();
  target(address);
  dial();
  pass(Millis(300));
  EXPECT_EQ(outcome_.calls, 0);
  const UniqueFd listener = listenAt(address);
  wait();
  EXPECT_TRUE(outcome_.stream);
}

}  // namespace
}  // namespace culvert
