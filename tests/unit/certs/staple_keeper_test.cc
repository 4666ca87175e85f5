// SPDX-License-Identifier: GPL-3.0-or-later
// The control thread's part in OCSP stapling: which files are read and when, what is counted, and
// what the log says.
#include "certs/staple_keeper.h"

#include <gtest/gtest.h>

#include "log_capture.h"
#include "tls/ocsp/ocsp_check.h"
#include "unit/certs/support/certs_test.h"

namespace culvert {
namespace {

class StapleKeeperTest : public CertsTest {
 protected:
  void SetUp() override {
    if (!staplingPossible()) GTEST_SKIP() << "this wolfSSL cannot staple";
  }
  /// A service with this certificate, followed from now on.
  void follow(const std::string& name, StapleMode mode) {
    ServiceOptions options = service({name});
    options.ocspStapling = mode;
    Config config;
    config.services = {options};
    runtime_ = started(config);
    keeper_.follow(runtime_);
  }
  const StapleSlot& slot() const {
    return runtime_.services.at(0).service->tls->credentials->list().at(0)->staple();
  }
  bool serves() const { return slot().serving(std::time(nullptr)) != nullptr; }
  uint64_t count(Counter counter) const { return counters_.get(counter); }

  Logger logger_;
  LogCapture log_{logger_};
  CounterBlock counters_;
  Runtime runtime_;
  StapleKeeper keeper_{logger_, counters_};
};

TEST_F(StapleKeeperTest, AResponseBesideTheCertificateIsServed) {
  issue("a");
  TestCa::shared().writeResponse(dir_, "a");
  follow("a", StapleMode::kFile);
  EXPECT_TRUE(serves());
  EXPECT_EQ(log_.count({"info", "OCSP stapling", "service=web", "a.pem.ocsp: OCSP response read"}),
            1u)
      << log_.text();
  log_.clear();
  EXPECT_EQ(keeper_.dump(), 1u);
  EXPECT_EQ(
      log_.count({"notice", "state", "service=web", dir_ / "a.pem", "staple=good", "valid_until="}),
      1u)
      << log_.text();
}

TEST_F(StapleKeeperTest, WithStaplingOffNothingIsRead) {
  issue("a");
  TestCa::shared().writeResponse(dir_, "a");
  follow("a", StapleMode::kOff);
  EXPECT_FALSE(serves());
  EXPECT_EQ(keeper_.dump(), 0u);
  EXPECT_EQ(log_.text(), "");
}

TEST_F(StapleKeeperTest, ARefusedFileIsCountedAndLoggedOnce) {
  issue("a");
  dir_.write("a.pem.ocsp", "no response");
  follow("a", StapleMode::kFile);
  EXPECT_FALSE(serves());
  EXPECT_EQ(count(Counter::kOcspFilesRefused), 1u);
  EXPECT_EQ(log_.count({"warning", "OCSP stapling", "a.pem.ocsp"}), 1u) << log_.text();
  TimePoint now = Clock::now();
  for (int i = 0; i < 3; ++i) keeper_.onTick(now += Millis(60'000));
  EXPECT_EQ(count(Counter::kOcspFilesRefused), 1u);
  log_.clear();
  EXPECT_EQ(keeper_.dump(), 0u);
  EXPECT_EQ(log_.count({"state", "staple=none", "last_error="}), 1u) << log_.text();
}

TEST_F(StapleKeeperTest, ARevokedCertificateIsAnError) {
  issue("a");
  TestCa::shared().writeResponse(dir_, "a", true);
  follow("a", StapleMode::kFile);
  EXPECT_EQ(count(Counter::kOcspRevoked), 1u);
  EXPECT_EQ(log_.count({"err", "OCSP stapling", "revoked"}), 1u) << log_.text();
  log_.clear();
  keeper_.dump();
  EXPECT_EQ(log_.count({"state", "staple=revoked"}), 1u) << log_.text();
}

TEST_F(StapleKeeperTest, AFileThatComesLaterIsReadWithinARound) {
  issue("a");
  follow("a", StapleMode::kFile);
  const TimePoint start = Clock::now();
  keeper_.onTick(start);
  TestCa::shared().writeResponse(dir_, "a");
  keeper_.onTick(start + Millis(500));
  EXPECT_FALSE(serves()) << "files are not looked at with every tick";
  keeper_.onTick(start + Millis(6'000));
  EXPECT_TRUE(serves());
}

TEST_F(StapleKeeperTest, ADemandThatNothingMeetsIsAnError) {
  issue("a", {.extensions = "extendedKeyUsage=serverAuth\ntlsfeature=status_request"});
  follow("a", StapleMode::kFile);
  EXPECT_EQ(log_.count({"err", "OCSP stapling", "must-staple", "a.pem.ocsp"}), 1u) << log_.text();
  log_.clear();
  TestCa::shared().writeResponse(dir_, "a");
  keeper_.follow(runtime_);
  EXPECT_TRUE(serves());
  EXPECT_EQ(log_.count({"must-staple"}), 0u) << log_.text();
}

TEST_F(StapleKeeperTest, DescriptorsAreReservedWhereFetchingNeedsThem) {
  const std::string url = "\nauthorityInfoAccess=OCSP;URI:http://127.0.0.1:9/";
  issue("a", {.extensions = "extendedKeyUsage=serverAuth" + url});
  follow("a", StapleMode::kFile);
  EXPECT_EQ(keeper_.ownDescriptors(), 0u);
  follow("a", StapleMode::kFetch);
  EXPECT_GT(keeper_.ownDescriptors(), 0u);
}

TEST_F(StapleKeeperTest, AResponderThatCannotBeAskedIsTrouble) {
  issue("a", {.extensions = "extendedKeyUsage=serverAuth\n"
                            "authorityInfoAccess=OCSP;URI:http://127.0.0.1:9/"});
  follow("a", StapleMode::kFetch);
  CounterRegistry registry;
  keeper_.startFetching(registry, {});
  EXPECT_TRUE(eventually([&] { return !slot().trouble().empty(); }));
  keeper_.stop();
  log_.clear();
  EXPECT_EQ(keeper_.dump(), 0u);
  EXPECT_EQ(log_.count({"state", "staple=none", "last_error="}), 1u) << log_.text();
}

}  // namespace
}  // namespace culvert
