// SPDX-License-Identifier: GPL-3.0-or-later
// The prober on loopback sockets: verdicts, the times of the checks, descriptors, changes of the
// services and of their addresses, and its end while probes are in progress.
#include "health/prober.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <mutex>
#include <optional>

#include "health/health_thread.h"
#include "net/socket_ops.h"
#include "socket_pair.h"

namespace culvert {
namespace {

struct ProberVerdict {
  std::string service, address, words;
  bool ok = false;
};

/// A listener that the test serves itself.
struct TestBackend {
  UniqueFd listener = [] {
    auto opened = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }();
  SocketAddress address = boundAddress(listener.get());

  UniqueFd accept() { return std::move(acceptOne(listener.get()).fd); }
};

class ProberTest : public ::testing::Test {
 protected:
  void SetUp() override {
    budget_.setLimit(1000);
    prober_.emplace(loop_, budget_, hooks());
    ASSERT_TRUE(prober_->open());
  }

  ProberHooks hooks() {
    return {.onResult =
                [this](const Service& service, const SocketAddress& address, bool ok,
                       const std::string& words, Clock::duration duration) {
                  EXPECT_GE(duration.count(), 0);
                  results_.push_back({service.profile->name, address.text(), words, ok});
                },
            .dice = [] { return 0.5; }};
  }

  std::shared_ptr<const Service> service(const std::string& name,
                                         const std::vector<SocketAddress>& addresses,
                                         HealthCheck kind = HealthCheck::kRedis) {
    std::vector<std::shared_ptr<BackendTarget>> targets;
    for (const SocketAddress& one : addresses)
      targets.push_back(std::make_shared<BackendTarget>(one));
    return service(name, std::move(targets), kind);
  }
  std::shared_ptr<const Service> service(const std::string& name,
                                         std::vector<std::shared_ptr<BackendTarget>> targets,
                                         HealthCheck kind = HealthCheck::kRedis) {
    auto profile = std::make_shared<ServiceProfile>();
    profile->name = name;
    std::vector<PoolTarget> all;
    for (auto& one : targets) all.push_back({std::move(one), 1});
    profile->connect.pool = std::make_shared<BackendPool>(PoolOptions{}, std::move(all));
    auto made = std::make_shared<Service>();
    made->profile = std::move(profile);
    made->health = health_;
    made->health.kind = kind;
    return made;
  }

  template <class Holds>
  bool turnUntil(Holds holds) {
    const TimePoint end = Clock::now() + std::chrono::seconds(10);
    while (!holds()) {
      if (Clock::now() > end) return false;
      loop_.turn(false);
      ::poll(nullptr, 0, 1);
    }
    return true;
  }
  /// Turns until the next connection arrives at the backend.
  UniqueFd next(TestBackend& backend) {
    UniqueFd fd;
    EXPECT_TRUE(turnUntil([&] { return (fd = backend.accept()).valid(); }));
    return fd;
  }
  bool answer(TestBackend& backend, std::string_view text) {
    const size_t before = results_.size();
    const UniqueFd fd = next(backend);
    return sendAll(fd.get(), text) && turnUntil([&] { return results_.size() > before; });
  }

  EventLoop loop_;
  TunnelBudget budget_;
  HealthOptions health_{.kind = HealthCheck::kRedis,
                        .interval = Millis(5),
                        .timeout = Millis(8000),
                        .send = {},
                        .expect = {}};
  std::vector<ProberVerdict> results_;
  std::optional<Prober> prober_;
};

TEST_F(ProberTest, ReportsEachVerdict) {
  TestBackend backend;
  prober_->follow({service("web", {backend.address})});
  ASSERT_TRUE(answer(backend, "+PONG\r\n"));
  ASSERT_TRUE(answer(backend, "-LOADING\r\n"));
  ASSERT_TRUE(answer(backend, "+PONG\r\n"));
  ASSERT_EQ(results_.size(), 3u);
  EXPECT_TRUE(results_[0].ok && !results_[1].ok && results_[2].ok);
  EXPECT_EQ(results_[0].service, "web");
  EXPECT_EQ(results_[0].address, backend.address.text());
  EXPECT_EQ(results_[0].words, "+PONG");
  EXPECT_EQ(results_[1].words, "answered \"-LOADING\" instead of +PONG");
}

TEST_F(ProberTest, ClosesItsDirectionFirst) {
  TestBackend backend;
  prober_->follow({service("web", {backend.address})});
  const UniqueFd fd = next(backend);
  ASSERT_TRUE(sendAll(fd.get(), "+PONG\r\n"));
  ASSERT_TRUE(turnUntil([&] { return results_.size() == 1; }));
  std::string got;
  char buffer[100];
  ssize_t count = -1;
  ASSERT_TRUE(turnUntil([&] {
    count = ::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (count > 0) got.append(buffer, static_cast<size_t>(count));
    return count == 0;
  }));
  EXPECT_EQ(got, "*1\r\n$4\r\nPING\r\n");
  // The next probe waits for the end of this one, but not for ever.
  EXPECT_TRUE(next(backend).valid());
  EXPECT_EQ(::recv(fd.get(), buffer, sizeof buffer, MSG_DONTWAIT), 0);
}

TEST_F(ProberTest, AnAddressThatNobodyServesFails) {
  SocketAddress free;
  { free = TestBackend().address; }
  prober_->follow({service("web", {free}, HealthCheck::kTcp)});
  ASSERT_TRUE(turnUntil([&] { return results_.size() >= 3; }));
  for (const ProberVerdict& one : results_) {
    EXPECT_FALSE(one.ok);
    EXPECT_TRUE(one.words.starts_with("cannot connect: ")) << one.words;
  }
}

TEST_F(ProberTest, TimeIsLimited) {
  TestBackend backend;
  health_.timeout = Millis(200);
  prober_->follow({service("web", {backend.address})});
  const UniqueFd fd = next(backend);
  ASSERT_TRUE(turnUntil([&] { return !results_.empty(); }));
  EXPECT_EQ(results_[0].words, "no answer within 200ms: waiting for +PONG");
}

TEST_F(ProberTest, OneAddressIsCheckedOnceHoweverOftenItIsNamed) {
  TestBackend backend;
  prober_->follow({service("web", {backend.address, backend.address})});
  const UniqueFd first = next(backend);
  for (int i = 0; i < 50; ++i) {
    loop_.turn(false);
    ::poll(nullptr, 0, 1);
  }
  EXPECT_FALSE(backend.accept().valid());
}

TEST_F(ProberTest, ServicesComeAndGo) {
  TestBackend kept, changed, gone;
  health_.interval = std::chrono::hours(1);
  const auto keptService = service("kept", {kept.address});
  prober_->follow(
      {keptService, service("changed", {changed.address}), service("gone", {gone.address})});
  ASSERT_TRUE(answer(kept, "+PONG\r\n"));
  ASSERT_TRUE(answer(changed, "+PONG\r\n"));
  const UniqueFd open = next(gone);  // a probe in progress
  health_.fall = 9;
  auto same = std::make_shared<Service>(*keptService);
  prober_->follow({same, service("changed", {changed.address})});
  ASSERT_TRUE(answer(changed, "+PONG\r\n"));  // at once, though the interval is an hour
  EXPECT_EQ(results_.size(), 3u);
  EXPECT_FALSE(kept.accept().valid());
  // The probe of the service that is gone has ended without a verdict.
  ASSERT_TRUE(turnUntil([&] {
    char bytes[100];
    return ::recv(open.get(), bytes, sizeof bytes, MSG_DONTWAIT) == 0;
  }));
  EXPECT_EQ(results_.size(), 3u);
}

/// A resolver whose only name has the addresses that the test sets.
struct NamedBackends {
  std::mutex mutex;
  AddressSet set;
  void put(AddressSet next) {
    const std::lock_guard lock(mutex);
    set = std::move(next);
  }
};

TEST_F(ProberTest, FollowsTheAddressesOfAName) {
  TestBackend one, two;
  const auto names = std::make_shared<NamedBackends>();
  ResolverOptions options;
  options.interval = Millis(1);
  options.lookup = [names](const std::string&, uint16_t) -> Result<AddressSet> {
    const std::lock_guard lock(names->mutex);
    if (names->set.empty()) return fail("no such name");
    return names->set;
  };
  Resolver resolver(options);
  const auto spec = parseBackend("db.example:1");
  ASSERT_TRUE(spec);
  const auto target = resolver.target(*spec);
  ASSERT_TRUE(resolver.start());
  prober_->follow({service("web", std::vector{target})});
  loop_.turn(false);
  EXPECT_TRUE(results_.empty());
  names->put({one.address});
  ASSERT_TRUE(answer(one, "+PONG\r\n"));
  names->put({two.address});
  ASSERT_TRUE(answer(two, "+PONG\r\n"));
  ASSERT_TRUE(turnUntil([&] { return target->addresses()->size() == 1; }));
  EXPECT_EQ(results_.back().address, two.address.text());
}

TEST_F(ProberTest, WithoutADescriptorACheckIsNeitherPassedNorFailed) {
  std::vector<TestBackend> backends(Prober::kOwnDescriptors + 4);
  std::vector<SocketAddress> addresses;
  for (const TestBackend& one : backends) addresses.push_back(one.address);
  budget_.setLimit(1);  // two spare descriptors
  health_.interval = std::chrono::hours(1);
  prober_->follow({service("web", addresses)});
  std::vector<UniqueFd> open;
  const auto arrived = [&] {
    for (TestBackend& one : backends)
      if (UniqueFd fd = one.accept(); fd.valid()) open.push_back(std::move(fd));
    return open.size();
  };
  ASSERT_TRUE(turnUntil([&] { return arrived() == Prober::kOwnDescriptors + 2; }));
  for (int i = 0; i < 50; ++i) loop_.turn(false);
  EXPECT_EQ(arrived(), Prober::kOwnDescriptors + 2);
  EXPECT_TRUE(budget_.full());
  EXPECT_TRUE(results_.empty());
  prober_->follow({});
  loop_.turn(false);
  EXPECT_FALSE(budget_.full());
}

TEST_F(ProberTest, TheLimitOfTheProcessCountsAsNothingToo) {
  TestBackend backend;
  prober_->follow({service("web", {backend.address}, HealthCheck::kTcp)});
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  for (int i = 0; i < 50; ++i) {
    loop_.turn(false);
    ::poll(nullptr, 0, 1);
  }
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_TRUE(results_.empty());
  ASSERT_TRUE(turnUntil([&] { return !results_.empty(); }));
  EXPECT_TRUE(results_[0].ok);
}

TEST_F(ProberTest, EndsWithProbesInProgress) {
  TestBackend backend;
  prober_->follow({service("web", {backend.address})});
  const UniqueFd fd = next(backend);
  prober_.reset();
  loop_.turn(false);
  EXPECT_TRUE(results_.empty());
}

TEST_F(ProberTest, TheThreadStartsWithTheFirstServiceAndStopsAtOnce) {
  TestBackend backend;
  health_.timeout = std::chrono::minutes(10);
  std::atomic<int> started{0};
  HealthThread thread(
      budget_, [&started] { ++started; },
      [] {
        return ProberHooks{.onResult = [](const Service&, const SocketAddress&, bool,
                                          const std::string&, Clock::duration) {},
                           .dice = [] { return 0.5; }};
      });
  ASSERT_TRUE(thread.follow({}));
  EXPECT_FALSE(thread.running());
  EXPECT_EQ(started, 0);
  ASSERT_TRUE(thread.follow({service("web", {backend.address})}));
  EXPECT_EQ(started, 1);
  const UniqueFd fd = next(backend);
  ASSERT_TRUE(thread.follow({service("web", {backend.address})}));
  EXPECT_EQ(started, 1);
  thread.stop();
  EXPECT_FALSE(thread.running());
}

}  // namespace
}  // namespace culvert
