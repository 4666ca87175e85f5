// SPDX-License-Identifier: GPL-3.0-or-later
// The control thread's part in the life of certificates: what it counts, and what it tells the log
// of renewals, refusals and expiry.
#include "certs/certificate_keeper.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "log_capture.h"
#include "unit/certs/support/certs_test.h"
#include "unit/certs/support/shifted_time.h"

namespace culvert {
namespace {

const TestLeaf kSoon{.from = -100 * kTestDay, .until = 3 * kTestDay + 3600};
const TestLeaf kExpired{.from = -20 * kTestDay, .until = -kTestDay};
const TestLeaf kForClients{.extensions = "extendedKeyUsage=clientAuth"};

class CertificateKeeperTest : public CertsTest {
 protected:
  /// In force from now on, and watched.
  void start(std::vector<ServiceOptions> services) {
    config_.services = std::move(services);
    runtime_ = started(config_);
    keeper_.start(config_, runtime_);
  }
  void refresh() {
    keeper_.refresh(config_, runtime_, [this](const Runtime& before) {
      ++put_;
      before_ = before.services.at(0).service;
    });
  }
  /// Refreshes when the keeper says that it is due, until `holds`.
  template <class Holds>
  bool refreshUntil(Holds holds) {
    return eventually([&] {
      loop_.turn(false);
      if (due_) {
        due_ = false;
        refresh();
      }
      return holds();
    });
  }
  void tick() { keeper_.onTick(runtime_); }
  uint64_t count(Counter counter) const { return counters_.get(counter); }
  uint64_t gauge(Counter counter) const {
    CounterSnapshot snapshot;
    CertificateKeeper::count(runtime_, snapshot);
    return snapshot.get(counter);
  }

  EventLoop loop_;
  Logger logger_;
  LogCapture log_{logger_};
  CounterBlock counters_;
  Config config_;
  Runtime runtime_;
  ShiftedTime clock_;
  int put_ = 0;
  bool due_ = false;
  std::shared_ptr<const Service> before_;
  CertificateKeeper keeper_{loop_, logger_, counters_, this, [](void* self) {
                              static_cast<CertificateKeeperTest*>(self)->due_ = true;
                            }};
};

// --- files that change

TEST_F(CertificateKeeperTest, ARenewedCertificateIsPutInForce) {
  issue("a");
  start({service({"a"})});
  EXPECT_EQ(log_.text(), "");
  const auto old = runtime_.services[0].service;
  issue("a");
  ASSERT_TRUE(refreshUntil([&] { return put_ != 0; })) << "the watch says that it is due";
  EXPECT_EQ(before_, old);
  EXPECT_NE(runtime_.services[0].service, old);
  EXPECT_EQ(count(Counter::kCertificatesTaken), 1u);
  EXPECT_EQ(count(Counter::kCertificatesRefused), 0u);
  EXPECT_EQ(log_.count({"notice", "certificate loaded", "service=web", dir_ / "a.pem",
                        "validity=\"is valid for "}),
            1u)
      << log_.text();
  refresh();
  EXPECT_EQ(put_, 1) << "nothing has changed since";
}

TEST_F(CertificateKeeperTest, ARefusedOneIsCountedAndLeavesEverything) {
  issue("a");
  start({service({"a"})});
  const auto old = runtime_.services[0].service;
  issue("a", kForClients);
  ASSERT_TRUE(refreshUntil([&] { return count(Counter::kCertificatesRefused) != 0; }));
  EXPECT_EQ(count(Counter::kCertificatesRefused), 1u);
  EXPECT_EQ(count(Counter::kCertificatesTaken), 0u);
  EXPECT_EQ(put_, 0);
  EXPECT_EQ(runtime_.services[0].service, old);
  EXPECT_EQ(log_.count({"err", "f.ini:1: error: [service web] cert: ", "the one in use stays"}), 1u)
      << log_.text();
}

TEST_F(CertificateKeeperTest, WhatIsTakenAndSoonExpiresIsSaidAtOnce) {
  issue("a");
  start({service({"a"})});
  issue("a", kSoon);
  ASSERT_TRUE(refreshUntil([&] { return put_ != 0; }));
  EXPECT_EQ(log_.count({"warning", "certificate expires soon", "service=web", dir_ / "a.pem"}), 1u)
      << log_.text();
}

TEST_F(CertificateKeeperTest, FilesForClientsAreLogged) {
  if (!peerAuthPossible()) GTEST_SKIP() << "this wolfSSL cannot verify clients";
  issue("a");
  dir_.write("ca.pem", TestCa::shared().rootPem());
  ServiceOptions options = service({"a"});
  options.verifyClient = VerifyClient::kRequired;
  options.clientCa.push_back(sourced(dir_ / "ca.pem"));
  start({options});
  TestCa::shared().makeAnchor(dir_, "ca", 3 * kTestDay);
  ASSERT_TRUE(refreshUntil([&] { return put_ != 0; }));
  EXPECT_EQ(count(Counter::kCertificatesTaken), 0u);
  EXPECT_EQ(log_.count({"notice", "CAs and CRLs for client certificates loaded", "services=1"}), 1u)
      << log_.text();
  EXPECT_EQ(log_.count({"warning", "client CA expires soon"}), 1u) << log_.text();
}

TEST_F(CertificateKeeperTest, DirectoriesThatCannotBeWatchedAreSaidOnce) {
  issue("a");
  start({service({"a"})});
  config_.services[0].clientCa.push_back(sourced(dir_ / "no/such/ca.pem"));
  keeper_.follow(config_, runtime_);
  keeper_.follow(config_, runtime_);
  EXPECT_EQ(log_.count({"warning", "cannot watch some directories: checking them only every 30 s",
                        "directories=1"}),
            1u)
      << log_.text();
}

// --- expiry

TEST_F(CertificateKeeperTest, AStartTellsOfAllThatClientsRefuseOrSoonWill) {
  issue("sound");
  issue("soon", kSoon);
  issue("expired", kExpired);
  issue("future", {.from = kTestDay});
  issue("clients", kForClients);
  start({service({"sound", "soon", "expired", "future", "clients"})});
  EXPECT_EQ(log_.count({"warning", "certificate expires soon", "/soon.pem"}), 1u);
  EXPECT_EQ(log_.count({"err", "serving an expired certificate", "/expired.pem"}), 1u);
  EXPECT_EQ(log_.count({"err", "serving a certificate that is not yet valid", "/future.pem"}), 1u);
  EXPECT_EQ(log_.count({"err", "serving a certificate that clients refuse", "/clients.pem"}), 1u);
  EXPECT_EQ(log_.count({"/sound.pem"}), 0u);
  EXPECT_EQ(log_.count({""}), 4u) << log_.text();
}

TEST_F(CertificateKeeperTest, TheLinesComeEveryDay) {
  issue("soon", kSoon);
  start({service({"soon"})});
  ASSERT_EQ(log_.count({"expires soon"}), 1u);
  clock_.forward(kTestDay - 60);
  tick();
  EXPECT_EQ(log_.count({"expires soon"}), 1u) << log_.text();
  clock_.forward(120);
  tick();
  tick();
  EXPECT_EQ(log_.count({"expires soon"}), 2u) << log_.text();
}

TEST_F(CertificateKeeperTest, TheEndIsSaidWhenItComes) {
  issue("a", {.until = 3 * 3600});
  start({service({"a"})});
  ASSERT_EQ(log_.count({"expires soon"}), 1u) << log_.text();
  log_.clear();
  clock_.forward(3 * 3600 - 60);
  tick();
  EXPECT_EQ(log_.text(), "");
  clock_.forward(120);
  tick();
  tick();
  EXPECT_EQ(log_.count({"err", "serving an expired certificate"}), 1u) << log_.text();
  EXPECT_EQ(log_.count({""}), 1u) << log_.text();
}

TEST_F(CertificateKeeperTest, TheFirstWarningComesTwoWeeksBefore) {
  issue("a", {.from = -100 * kTestDay, .until = 15 * kTestDay + 60});
  start({service({"a"})});
  EXPECT_EQ(log_.text(), "");
  clock_.forward(kTestDay - 60);
  tick();
  EXPECT_EQ(log_.text(), "");
  clock_.forward(180);
  tick();
  EXPECT_EQ(log_.count({"warning", "certificate expires soon"}), 1u) << log_.text();
}

TEST_F(CertificateKeeperTest, WhatWasRefusedForAnExpiredOneIsLookedAtAgain) {
  issue("a", {.until = 3600});
  start({service({"a"})});
  issue("a", kForClients);
  ASSERT_TRUE(refreshUntil([&] { return count(Counter::kCertificatesRefused) != 0; }));
  clock_.forward(7200);
  tick();
  ASSERT_TRUE(refreshUntil([&] { return put_ != 0; })) << "it is better than an expired one";
  EXPECT_EQ(count(Counter::kCertificatesTaken), 1u);
}

TEST_F(CertificateKeeperTest, ThousandsHaveTwentyLines) {
  issue("a", kSoon);
  std::vector<std::string> names;
  for (int i = 0; i < 25; ++i) {
    const std::string name = "c" + std::to_string(i);
    names.push_back(name);
    for (const char* ending : {".pem", ".key"})
      dir_.write(name + ending, dir_.read("a" + std::string(ending)));
  }
  start({service(names)});
  EXPECT_EQ(log_.count({"warning", "certificate expires soon"}), 20u);
  EXPECT_EQ(log_.count({"more certificates expire soon, have expired or are refused", "count=5"}),
            1u)
      << log_.text();
}

// --- gauges

TEST_F(CertificateKeeperTest, TheGaugesShowWhatIsServed) {
  issue("a");
  issue("soon", kSoon);
  issue("clients", kForClients);
  start({service({"a", "soon"}), service({"clients"}, "other")});
  EXPECT_EQ(gauge(Counter::kCertificates), 3u);
  EXPECT_EQ(gauge(Counter::kCertificatesInvalid), 1u);
  EXPECT_EQ(gauge(Counter::kCertificateDaysLeft), 3u);
  EXPECT_NEAR(static_cast<double>(gauge(Counter::kCertificateSecondsLeft)), 3 * kTestDay + 3600,
              60);
  clock_.forward(4 * kTestDay);
  EXPECT_EQ(gauge(Counter::kCertificatesInvalid), 2u);
  EXPECT_EQ(gauge(Counter::kCertificateSecondsLeft), 0u);
}

TEST_F(CertificateKeeperTest, TheGaugesOfNothingAreZero) {
  EXPECT_EQ(gauge(Counter::kCertificates), 0u);
  EXPECT_EQ(gauge(Counter::kCertificateSecondsLeft), 0u);
}

}  // namespace
}  // namespace culvert
