// SPDX-License-Identifier: GPL-3.0-or-later
// The listener thread against real sockets: placing, pausing at every limit, and what a removed
// listener still takes.
#include "worker/acceptor.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <functional>
#include <vector>

#include "socket_pair.h"
#include "stats/counter_registry.h"
#include "unit/tls/support/test_endpoint.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

/// Waits for another thread.
bool eventually(const std::function<bool()>& holds) {
  const TimePoint deadline = Clock::now() + Millis(10'000);
  while (!holds()) {
    if (Clock::now() > deadline) return false;
    ::poll(nullptr, 0, 1);
  }
  return true;
}

class AcceptorTest : public TlsTest {
 protected:
  struct Place {
    uint32_t id;
    SocketAddress address;
  };

  /// Workers that take connections into their mailboxes; with `run` they make tunnels of them too.
  void start(size_t workers, bool run = false) {
    for (size_t i = 0; i < workers; ++i) {
      workers_.push_back(
          std::make_unique<Worker>(static_cast<unsigned>(i), shared_, registry_.addBlock()));
      ASSERT_TRUE(workers_.back()->open());
      if (run) {
        ASSERT_TRUE(workers_.back()->start());
      }
    }
    std::vector<Worker*> list;
    for (auto& worker : workers_) list.push_back(worker.get());
    acceptor_ = std::make_unique<Acceptor>(logger_, counters_, budget_, list);
    acceptor_->setOnClosed([this](uint32_t id) { closed_ = id; });
    budget_.setWake([this] { acceptor_->wake(); });
    ASSERT_TRUE(acceptor_->open());
    ASSERT_TRUE(acceptor_->start());
  }
  void SetUp() override {
    LogOptions quiet;
    quiet.level = LogLevel::kErr;
    ASSERT_TRUE(logger_.configure(quiet));
    budget_.setLimit(1'000'000);
    auto service = std::make_shared<Service>();
    auto profile = std::make_shared<ServiceProfile>();
    profile->name = "test";
    profile->tunnel = std::make_shared<const TunnelOptions>();
    service->profile = profile;
    service->tls = std::make_shared<const TlsEndpoint>(testSettings().endpoint());
    service_ = service;
  }
  void TearDown() override {
    if (acceptor_) acceptor_->stop();
    for (auto& worker : running_) worker->stop(CloseCause::kDrain);
  }

  Place listen() {
    auto fd = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
    EXPECT_TRUE(fd);
    const Place place{nextId_++, boundAddress(fd->get())};
    ListenerUpdate update;
    update.added.push_back({place.id, std::move(*fd), makeEntrance({service_})});
    acceptor_->apply(std::move(update));
    return place;
  }
  void remove(const Place& place) {
    ListenerUpdate update;
    update.removed.push_back(place.id);
    acceptor_->apply(std::move(update));
  }
  /// A client that the kernel has connected, accepted or not.
  UniqueFd connect(const Place& place) {
    ConnectStart start = startConnect(place.address);
    if (!start.fd || !waitFd(start.fd.get(), POLLOUT) || connectResult(start.fd.get()) != 0)
      return {};
    return std::move(start.fd);
  }
  std::vector<UniqueFd> connect(const Place& place, size_t count) {
    std::vector<UniqueFd> clients;
    for (size_t i = 0; i < count; ++i) clients.push_back(connect(place));
    return clients;
  }
  unsigned load() const {
    unsigned all = 0;
    for (const auto& worker : workers_) all += worker->load();
    return all;
  }
  uint64_t count(Counter counter) const { return counters_.get(counter); }

  Logger logger_;
  CounterRegistry registry_;
  CounterBlock& counters_ = registry_.addBlock();
  TunnelBudget budget_;
  std::atomic<uint64_t> nextTunnel_{1};
  TunnelLimits limits_{TunnelLimits::Scope::kProcess};
  WorkerShared shared_{logger_, budget_, nullptr, nextTunnel_, limits_};
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<Worker*> running_;
  std::unique_ptr<Acceptor> acceptor_;
  std::shared_ptr<const Service> service_;
  uint32_t nextId_ = 1;
  std::atomic<uint32_t> closed_ = 0;  // the last removed listener that was closed
};

TEST_F(AcceptorTest, SharesConnectionsOut) {
  start(3);
  const Place one = listen();
  const Place two = listen();
  const auto a = connect(one, 15);
  const auto b = connect(two, 15);
  ASSERT_TRUE(eventually([&] { return load() == 30; }));
  for (const auto& worker : workers_) EXPECT_EQ(worker->load(), 10u);
  EXPECT_EQ(count(Counter::kAccepted), 30u);
  EXPECT_EQ(budget_.open(), 30u);
  EXPECT_EQ(count(Counter::kAcceptPaused), 0u);
}

TEST_F(AcceptorTest, WaitsAtTheLimitAndRejectsNobody) {
  start(2);
  budget_.setLimit(3);
  const Place place = listen();
  const auto clients = connect(place, 5);
  for (const UniqueFd& client : clients) EXPECT_TRUE(client) << "the kernel's queue takes them";
  ASSERT_TRUE(eventually([&] { return count(Counter::kAcceptPaused) == 1; }));
  EXPECT_EQ(load(), 3u);
  budget_.giveBack();
  ASSERT_TRUE(eventually([&] { return load() == 4; }));
  budget_.giveBack();
  ASSERT_TRUE(eventually([&] { return load() == 5; }));
  EXPECT_EQ(budget_.open(), 3u);
  budget_.giveBack();
  budget_.giveBack();
  EXPECT_TRUE(
      eventually([&] { return count(Counter::kAcceptPaused) == count(Counter::kAcceptResumed); }));
}

TEST_F(AcceptorTest, ARemovedListenerIsEmptiedAndClosed) {
  start(1);
  budget_.setLimit(0);
  const Place place = listen();
  const auto waiting = connect(place, 3);
  ASSERT_TRUE(eventually([&] { return count(Counter::kAcceptPaused) == 1; }));
  budget_.setLimit(100);
  acceptor_->wake();
  remove(place);
  ASSERT_TRUE(eventually([&] { return load() == 3; })) << "who was in the queue is served";
  EXPECT_TRUE(eventually([&] { return !connect(place).valid(); })) << "nobody else is";
}

/// Whoever is removed while nothing is accepted is closed as soon as that is over, without waiting
/// for another client.
TEST_F(AcceptorTest, AListenerRemovedDuringAPauseIsClosedAfterIt) {
  start(1);
  budget_.setLimit(1);
  const Place busy = listen();
  const Place removed = listen();
  const auto clients = connect(busy, 2);
  ASSERT_TRUE(eventually([&] { return count(Counter::kAcceptPaused) == 1; }));
  remove(removed);
  budget_.setLimit(100);
  budget_.giveBack();
  ASSERT_TRUE(eventually([&] { return load() == 2; }));
  EXPECT_TRUE(eventually([&] { return closed_ == removed.id; }));
  EXPECT_TRUE(openListener(removed.address)) << "the address is free";
}

TEST_F(AcceptorTest, RemovalAndStopInOneTurn) {
  for (int i = 0; i < 20; ++i) {
    start(1);
    const Place removed = listen();
    const Place kept = listen();
    const auto clients = connect(kept, 1);
    remove(removed);
    acceptor_->stop();
    EXPECT_EQ(count(Counter::kAcceptErrors), 0u);
    ASSERT_EQ(load(), static_cast<unsigned>(i) + 1);
    acceptor_.reset();
  }
}

TEST_F(AcceptorTest, StopTakesWhoeverWaits) {
  start(1);
  const Place place = listen();
  budget_.setLimit(0);
  auto clients = connect(place, 4);
  ASSERT_TRUE(eventually([&] { return count(Counter::kAcceptPaused) == 1; }));
  budget_.setLimit(100);
  acceptor_->wake();
  acceptor_->stop();
  EXPECT_EQ(load(), 4u);
  EXPECT_FALSE(connect(place).valid());
  acceptor_.reset();
}

TEST_F(AcceptorTest, StopDuringAPauseIsNotHeldUp) {
  start(1);
  budget_.setLimit(1);
  const Place place = listen();
  const auto clients = connect(place, 3);
  ASSERT_TRUE(eventually([&] { return count(Counter::kAcceptPaused) == 1; }));
  acceptor_->stop();
  EXPECT_EQ(load(), 1u);
  acceptor_.reset();
}

TEST_F(AcceptorTest, ChangesAService) {
  start(1, /*run=*/true);
  running_.push_back(workers_[0].get());
  const Place place = listen();
  auto profile = std::make_shared<ServiceProfile>(*service_->profile);
  TunnelOptions impatient;
  impatient.handshakeTimeout = Millis(20);
  profile->tunnel = std::make_shared<const TunnelOptions>(impatient);
  auto changed = std::make_shared<Service>(*service_);
  changed->profile = profile;
  ListenerUpdate update;
  update.changed.push_back({place.id, makeEntrance({changed})});
  acceptor_->apply(std::move(update));
  // The new service's handshake timeout is at work.
  const UniqueFd client = connect(place);
  EXPECT_EQ(receiveAll(client.get()).error, ECONNRESET);
}

TEST_F(AcceptorTest, AWorkerGivesThePlaceBack) {
  start(1, /*run=*/true);
  running_.push_back(workers_[0].get());
  budget_.setLimit(2);
  const Place place = listen();
  for (int i = 0; i < 3; ++i) {
    auto clients = connect(place, 5);  // probes: they leave without a byte
    clients.clear();
    ASSERT_TRUE(eventually(
        [&] { return count(Counter::kAccepted) == 5u * (static_cast<unsigned>(i) + 1); }));
  }
  EXPECT_TRUE(eventually([&] { return budget_.open() == 0 && load() == 0; }));
}

/// Raises or lowers the soft limit of descriptors for the time of its life.
class FdLimit {
 public:
  explicit FdLimit(rlim_t limit) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    rlimit now = before_;
    now.rlim_cur = limit;
    works = (limit <= before_.rlim_max) && ::setrlimit(RLIMIT_NOFILE, &now) == 0;
  }
  ~FdLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  bool works;

 private:
  rlimit before_{};
};

TEST_F(AcceptorTest, ShortOfDescriptorsItPausesAndComesBack) {
  start(1);
  const Place place = listen();
  std::vector<UniqueFd> clients = connect(place, 1);
  ASSERT_TRUE(eventually([&] { return load() == 1; }));
  {
    const UniqueFd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    // One descriptor is left, for the client; none for the accepted end.
    const FdLimit limit(static_cast<rlim_t>(next.get()) + 1);
    ASSERT_TRUE(limit.works);
    const_cast<UniqueFd&>(next).reset();
    clients.push_back(connect(place));
    ASSERT_TRUE(clients.back());
    ASSERT_TRUE(eventually([&] { return count(Counter::kAcceptFdExhausted) >= 1; }));
    ::poll(nullptr, 0, 100);
    EXPECT_LE(count(Counter::kAcceptErrors), 3u) << "it does not spin";
    EXPECT_EQ(load(), 1u);
  }
  EXPECT_TRUE(eventually([&] { return load() == 2; })) << "by timer, without an event of ours";
}

TEST_F(AcceptorTest, FullWorkersHoldTheRestBack) {
  constexpr size_t kMailbox = 1024;
  const FdLimit limit(4096);
  if (!limit.works) GTEST_SKIP() << "needs 3,100 descriptors";
  start(1);
  const Place place = listen();
  auto clients = connect(place, kMailbox + 20);
  ASSERT_TRUE(eventually([&] { return count(Counter::kAcceptPaused) >= 1; }));
  EXPECT_EQ(load(), kMailbox);
  EXPECT_EQ(count(Counter::kAccepted), kMailbox + 1) << "one is held in the hand";
  EXPECT_GE(count(Counter::kMailboxFull), 1u);
  ASSERT_TRUE(workers_[0]->start());
  running_.push_back(workers_[0].get());
  EXPECT_TRUE(eventually([&] { return count(Counter::kAccepted) == kMailbox + 20; }));
  clients.clear();
  EXPECT_TRUE(eventually([&] { return load() == 0 && budget_.open() == 0; }));
}

TEST_F(AcceptorTest, WorkersAtTheirShareOfMemoryHoldTheRestBack) {
  start(2, /*run=*/true);
  for (auto& worker : workers_) {
    running_.push_back(worker.get());
    worker->setMemoryShare(1000);  // less than one tunnel takes
  }
  const Place place = listen();
  UniqueFd first = connect(place);
  const auto full = [this] {
    return std::count_if(workers_.begin(), workers_.end(),
                         [](const auto& worker) { return worker->atMemoryLimit(); });
  };
  ASSERT_TRUE(eventually([&] { return full() == 1; }));
  const UniqueFd second = connect(place);
  ASSERT_TRUE(eventually([&] { return full() == 2; })) << "the other worker takes it";
  EXPECT_EQ(count(Counter::kAcceptPaused), 0u);
  const auto others = connect(place, 3);
  ASSERT_TRUE(eventually([&] { return count(Counter::kAcceptPaused) == 1; }));
  EXPECT_EQ(load(), 2u);
  first.reset();
  ASSERT_TRUE(eventually([&] { return count(Counter::kAcceptResumed) >= 1; }));
  for (auto& worker : workers_) worker->setMemoryShare(0);
  ASSERT_TRUE(eventually([&] { return load() == 4; })) << "nobody is lost";
}

TEST_F(AcceptorTest, AHeldConnectionIsNotForgottenAtTheEnd) {
  const FdLimit limit(4096);
  if (!limit.works) GTEST_SKIP() << "needs 2,100 descriptors";
  start(1);
  const Place place = listen();
  const auto clients = connect(place, 1025);
  ASSERT_TRUE(eventually([&] { return count(Counter::kAccepted) == 1025; }));
  ASSERT_TRUE(eventually([&] { return count(Counter::kAcceptPaused) >= 1; }));
  acceptor_->stop();
  EXPECT_EQ(budget_.open(), 1024u) << "dropped, and its place given back";
  acceptor_.reset();
}

}  // namespace
}  // namespace culvert
