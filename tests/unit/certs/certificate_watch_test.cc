// SPDX-License-Identifier: GPL-3.0-or-later
// When the watch says that it is time to look: soon after a change beside a file, however the file
// is replaced, and not in a rush.
#include "certs/certificate_watch.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "unit/certs/support/certs_test.h"

namespace culvert {
namespace {

namespace fs = std::filesystem;

class CertificateWatchTest : public CertsTest {
 protected:
  void SetUp() override {
    if (const auto started = watch_.start(); !started) GTEST_SKIP() << started.error().text;
  }
  /// The configuration with these certificate files.
  static Config configOf(const std::vector<std::string>& files) {
    Config config;
    config.services.emplace_back();
    for (const std::string& file : files) config.services[0].cert.push_back({file, {}});
    return config;
  }
  size_t follow(const std::vector<std::string>& files) {
    return watch_.follow(configOf(files), {});
  }
  void onDue() {
    looks_.push_back(Clock::now());
    while (Clock::now() < looks_.back() + busyFor_) {
    }
  }
  /// Whether it fires in time: docs/certificates.md promises two seconds.
  bool fires(Millis within = Millis(2'000)) {
    const size_t before = looks_.size();
    const TimePoint deadline = Clock::now() + within;
    while (looks_.size() == before && Clock::now() < deadline) {
      loop_.turn(false);
      ::poll(nullptr, 0, 1);
    }
    return looks_.size() != before;
  }
  /// For what must not come: several times the moment that the watch waits.
  bool staysQuiet() { return !fires(Millis(600)); }

  EventLoop loop_;
  std::vector<TimePoint> looks_;
  Millis busyFor_{0};
  CertificateWatch watch_{loop_, this,
                          [](void* self) { static_cast<CertificateWatchTest*>(self)->onDue(); }};
};

TEST_F(CertificateWatchTest, AWrittenFileIsNoticedOnce) {
  dir_.write("a.pem", "one");
  EXPECT_EQ(follow({dir_ / "a.pem"}), 0u);
  dir_.write("a.pem", "two");
  dir_.write("a.key", "two");
  EXPECT_TRUE(fires());
  EXPECT_TRUE(staysQuiet()) << "two files of one pair are one look";
}

TEST_F(CertificateWatchTest, ARenameOverTheFileIsNoticed) {
  dir_.write("a.pem", "one");
  const TempDir other;
  other.write("new", "two");
  follow({dir_ / "a.pem"});
  fs::rename(other / "new", dir_ / "a.pem");
  EXPECT_TRUE(fires());
}

TEST_F(CertificateWatchTest, ASwapOfASymlinkOnTheWayIsNoticed) {
  dir_.write("v1/tls.crt", "one");
  dir_.write("v2/tls.crt", "two");
  fs::create_directory(dir_ / "mount");
  fs::create_symlink("../v1", dir_ / "mount/..data");
  fs::create_symlink("..data/tls.crt", dir_ / "mount/tls.crt");
  EXPECT_EQ(follow({dir_ / "mount/tls.crt"}), 0u);
  fs::create_symlink("../v2", dir_ / "mount/..tmp");
  fs::rename(dir_ / "mount/..tmp", dir_ / "mount/..data");
  EXPECT_TRUE(fires());
  EXPECT_EQ(follow({dir_ / "mount/tls.crt"}), 0u);
  dir_.write("v2/tls.crt", "three");
  EXPECT_TRUE(fires()) << "where the link leads now";
}

TEST_F(CertificateWatchTest, ADirectoryIsWatchedWithThoseBelow) {
  dir_.write("live/one/fullchain.pem", "one");
  EXPECT_EQ(follow({dir_ / "live"}), 0u);
  dir_.write("live/one/privkey.pem", "one");
  EXPECT_TRUE(fires());
  fs::create_directory(dir_ / "live/two");
  EXPECT_TRUE(fires());
}

TEST_F(CertificateWatchTest, FilesForClientsAreWatched) {
  dir_.write("clients/ca.pem", "one");
  dir_.write("lists/list", "one");
  Config config = configOf({});
  config.services[0].clientCa.push_back({dir_ / "clients/ca.pem", {}});
  config.services[0].crl.push_back({dir_ / "lists/list", {}});
  EXPECT_EQ(watch_.follow(config, {}), 0u);
  dir_.write("clients/ca.pem", "two");
  EXPECT_TRUE(fires());
  dir_.write("lists/list", "two");
  EXPECT_TRUE(fires());
}

TEST_F(CertificateWatchTest, KeysThatLieElsewhereAreWatched) {
  auto unit = std::make_shared<CertificateUnit>();
  unit->files = {dir_.write("a.pem", "one"), dir_.write("keys/a.key", "one"),
                 dir_.write("phrases/a", "one")};
  Runtime runtime;
  runtime.services.push_back({nullptr, {unit}, {}});
  EXPECT_EQ(watch_.follow(Config(), runtime), 0u);
  for (const char* name : {"a.pem", "keys/a.key", "phrases/a"}) {
    dir_.write(name, "two");
    EXPECT_TRUE(fires()) << name;
  }
}

TEST_F(CertificateWatchTest, ADirectoryThatIsNotThereIsCounted) {
  EXPECT_EQ(follow({dir_ / "no/such/a.pem"}), 1u);
  EXPECT_EQ(follow({dir_ / "no/such/a.pem", dir_ / "no/other/a.pem"}), 2u);
  fs::create_directories(dir_ / "no/such");
  EXPECT_EQ(follow({dir_ / "no/such/a.pem"}), 0u);
}

TEST_F(CertificateWatchTest, ADirectoryThatComesBackIsNoticedInTheOneAbove) {
  dir_.write("b.pem", "one");
  EXPECT_EQ(follow({dir_ / "b.pem", dir_ / "late/a.pem"}), 0u) << "not blind: it shows above";
  fs::create_directory(dir_ / "late");
  EXPECT_TRUE(fires());
}

TEST_F(CertificateWatchTest, WhatIsFollowedNoMoreIsNotNoticed) {
  dir_.write("one/a.pem", "one");
  dir_.write("two/a.pem", "one");
  follow({dir_ / "one/a.pem"});
  follow({dir_ / "two/a.pem"});
  while (!staysQuiet()) {  // the change of the watches may show once
  }
  dir_.write("one/a.pem", "two");
  EXPECT_TRUE(staysQuiet());
  dir_.write("two/a.pem", "two");
  EXPECT_TRUE(fires());
}

TEST_F(CertificateWatchTest, LookSoonIsSoon) {
  watch_.lookSoon();
  EXPECT_TRUE(fires());
}

TEST_F(CertificateWatchTest, WhoLooksForLongRestsForLonger) {
  busyFor_ = Millis(120);
  for (int i = 0; i < 2; ++i) {
    watch_.lookSoon();
    ASSERT_TRUE(fires());
  }
  EXPECT_GE(looks_[1] - looks_[0], Millis(500)) << "five times as long as it took";
}

TEST_F(CertificateWatchTest, WithoutInotifyEverythingIsBlind) {
  CertificateWatch unstarted(loop_, this, [](void*) {});
  dir_.write("a.pem", "one");
  EXPECT_EQ(unstarted.follow(configOf({dir_ / "a.pem"}), {}), 1u);
}

}  // namespace
}  // namespace culvert
