// SPDX-License-Identifier: GPL-3.0-or-later
// OcspFetcher and names: one look-up for many certificates, and none that is old is used.
#include "certs/ocsp_fetcher.h"

#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "event/event_loop.h"
#include "net/socket_ops.h"
#include "unit/tls/support/test_credentials.h"
#include "unit/tls/support/tls_test.h"

namespace culvert {
namespace {

/// Nobody listens there.
AddressSet refusing() {
  auto closed = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
  EXPECT_TRUE(closed);
  return {boundAddress(closed->get())};
}

class OcspFetcherTest : public TlsTest {
 protected:
  /// The look-ups of each host, from their thread.
  struct Asked {
    std::mutex mutex;
    std::map<std::string, int> times;
  };

  void SetUp() override {
    LogOptions quiet;
    quiet.level = LogLevel::kErr;
    ASSERT_TRUE(logger_.configure(quiet));
    ASSERT_TRUE(fetcher_.open());
  }

  /// `count` certificates whose responder has this host's name.
  void add(const std::string& host, int count) {
    for (int i = 0; i < count; ++i) {
      HttpUrl url;
      url.host = host;
      url.path = "/" + std::to_string(i);
      tasks_.push_back({{testCredentials("leaf")}, url});
    }
  }
  int asked(const std::string& host) const {
    const std::lock_guard lock(asked_->mutex);
    const auto found = asked_->times.find(host);
    return found == asked_->times.end() ? 0 : found->second;
  }
  template <class Done>
  void turnUntil(Done done) {
    const TimePoint end = Clock::now() + std::chrono::seconds(10);
    while (!done() && Clock::now() < end) {
      loop_.turn(false);
      std::this_thread::sleep_for(Millis(1));
    }
    ASSERT_TRUE(done());
  }

  EventLoop loop_;
  Logger logger_;
  CounterBlock counters_;
  std::vector<OcspTask> tasks_;
  const std::shared_ptr<Asked> asked_ = std::make_shared<Asked>();
  OcspFetcher fetcher_{loop_,
                       logger_,
                       counters_,
                       {},
                       [asked = asked_](const std::string& host, uint16_t) -> Result<AddressSet> {
                         const std::lock_guard lock(asked->mutex);
                         const int times = ++asked->times[host];
                         if (host == "refuses" && times == 1) return refusing();
                         return fail("no such host");
                       }};
};

TEST_F(OcspFetcherTest, AFailedLookUpCountsOnceAndOldAddressesAreForgotten) {
  // An hour's rest, did each of the twelve count.
  add("none", 12);
  // The first two are refused, which puts off the others: they have an address too, and it is old
  // when their time comes.
  add("refuses", 12);
  fetcher_.follow(tasks_);
  std::set<const Credentials*> refused;
  turnUntil([&] {
    for (const OcspTask& task : tasks_) {
      const Credentials* one = task.credentials.front().get();
      const std::string trouble = one->staple().trouble();
      if (trouble.find("refused") != std::string::npos) refused.insert(one);
    }
    return asked("none") >= 2 && asked("refuses") >= 2;
  });
  EXPECT_GE(refused.size(), 1u);
  EXPECT_LE(refused.size(), 2u);
}

}  // namespace
}  // namespace culvert
