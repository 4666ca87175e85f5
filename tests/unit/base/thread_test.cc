// SPDX-License-Identifier: GPL-3.0-or-later
// A new thread is named, hears no signal, and has given up its rights before anybody can look.
#include "base/thread.h"

#include <gtest/gtest.h>
#include <pthread.h>

#include <csignal>
#include <string>

namespace culvert {
namespace {

TEST(Thread, IsNamedAndDeafToSignals) {
  char name[16] = {};
  sigset_t blocked;
  sigemptyset(&blocked);
  auto thread = startThread("culvert-unit", {}, [&] {
    pthread_getname_np(pthread_self(), name, sizeof name);
    pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  });
  ASSERT_TRUE(thread) << thread.error().text;
  thread->join();
  EXPECT_STREQ(name, "culvert-unit");
  for (const int signal : {SIGTERM, SIGHUP, SIGUSR1, SIGPIPE, SIGCHLD})
    EXPECT_EQ(sigismember(&blocked, signal), 1) << signal;
}

TEST(Thread, LeavesTheCallersMaskAsItWas) {
  auto thread = startThread("culvert-unit", {}, [] {});
  ASSERT_TRUE(thread);
  thread->join();
  sigset_t blocked;
  pthread_sigmask(SIG_SETMASK, nullptr, &blocked);
  EXPECT_EQ(sigismember(&blocked, SIGTERM), 0);
}

TEST(Thread, TheFirstStepIsDoneWhenTheStartReturns) {
  for (int i = 0; i < 100; ++i) {
    std::string order;
    auto thread = startThread(
        "culvert-unit", [&] { order += "rights "; }, [] {});
    ASSERT_TRUE(thread);
    EXPECT_EQ(order, "rights ");
    thread->join();
  }
}

}  // namespace
}  // namespace culvert
