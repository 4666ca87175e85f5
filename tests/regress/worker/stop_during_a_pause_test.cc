// SPDX-License-Identifier: GPL-3.0-or-later
// Done: a place came free while the acceptor paused, and at once culvert was stopped. Seen: both
// came in one turn, the stop first, and the clients in the listen queue were reset. Right: a stop
// accepts those for whom there is a place.
#include <gtest/gtest.h>

#include "eventually.h"
#include "socket_pair.h"
#include "stats/counter_registry.h"
#include "unit/tls/support/test_endpoint.h"
#include "unit/tls/support/tls_test.h"
#include "worker/acceptor.h"

namespace culvert {
namespace {

class StopDuringAPause : public TlsTest {
 protected:
  void SetUp() override {
    LogOptions quiet;
    quiet.level = LogLevel::kErr;
    ASSERT_TRUE(logger_.configure(quiet));
    ASSERT_TRUE(worker_.open());  // not started: connections stay in its mailbox
    auto profile = std::make_shared<ServiceProfile>();
    profile->tunnel = std::make_shared<const TunnelOptions>();
    auto service = std::make_shared<Service>();
    service->profile = std::move(profile);
    service->tls = std::make_shared<const TlsEndpoint>(testSettings().endpoint());
    service_ = std::move(service);
  }
  uint64_t pauses() const { return counters_.get(Counter::kAcceptPaused); }

  Logger logger_;
  CounterRegistry registry_;
  CounterBlock& counters_ = registry_.addBlock();
  TunnelBudget budget_;
  std::atomic<uint64_t> nextTunnel_{1};
  TunnelLimits limits_{TunnelLimits::Scope::kProcess};
  WorkerShared shared_{logger_, budget_, nullptr, nextTunnel_, limits_};
  Worker worker_{0, shared_, registry_.addBlock()};
  std::shared_ptr<const Service> service_;
};

TEST_F(StopDuringAPause, AcceptsWhoHasAPlace) {
  constexpr unsigned kRounds = 20;  // the two meet in one turn nearly always, not quite
  for (unsigned round = 0; round < kRounds; ++round) {
    Acceptor acceptor(logger_, counters_, budget_, {&worker_});
    budget_.setWake([&acceptor] { acceptor.wake(); });
    budget_.setLimit(0);
    ASSERT_TRUE(acceptor.open());
    ASSERT_TRUE(acceptor.start());
    auto fd = openListener(SocketAddress::ipv4(INADDR_LOOPBACK, 0));
    ASSERT_TRUE(fd);
    const SocketAddress address = boundAddress(fd->get());
    ListenerUpdate update;
    update.added.push_back({1, std::move(*fd), makeEntrance({service_})});
    acceptor.apply(std::move(update));
    const ConnectStart client = startConnect(address);
    ASSERT_TRUE(eventually([&] { return pauses() == round + 1; }));
    budget_.setLimit(1000);
    acceptor.wake();
    acceptor.stop();
    ASSERT_EQ(worker_.load(), round + 1);
  }
}

}  // namespace
}  // namespace culvert
