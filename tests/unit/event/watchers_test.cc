// SPDX-License-Identifier: GPL-3.0-or-later
// IoWatcher, NotifyPipe and SignalWatcher on real descriptors.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "event/event_loop.h"
#include "event/io_watcher.h"
#include "event/notify_pipe.h"
#include "event/signal_watcher.h"
#include "event/timer.h"

namespace culvert {
namespace {

struct Pair {
  Pair() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    a.reset(ends[0]);
    b.reset(ends[1]);
  }
  void sayToA() { EXPECT_EQ(::write(b.get(), "x", 1), 1); }
  void fillA() {
    char block[4096] = {};
    while (::write(a.get(), block, sizeof block) > 0) {
    }
  }
  UniqueFd a;
  UniqueFd b;
};

/// A watcher that counts, and may do something about it.
struct Probe {
  Probe(EventLoop& loop, int fd)
      : watcher(std::make_unique<IoWatcher>(
            loop, fd, this, [](void* self) { static_cast<Probe*>(self)->on(true); },
            [](void* self) { static_cast<Probe*>(self)->on(false); })) {}
  void on(bool readable) {
    ++(readable ? reads : writes);
    if (then) then();
  }
  int reads = 0;
  int writes = 0;
  std::function<void()> then;
  std::unique_ptr<IoWatcher> watcher;
};

/// The kernel refuses a plain file as it does when it has no room: nobody is left believing that
/// something is watched.
TEST(IoWatcher, ARefusedWatchIsTold) {
  EventLoop loop;
  const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  Probe probe(loop, file.get());
  EXPECT_FALSE(probe.watcher->watch(true, true));
  EXPECT_FALSE(probe.watcher->watchingRead());
  EXPECT_FALSE(probe.watcher->watchingWrite());
  EXPECT_TRUE(probe.watcher->watch(false, false));
}

TEST(IoWatcher, WatchesNothingUntilTold) {
  EventLoop loop;
  Pair pair;
  pair.sayToA();
  Probe probe(loop, pair.a.get());
  loop.turn(false);
  EXPECT_EQ(probe.reads + probe.writes, 0);
  EXPECT_FALSE(probe.watcher->watchingRead() || probe.watcher->watchingWrite());
}

TEST(IoWatcher, IsLevelTriggeredAndStops) {
  EventLoop loop;
  Pair pair;
  pair.sayToA();
  Probe probe(loop, pair.a.get());
  probe.watcher->watch(true, false);
  loop.turn(true);
  loop.turn(true);
  EXPECT_EQ(probe.reads, 2);
  EXPECT_EQ(probe.writes, 0);
  probe.watcher->watch(false, false);
  loop.turn(false);
  EXPECT_EQ(probe.reads, 2);
  probe.watcher->watch(true, true);
  EXPECT_TRUE(probe.watcher->watchingRead() && probe.watcher->watchingWrite());
  loop.turn(true);
  EXPECT_EQ(probe.reads, 3);
  EXPECT_EQ(probe.writes, 1);
  probe.watcher->watch(false, true);
  loop.turn(true);
  EXPECT_EQ(probe.reads, 3);
  EXPECT_EQ(probe.writes, 2);
}

TEST(IoWatcher, TellsOfRoomOnlyWhereThereIsSome) {
  EventLoop loop;
  Pair pair;
  pair.fillA();
  Probe probe(loop, pair.a.get());
  probe.watcher->watch(false, true);
  loop.turn(false);
  EXPECT_EQ(probe.writes, 0);
  char block[65536];
  while (::read(pair.b.get(), block, sizeof block) > 0) {
  }
  loop.turn(true);
  EXPECT_EQ(probe.writes, 1);
}

TEST(IoWatcher, AnEndIsReadable) {
  EventLoop loop;
  Pair pair;
  Probe probe(loop, pair.a.get());
  probe.watcher->watch(true, false);
  pair.b.reset();
  loop.turn(true);
  EXPECT_EQ(probe.reads, 1);
}

TEST(IoWatcher, MayDieInItsOwnCallback) {
  EventLoop loop;
  Pair pair;
  pair.sayToA();
  for (const bool both : {false, true}) {
    Probe probe(loop, pair.a.get());
    probe.then = [&] { probe.watcher.reset(); };
    probe.watcher->watch(true, both);  // with both, the other half is ready in the same turn
    loop.turn(true);
    EXPECT_EQ(probe.reads + probe.writes, 1);
    loop.turn(false);
    EXPECT_EQ(probe.reads + probe.writes, 1);
  }
}

TEST(IoWatcher, MaySilenceAnotherThatIsReadyToo) {
  EventLoop loop;
  Pair one;
  Pair two;
  one.sayToA();
  two.sayToA();
  Probe first(loop, one.a.get());
  Probe second(loop, two.a.get());
  first.then = [&] { second.watcher->watch(false, false); };
  second.then = [&] { first.watcher.reset(); };
  first.watcher->watch(true, false);
  second.watcher->watch(true, false);
  loop.turn(true);
  EXPECT_EQ(first.reads + second.reads, 1) << "whoever came first has silenced the other";
}

TEST(IoWatcher, ADescriptorNumberMayBeUsedAgain) {
  EventLoop loop;
  for (int i = 0; i < 5; ++i) {
    Pair pair;
    Probe probe(loop, pair.a.get());
    probe.watcher->watch(true, true);
    pair.sayToA();
    loop.turn(true);
    EXPECT_EQ(probe.reads, 1);
    EXPECT_EQ(probe.writes, 1);
  }
}

class NotifyPipeTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(pipe_.open());
    deadline_.armBy(Clock::now() + std::chrono::seconds(30));
  }
  EventLoop loop_;
  std::atomic<int> wakes_{0};
  bool late_ = false;
  NotifyPipe pipe_{loop_, this, [](void* self) { ++static_cast<NotifyPipeTest*>(self)->wakes_; }};
  // Ends the turn that waits for a wake-up which never comes.
  Timer deadline_{loop_, this,
                  [](void* self) { static_cast<NotifyPipeTest*>(self)->late_ = true; }};
};

TEST_F(NotifyPipeTest, ManyBytesAreOneWake) {
  for (int i = 0; i < 50; ++i) pipe_.notify();
  loop_.turn(true);
  EXPECT_EQ(wakes_, 1);
  loop_.turn(false);
  EXPECT_EQ(wakes_, 1);
  pipe_.notify();
  loop_.turn(true);
  EXPECT_EQ(wakes_, 2);
}

TEST_F(NotifyPipeTest, AFullPipeLosesNothing) {
  for (int i = 0; i < 200'000; ++i) pipe_.notify();  // more than a pipe holds; never blocks
  loop_.turn(true);
  EXPECT_EQ(wakes_, 1);
  loop_.turn(false);
  EXPECT_EQ(wakes_, 1) << "it was emptied";
}

TEST_F(NotifyPipeTest, WakesALoopThatWaits) {
  std::thread other([this] { pipe_.notify(); });
  loop_.turn(true);
  other.join();
  EXPECT_EQ(wakes_, 1);
}

TEST_F(NotifyPipeTest, EveryThreadIsHeard) {
  // The last thing a thread does is to notify: whoever sees its work undone will be woken once
  // more.
  std::atomic<int> work{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        ++work;
        pipe_.notify();
      }
    });
  }
  int seen = 0;
  while (seen < 8000 && !late_) {
    loop_.turn(true);
    seen = work;
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_FALSE(late_) << "a wake-up is missing";
  EXPECT_EQ(seen, 8000);
  EXPECT_LE(wakes_, 8000);
}

/// What `open` gives while this process may have no further descriptor.
Result<void> withoutDescriptors(const std::function<Result<void>()>& open) {
  rlimit before{};
  EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  UniqueFd next(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  rlimit none = before;
  none.rlim_cur = static_cast<rlim_t>(next.get());
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  auto opened = open();
  EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  return opened;
}

TEST(NotifyPipe, SaysSoWhenThereAreNoDescriptors) {
  EventLoop loop;
  NotifyPipe pipe(loop, nullptr, [](void*) {});
  const auto opened = withoutDescriptors([&] { return pipe.open(); });
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().sysErrno, EMFILE);
  EXPECT_NE(opened.error().text.find("pipe"), std::string::npos);
}

/// Keeps the signals that came; the callback raises the same one again, as a flood would.
struct SignalProbe {
  explicit SignalProbe(EventLoop& loop)
      : watcher(loop, this, [](void* self, int signal) {
          auto& probe = *static_cast<SignalProbe*>(self);
          probe.seen.push_back(signal);
          if (probe.flood) ::raise(signal);
        }) {}
  std::vector<int> seen;
  bool flood = false;
  SignalWatcher watcher;
};

TEST(SignalWatcher, CallsBackOnTheLoop) {
  EventLoop loop;
  SignalProbe probe(loop);
  ASSERT_TRUE(probe.watcher.open({SIGUSR1, SIGUSR2}).has_value());
  ASSERT_EQ(::raise(SIGUSR1), 0);
  EXPECT_TRUE(probe.seen.empty());
  loop.turn(true);
  EXPECT_EQ(probe.seen, std::vector<int>{SIGUSR1});
}

TEST(SignalWatcher, MergesEqualSignals) {
  EventLoop loop;
  SignalProbe probe(loop);
  ASSERT_TRUE(probe.watcher.open({SIGUSR1, SIGUSR2}).has_value());
  for (int i = 0; i < 100; ++i) {
    ASSERT_EQ(::raise(SIGUSR2), 0);
    ASSERT_EQ(::raise(SIGUSR1), 0);
  }
  loop.turn(true);
  EXPECT_EQ(probe.seen, (std::vector<int>{SIGUSR1, SIGUSR2}));
}

TEST(SignalWatcher, AFloodHoldsNoTurn) {
  EventLoop loop;
  SignalProbe probe(loop);
  ASSERT_TRUE(probe.watcher.open({SIGUSR1}).has_value());
  probe.flood = true;
  ASSERT_EQ(::raise(SIGUSR1), 0);
  loop.turn(true);
  EXPECT_EQ(probe.seen.size(), 1u);
  probe.flood = false;
  loop.turn(true);
  EXPECT_EQ(probe.seen.size(), 2u);
}

TEST(SignalWatcher, SaysSoWhenThereAreNoDescriptors) {
  EventLoop loop;
  SignalProbe probe(loop);
  const auto opened = withoutDescriptors([&] { return probe.watcher.open({SIGURG}); });
  ASSERT_FALSE(opened);
  EXPECT_EQ(opened.error().sysErrno, EMFILE);
  EXPECT_NE(opened.error().text.find("signals"), std::string::npos);
  sigset_t blocked;
  ASSERT_EQ(::pthread_sigmask(SIG_SETMASK, nullptr, &blocked), 0);
  EXPECT_EQ(sigismember(&blocked, SIGURG), 0) << "a signal that nobody reads stays deliverable";
}

TEST(SignalWatcher, OutlivedByItsBlockedSignals) {
  EventLoop loop;
  { ASSERT_TRUE(SignalProbe(loop).watcher.open({SIGUSR1}).has_value()); }
  ASSERT_EQ(::raise(SIGUSR1), 0);  // would end the process
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  const timespec noWait{};
  EXPECT_EQ(::sigtimedwait(&set, nullptr, &noWait), SIGUSR1);
}

}  // namespace
}  // namespace culvert
