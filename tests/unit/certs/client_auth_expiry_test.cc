// SPDX-License-Identifier: GPL-3.0-or-later
// When the log hears of CAs and revocation lists that run out: before it happens, when it happens,
// and each time once.
#include "certs/client_auth_expiry.h"

#include <gtest/gtest.h>

#include "log_capture.h"
#include "service/runtime.h"

namespace culvert {
namespace {

constexpr int64_t kDayOfTest = 86400;
constexpr int64_t kNoon = 1'000 * kDayOfTest;  // a time; nothing here asks the clock

class ClientAuthExpiryTest : public testing::Test {
 protected:
  static TrustAnchor anchor(const std::string& subject, int64_t notBefore, int64_t notAfter) {
    TrustAnchor made;
    made.subject = subject;
    made.keyPin.fill(static_cast<uint8_t>(subject.back()));
    made.notBefore = notBefore;
    made.notAfter = notAfter;
    return made;
  }
  static RevocationList list(const std::string& path, int64_t thisUpdate, int64_t nextUpdate) {
    RevocationList made;
    made.path = path;
    made.issuer = "CN=Root";
    made.thisUpdate = thisUpdate;
    made.nextUpdate = nextUpdate;
    return made;
  }
  void add(const std::string& name, std::shared_ptr<const PeerAuth> auth) {
    auto settings = std::make_shared<TlsSettings>();
    settings->peerAuth = std::move(auth);
    auto profile = std::make_shared<ServiceProfile>();
    profile->name = name;
    auto service = std::make_shared<Service>();
    service->profile = std::move(profile);
    service->tls = std::make_shared<const TlsEndpoint>(
        TlsEndpoint{std::move(settings), std::make_shared<const CredentialSet>(), nullptr});
    runtime_.services.push_back({std::move(service), {}, {}});
  }
  void add(const std::string& name, std::vector<TrustAnchor> anchors,
           std::vector<RevocationList> lists = {}) {
    auto auth = std::make_shared<PeerAuth>();
    auth->anchors = std::move(anchors);
    auth->lists = std::move(lists);
    add(name, std::move(auth));
  }
  CounterSnapshot count(int64_t now) const {
    CounterSnapshot snapshot;
    ClientAuthExpiry::count(runtime_, now, snapshot);
    return snapshot;
  }

  Logger logger_;
  LogCapture log_{logger_};
  Runtime runtime_;
  ClientAuthExpiry expiry_{logger_};
};

TEST_F(ClientAuthExpiryTest, NothingIsSaidOfWhatLasts) {
  add("open", nullptr);
  add("web", {anchor("CN=A", kNoon - 300 * kDayOfTest, kNoon + 300 * kDayOfTest)},
      {list("/l", kNoon - kDayOfTest, kNoon + 30 * kDayOfTest)});
  expiry_.tellAll(runtime_, kNoon);
  EXPECT_EQ(log_.text(), "");
}

TEST_F(ClientAuthExpiryTest, ACaThatExpiresSoonIsAWarningAndThenAnError) {
  add("web", {anchor("CN=A", kNoon - 300 * kDayOfTest, kNoon + 3 * kDayOfTest)});
  expiry_.tellAll(runtime_, kNoon);
  EXPECT_EQ(log_.count({"warning", "client CA expires soon", "service=web", "CN=A"}), 1u)
      << log_.text();
  log_.clear();
  expiry_.tellAll(runtime_, kNoon + 4 * kDayOfTest);
  EXPECT_EQ(log_.count({"err", "client CA has expired: clients that need it are refused"}), 1u)
      << log_.text();
}

TEST_F(ClientAuthExpiryTest, WhatComesToItsLastStretchIsSaidOnce) {
  const int64_t end = kNoon + 30 * kDayOfTest;
  add("web", {anchor("CN=A", kNoon - 300 * kDayOfTest, end)});
  expiry_.tellAll(runtime_, kNoon);
  const int64_t soon = end - 14 * kDayOfTest;
  expiry_.tellNew(runtime_, soon - 1);
  EXPECT_EQ(log_.text(), "");
  expiry_.tellNew(runtime_, soon);
  EXPECT_EQ(log_.count({"expires soon"}), 1u) << log_.text();
  expiry_.tellNew(runtime_, soon + 1);
  expiry_.tellNew(runtime_, end);
  EXPECT_EQ(log_.count({"expires soon"}), 1u) << log_.text();
  EXPECT_EQ(log_.count({"has expired"}), 0u) << log_.text();
  expiry_.tellNew(runtime_, end + 1);
  expiry_.tellNew(runtime_, end + 2);
  EXPECT_EQ(log_.count({"has expired"}), 1u) << log_.text();
}

TEST_F(ClientAuthExpiryTest, TheDailyLineComesAgain) {
  add("web", {anchor("CN=A", kNoon - 300 * kDayOfTest, kNoon + 3 * kDayOfTest)});
  expiry_.tellAll(runtime_, kNoon);
  expiry_.tellAll(runtime_, kNoon + kDayOfTest);
  EXPECT_EQ(log_.count({"expires soon"}), 2u) << log_.text();
}

TEST_F(ClientAuthExpiryTest, AListIsWarnedOfInItsLastQuarter) {
  add("web", {}, {list("/etc/list", kNoon, kNoon + 400)});
  expiry_.tellAll(runtime_, kNoon + 299);
  EXPECT_EQ(log_.text(), "");
  expiry_.tellNew(runtime_, kNoon + 300);
  EXPECT_EQ(log_.count({"warning", "CRL of CN=Root expires soon", "crl=/etc/list"}), 1u)
      << log_.text();
  expiry_.tellNew(runtime_, kNoon + 401);
  EXPECT_EQ(log_.count({"err", "CRL of CN=Root has expired"}), 1u) << log_.text();
}

TEST_F(ClientAuthExpiryTest, FilesThatServicesShareAreSaidOnce) {
  const auto one = anchor("CN=A", kNoon - 300 * kDayOfTest, kNoon - 1);
  const auto crl = list("/l", kNoon - kDayOfTest, kNoon - 1);
  add("web", {one}, {crl});
  add("mail", {one}, {crl});
  expiry_.tellAll(runtime_, kNoon);
  EXPECT_EQ(log_.count({"has expired"}), 2u) << log_.text();
  EXPECT_EQ(log_.count({"service=mail"}), 0u) << log_.text();
}

TEST_F(ClientAuthExpiryTest, TheGaugesShowTheFirstToExpire) {
  add("web", {anchor("CN=A", 0, kNoon + 10 * kDayOfTest)},
      {list("/l", 0, kNoon + 5 * 3600 + 7), list("/m", 0, kNoon + 9 * 3600)});
  add("mail", {anchor("CN=B", 0, kNoon + 2 * kDayOfTest + 5)});
  const CounterSnapshot now = count(kNoon);
  EXPECT_EQ(now.get(Counter::kClientCaDaysLeft), 2u);
  EXPECT_EQ(now.get(Counter::kClientCaSecondsLeft), 2u * kDayOfTest + 5);
  EXPECT_EQ(now.get(Counter::kRevocationListHoursLeft), 5u);
  EXPECT_EQ(now.get(Counter::kRevocationListSecondsLeft), 5u * 3600 + 7);
  const CounterSnapshot late = count(kNoon + 3 * kDayOfTest);
  EXPECT_EQ(late.get(Counter::kClientCaSecondsLeft), 0u);
  EXPECT_EQ(late.get(Counter::kRevocationListSecondsLeft), 0u);
}

TEST_F(ClientAuthExpiryTest, TheGaugesAreZeroWhereClientsAreNotAsked) {
  add("open", nullptr);
  EXPECT_EQ(count(kNoon).get(Counter::kClientCaSecondsLeft), 0u);
  EXPECT_EQ(count(kNoon).get(Counter::kRevocationListSecondsLeft), 0u);
}

}  // namespace
}  // namespace culvert
