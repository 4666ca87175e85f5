// SPDX-License-Identifier: GPL-3.0-or-later
// The resolver's schedule, its sharing, what it keeps when a look-up fails, and that it always
// stops.
#include "backend/resolver.h"

#include <gtest/gtest.h>
#include <pthread.h>
#include <signal.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <string>
#include <thread>

namespace culvert {
namespace {

using namespace std::string_literals;

constexpr Millis kPatience(10000);

AddressSpec name(const std::string& text) {
  auto spec = parseAddress(text, AddressUse::kBackend);
  EXPECT_TRUE(spec);
  return *spec;
}

SocketAddress v4(uint32_t host, uint16_t port = 80) { return SocketAddress::ipv4(host, port); }

/// A DNS whose answers the test writes, and a record of what the resolver told. Outlives the
/// resolver's thread.
struct FakeDns {
  std::mutex mutex;
  std::condition_variable changed;
  Result<AddressSet> answer = fail("cannot resolve it: no such name");
  int lookups = 0;
  bool blocked = false;
  bool entered = false;
  std::deque<std::pair<ResolveEvent, std::string>> events;

  Result<AddressSet> lookUp() {
    std::unique_lock lock(mutex);
    ++lookups;
    entered = true;
    changed.notify_all();
    changed.wait(lock, [this] { return !blocked; });
    return answer;
  }

  void answerWith(Result<AddressSet> next) {
    std::lock_guard lock(mutex);
    answer = std::move(next);
  }

  std::pair<ResolveEvent, std::string> nextEvent() {
    std::unique_lock lock(mutex);
    if (!changed.wait_for(lock, kPatience, [this] { return !events.empty(); }))
      return {ResolveEvent::kFailed, "nothing"};
    auto event = events.front();
    events.pop_front();
    return event;
  }
};

ResolverOptions optionsOf(const std::shared_ptr<FakeDns>& dns) {
  ResolverOptions options;
  options.interval = Millis(1);
  options.minGap = Millis(0);
  options.lookup = [dns](const std::string&, uint16_t) { return dns->lookUp(); };
  options.onEvent = [dns](ResolveEvent event, const std::string& text) {
    std::lock_guard lock(dns->mutex);
    dns->events.emplace_back(event, text);
    dns->changed.notify_all();
  };
  return options;
}

TEST(Resolver, LiteralsNeedNoThread) {
  Resolver resolver(ResolverOptions{});
  auto literal = resolver.target(name("127.0.0.1:80"));
  auto path = resolver.target(name("unix:/run/x"));
  ASSERT_TRUE(resolver.start());
  EXPECT_FALSE(resolver.running());
  EXPECT_EQ(*literal->addresses(), AddressSet{v4(INADDR_LOOPBACK)});
  EXPECT_EQ(path->addresses()->at(0).path(), "/run/x");
  EXPECT_EQ(path->text(), "unix:/run/x");
  literal->refreshSoon();
  EXPECT_TRUE(resolver.waitFirstAnswers(Millis(0)));
}

TEST(Resolver, FollowsANameThroughItsLife) {
  auto dns = std::make_shared<FakeDns>();
  Resolver resolver(optionsOf(dns));
  auto target = resolver.target(name("db.example:80"));
  EXPECT_TRUE(target->addresses()->empty());
  ASSERT_TRUE(resolver.start());

  auto failed = dns->nextEvent();
  EXPECT_EQ(failed.first, ResolveEvent::kFailed);
  EXPECT_EQ(failed.second,
            "backend db.example:80: cannot resolve it: no such name; no address is known yet, its "
            "tunnels wait until "
            "connect-timeout");
  EXPECT_TRUE(target->addresses()->empty());

  dns->answerWith(AddressSet{v4(1), v4(2)});
  EXPECT_EQ(dns->nextEvent(),
            std::pair(ResolveEvent::kResolved, "backend db.example:80 is 0.0.0.1:80, 0.0.0.2:80"s));
  auto held = target->addresses();
  EXPECT_EQ(*held, (AddressSet{v4(1), v4(2)}));

  dns->answerWith(fail("cannot resolve it: timeout"));
  auto kept = dns->nextEvent();
  EXPECT_EQ(kept.first, ResolveEvent::kFailed);
  EXPECT_EQ(kept.second,
            "backend db.example:80: cannot resolve it: timeout; keeping 0.0.0.1:80, 0.0.0.2:80");
  EXPECT_EQ(*target->addresses(), *held);

  dns->answerWith(AddressSet{v4(2), v4(1)});
  EXPECT_EQ(dns->nextEvent().first, ResolveEvent::kRecovered) << "another order is the same set";
  dns->answerWith(AddressSet{v4(3)});
  auto changed = dns->nextEvent();
  EXPECT_EQ(changed.first, ResolveEvent::kChanged);
  EXPECT_EQ(*target->addresses(), AddressSet{v4(3)});
  EXPECT_EQ(held->size(), 2u) << "a set once taken never changes";
}

TEST(Resolver, SharesOneTargetPerText) {
  auto dns = std::make_shared<FakeDns>();
  Resolver resolver(optionsOf(dns));
  auto a = resolver.target(name("Host.example:80"));
  EXPECT_EQ(resolver.target(name("host.EXAMPLE:80")), a);
  EXPECT_NE(resolver.target(name("host.example:81")), a);
}

TEST(Resolver, ForgetsNamesThatNobodyHolds) {
  auto dns = std::make_shared<FakeDns>();
  dns->answer = AddressSet{v4(1)};
  ResolverOptions options = optionsOf(dns);
  std::weak_ptr<BackendTarget> weak;
  Resolver resolver(options);
  auto first = resolver.target(name("first:80"));
  {
    auto second = resolver.target(name("second:80"));
    weak = second;
    ASSERT_TRUE(resolver.start());
    EXPECT_TRUE(resolver.waitFirstAnswers(kPatience));
  }
  dns->answerWith(AddressSet{v4(2)});
  while (first->addresses()->at(0) != v4(2)) std::this_thread::yield();
  // The thread may hold it for the length of one look-up; it registers nobody for good.
  while (!weak.expired()) std::this_thread::yield();
  SUCCEED();
}

TEST(Resolver, TakesNamesOfAReloadWhileItRuns) {
  auto dns = std::make_shared<FakeDns>();
  dns->answer = AddressSet{v4(1)};
  ResolverOptions options = optionsOf(dns);
  options.interval = Millis(3600000);
  Resolver resolver(options);
  auto first = resolver.target(name("first:80"));
  ASSERT_TRUE(resolver.start());
  ASSERT_TRUE(resolver.start()) << "again is nothing";
  EXPECT_TRUE(resolver.waitFirstAnswers(kPatience));
  auto second = resolver.target(name("second:80"));
  EXPECT_TRUE(resolver.waitFirstAnswers(kPatience));
  EXPECT_EQ(second->addresses()->size(), 1u);
}

TEST(Resolver, ARequestBringsTheNextLookUpForward) {
  auto dns = std::make_shared<FakeDns>();
  ResolverOptions options = optionsOf(dns);
  options.interval = Millis(3600000);
  Resolver resolver(options);
  auto target = resolver.target(name("db:80"));
  ASSERT_TRUE(resolver.start());
  EXPECT_TRUE(resolver.waitFirstAnswers(kPatience));
  EXPECT_TRUE(target->addresses()->empty());
  dns->answerWith(AddressSet{v4(9)});
  target->refreshSoon();
  EXPECT_EQ(dns->nextEvent().first, ResolveEvent::kFailed);
  EXPECT_EQ(dns->nextEvent().first, ResolveEvent::kResolved);
}

TEST(Resolver, RequestsAreLimitedByTheGap) {
  auto dns = std::make_shared<FakeDns>();
  ResolverOptions options = optionsOf(dns);
  options.interval = Millis(3600000);
  options.minGap = Millis(1800000);
  Resolver resolver(options);
  auto target = resolver.target(name("db:80"));
  auto other = resolver.target(name("other:80"));
  ASSERT_TRUE(resolver.start());
  EXPECT_TRUE(resolver.waitFirstAnswers(kPatience));
  for (int i = 0; i < 1000; ++i) target->refreshSoon();
  // A later name is answered while the requested one still waits for its gap to pass.
  auto third = resolver.target(name("third:80"));
  EXPECT_TRUE(resolver.waitFirstAnswers(kPatience));
  std::lock_guard lock(dns->mutex);
  EXPECT_EQ(dns->lookups, 3);
}

TEST(Resolver, RunsTheHookFirstWithSignalsBlocked) {
  auto dns = std::make_shared<FakeDns>();
  ResolverOptions options = optionsOf(dns);
  std::mutex mutex;
  std::string threadName;
  bool blocked = false;
  bool first = false;
  options.onThreadStart = [&] {
    std::lock_guard lock(mutex);
    sigset_t mask;
    pthread_sigmask(SIG_SETMASK, nullptr, &mask);
    blocked = sigismember(&mask, SIGTERM) == 1 && sigismember(&mask, SIGHUP) == 1;
    std::lock_guard dnsLock(dns->mutex);
    first = dns->lookups == 0;
  };
  options.lookup = [&, dns](const std::string&, uint16_t) {
    char text[16] = {};
    pthread_getname_np(pthread_self(), text, sizeof text);
    std::lock_guard lock(mutex);
    threadName = text;
    return dns->lookUp();
  };
  options.interval = Millis(3600000);
  Resolver resolver(options);
  auto target = resolver.target(name("db:80"));
  ASSERT_TRUE(resolver.start());
  EXPECT_TRUE(resolver.waitFirstAnswers(kPatience));
  std::lock_guard lock(mutex);
  EXPECT_TRUE(first);
  EXPECT_EQ(threadName, "culvert-dns");
  EXPECT_TRUE(blocked);
  sigset_t own;
  pthread_sigmask(SIG_SETMASK, nullptr, &own);
  EXPECT_EQ(sigismember(&own, SIGHUP), 0) << "the starter's mask is as before";
}

TEST(Resolver, StopsAlthoughALookUpHangs) {
  auto dns = std::make_shared<FakeDns>();
  dns->blocked = true;
  std::shared_ptr<BackendTarget> target;
  {
    Resolver resolver(optionsOf(dns));
    target = resolver.target(name("slow:80"));
    ASSERT_TRUE(resolver.start());
    std::unique_lock lock(dns->mutex);
    ASSERT_TRUE(dns->changed.wait_for(lock, kPatience, [&] { return dns->entered; }));
    lock.unlock();
    EXPECT_FALSE(resolver.waitFirstAnswers(Millis(1)));
    target->refreshSoon();
  }
  target->refreshSoon();  // after the resolver has gone
  std::weak_ptr<BackendTarget> weak = target;
  target.reset();
  {
    std::lock_guard lock(dns->mutex);
    dns->blocked = false;
    dns->changed.notify_all();
  }
  // The thread that was left behind ends by itself, tells nobody, and lets go of what it held.
  while (!weak.expired()) std::this_thread::yield();
  std::lock_guard lock(dns->mutex);
  EXPECT_TRUE(dns->events.empty());
}

/// A DNS with SRV records, whose targets are one address each: the number behind the name.
struct FakeSrv {
  std::mutex mutex;
  Result<SrvAnswer> answer = fail("cannot resolve it: no such name");
  int asked = 0, lookups = 0;
  bool gone = false;  // the targets have no addresses

  void answerWith(Result<SrvAnswer> next) {
    const std::lock_guard lock(mutex);
    answer = std::move(next);
  }
  std::pair<int, int> counted() {
    const std::lock_guard lock(mutex);
    return {asked, lookups};
  }
};

ResolverOptions optionsOf(const std::shared_ptr<FakeSrv>& dns) {
  ResolverOptions options;
  options.interval = Millis(1);
  options.minGap = Millis(0);
  options.shortestTtl = Millis(1);
  options.srv = [dns](const std::string& asked) {
    EXPECT_EQ(asked, "_db._tcp.example.org");
    const std::lock_guard lock(dns->mutex);
    ++dns->asked;
    return dns->answer;
  };
  options.lookup = [dns](const std::string& host, uint16_t port) -> Result<AddressSet> {
    const std::lock_guard lock(dns->mutex);
    ++dns->lookups;
    if (dns->gone) return fail("cannot resolve " + host);
    return AddressSet{v4(static_cast<uint32_t>(host.back() - '0'), port)};
  };
  return options;
}

BackendSpec srvName() {
  auto spec = parseBackend("srv:_DB._tcp.Example.org weight=3");
  EXPECT_TRUE(spec);
  return *spec;
}

template <class Holds>
bool soon(Holds holds) {
  const TimePoint end = Clock::now() + kPatience;
  while (!holds()) {
    if (Clock::now() > end) return false;
    std::this_thread::sleep_for(Millis(1));
  }
  return true;
}

TEST(ResolverSrv, FollowsTheRecords) {
  const auto dns = std::make_shared<FakeSrv>();
  dns->answer = SrvAnswer{{{1, 9, 80, "h1"}, {1, 2, 81, "h2"}, {2, 0, 82, "h3"}}, Millis(1)};
  Resolver resolver(optionsOf(dns));
  const auto target = resolver.target(srvName());
  EXPECT_EQ(resolver.target(srvName()), target);
  EXPECT_EQ(target->text(), "srv:_db._tcp.example.org");
  EXPECT_EQ(target->host(), "example.org");  // what a certificate has to name
  EXPECT_FALSE(target->fixed());
  ASSERT_TRUE(resolver.start());
  EXPECT_TRUE(resolver.running());
  ASSERT_TRUE(soon([&] { return !target->addresses()->empty(); }));
  const auto set = target->set();
  EXPECT_EQ(set->addresses, (AddressSet{v4(1, 80), v4(2, 81), v4(3, 82)}));
  EXPECT_EQ(set->ranks, (std::vector<AddressRank>{{1, 9}, {1, 2}, {2, 0}}));
  EXPECT_EQ(*target->addresses(), set->addresses);

  dns->answerWith(fail("cannot resolve it: no name server answers"));
  const int before = dns->counted().first;
  ASSERT_TRUE(soon([&] { return dns->counted().first > before + 2; }));
  EXPECT_EQ(target->set()->addresses, set->addresses);  // a failed look-up keeps the last set

  dns->answerWith(SrvAnswer{{{1, 1, 80, "h1"}, {1, 9, 81, "h2"}}, Millis(1)});
  EXPECT_TRUE(soon([&] { return target->addresses()->size() == 2; }));
  // The same addresses with other weights are another set.
  dns->answerWith(SrvAnswer{{{1, 7, 80, "h1"}, {1, 9, 81, "h2"}}, Millis(1)});
  EXPECT_TRUE(soon([&] { return target->set()->ranks.front().weight == 7; }));
}

TEST(ResolverSrv, ThereAreNoMoreQuestionsThanTheTtlWants) {
  const auto dns = std::make_shared<FakeSrv>();
  dns->answer = SrvAnswer{{{1, 1, 80, "h1"}}, Millis(24 * 3600 * 1000)};
  ResolverOptions options = optionsOf(dns);
  options.minGap = Millis(3600000);
  Resolver resolver(options);
  const auto target = resolver.target(srvName());
  ASSERT_TRUE(resolver.start());
  // The addresses of the targets are looked up at each interval.
  ASSERT_TRUE(soon([&] { return dns->counted().second > 5; }));
  EXPECT_EQ(dns->counted().first, 1);
  // A failed connect may mean that the records have changed.
  target->refreshSoon();
  EXPECT_TRUE(soon([&] { return dns->counted().first == 2; }));
}

TEST(ResolverSrv, ShortTimesToLiveHaveALimit) {
  const auto dns = std::make_shared<FakeSrv>();
  dns->answer = SrvAnswer{{{1, 1, 80, "h1"}}, Millis(0)};
  ResolverOptions options = optionsOf(dns);
  options.shortestTtl = Millis(3600000);
  Resolver resolver(options);
  const auto target = resolver.target(srvName());
  ASSERT_TRUE(resolver.start());
  ASSERT_TRUE(soon([&] { return dns->counted().second > 5; }));
  EXPECT_EQ(dns->counted().first, 1);
}

TEST(ResolverSrv, TargetsWithoutAddressesKeepTheLastSet) {
  const auto dns = std::make_shared<FakeSrv>();
  dns->answer = SrvAnswer{{{1, 1, 80, "h1"}}, Millis(1)};
  Resolver resolver(optionsOf(dns));
  const auto target = resolver.target(srvName());
  ASSERT_TRUE(resolver.start());
  ASSERT_TRUE(soon([&] { return !target->addresses()->empty(); }));
  {
    const std::lock_guard lock(dns->mutex);
    dns->gone = true;
  }
  const int before = dns->counted().second;
  ASSERT_TRUE(soon([&] { return dns->counted().second > before + 2; }));
  EXPECT_EQ(*target->addresses(), AddressSet{v4(1, 80)});
}

TEST(ResolveHost, KnowsLocalhostAndRefusesNonsense) {
  auto local = resolveHost("localhost", 4711);
  ASSERT_TRUE(local) << local.error().text;
  for (const SocketAddress& address : *local) {
    EXPECT_TRUE(address.isLoopback());
    EXPECT_EQ(address.port(), 4711);
  }
  auto nothing = resolveHost("no-such-name.invalid", 1);
  ASSERT_FALSE(nothing);
  EXPECT_EQ(nothing.error().text.rfind("cannot resolve no-such-name.invalid: ", 0), 0u)
      << nothing.error().text;
}

}  // namespace
}  // namespace culvert
