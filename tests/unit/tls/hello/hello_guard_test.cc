// SPDX-License-Identifier: GPL-3.0-or-later
// HelloGuard: what is dropped, refused and compared around a HelloRetryRequest.
#include "tls/hello/hello_guard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tls/hello/hello_gatherer.h"
#include "tls/protocol/alert_number.h"
#include "unit/tls/support/hello_builder.h"

namespace culvert {
namespace {

const Bytes kCcs = {20, 3, 3, 0, 1, 1};

Bytes record(uint8_t type, const Bytes& body) {
  Bytes out{type, 3, 3};
  return out + vector16(body);
}

/// The body of a HelloRetryRequest with these extensions.
Bytes retryBody(const Bytes& extensions) {
  static const Bytes kRandom = {0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c,
                                0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
                                0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c};
  return Bytes{3, 3} + kRandom + vector8(Bytes(32, 7)) + Bytes{0x13, 1, 0} + vector16(extensions);
}

Bytes message(uint8_t type, const Bytes& body) {
  Bytes out{type, 0};
  return out + vector16(body);
}

const Bytes kWantsX25519 = {0, 43, 0, 2, 3, 4, 0, 51, 0, 2, 0, 0x1d};
const Bytes kHasCookie = {0, 43, 0, 2, 3, 4, 0, 44, 0, 3, 0, 1, 9};

HelloBuilder firstHello() {
  HelloBuilder hello = HelloBuilder::modern();
  hello.set(51, vector16({}));
  return hello;
}

HelloBuilder secondHello() {
  HelloBuilder hello = HelloBuilder::modern();
  hello.set(51, vector16(HelloBuilder::keyShare(0x1d, 32)));
  return hello;
}

class HelloGuardTest : public ::testing::Test {
 protected:
  void await(const HelloBuilder& hello, const Bytes& extensions = kWantsX25519) {
    bytes_ = hello.message();
    ClientHello parsed;
    ASSERT_EQ(parseClientHelloMessage(bytes_, parsed).status, HelloStatus::kComplete);
    guard_.awaitSecond(parsed, retryBody(extensions));
    EXPECT_TRUE(guard_.awaitsSecond());
  }
  SecondHelloVerdict judge(const HelloBuilder& hello) {
    const Bytes bytes = hello.message();
    ClientHello parsed;
    const HelloResult result = parseClientHelloMessage(bytes, parsed);
    EXPECT_EQ(result.status, HelloStatus::kComplete) << result.reason;
    return guard_.judgeSecond(parsed);
  }
  /// The alert that a second hello gets which `change` makes of the right one; 0: none.
  int alertFor(const std::function<void(HelloBuilder&)>& change) {
    guard_ = HelloGuard();
    await(firstHello());
    HelloBuilder hello = secondHello();
    change(hello);
    const SecondHelloVerdict verdict = judge(hello);
    EXPECT_EQ(verdict.reason.empty(), verdict.alert == 0);
    EXPECT_FALSE(guard_.awaitsSecond());
    return verdict.alert;
  }
  RecordVerdict inspect(const Bytes& bytes) { return guard_.inspect(bytes); }

  HelloGuard guard_;
  Bytes bytes_;
};

TEST_F(HelloGuardTest, FindsARetryAmongWhatIsStaged) {
  const Bytes retry = retryBody(kWantsX25519);
  const Bytes staged = record(22, message(2, retry)) + kCcs;
  StagedFlight flight = lookAtFlight(staged);
  EXPECT_EQ(Bytes(flight.retry.begin(), flight.retry.end()), retry);
  EXPECT_FALSE(flight.serverHello);

  const Bytes hello = record(22, message(2, Bytes(70, 1)));
  EXPECT_TRUE(lookAtFlight(hello).serverHello);
  EXPECT_TRUE(lookAtFlight(hello).retry.empty());
  EXPECT_TRUE(lookAtFlight(staged + hello).serverHello) << "both";
  EXPECT_FALSE(lookAtFlight(hello).asksCertificate);
  EXPECT_TRUE(lookAtFlight(hello + record(22, message(13, {0}))).asksCertificate);

  EXPECT_FALSE(lookAtFlight({}).serverHello);
  EXPECT_FALSE(lookAtFlight(record(21, {2, 40})).serverHello);
  EXPECT_FALSE(lookAtFlight(Bytes{22, 3, 3, 0}).serverHello) << "cut short";
}

TEST_F(HelloGuardTest, WhatContinuesAMessageIsNoMessage) {
  const Bytes hello = message(2, Bytes(70, 1));
  Bytes chain = message(11, Bytes(300, 7));
  chain[104] = 13;  // where the second record begins
  chain[204] = 2;
  const auto part = [&chain](size_t from, size_t to) {
    return record(
        22, Bytes(chain.begin() + static_cast<long>(from), chain.begin() + static_cast<long>(to)));
  };
  const Bytes flight = record(22, hello) + part(0, 104) + part(104, 204) + part(204, 304);
  EXPECT_TRUE(lookAtFlight(flight).serverHello);
  EXPECT_FALSE(lookAtFlight(flight).asksCertificate);
  EXPECT_TRUE(lookAtFlight(flight + record(22, message(13, {0}))).asksCertificate);
  EXPECT_FALSE(lookAtFlight(part(0, 104) + part(104, 204) + part(204, 304)).serverHello);

  EXPECT_TRUE(lookAtFlight(record(22, hello + chain + message(13, {0}))).asksCertificate)
      << "several messages in one record";
  EXPECT_FALSE(lookAtFlight(record(22, hello) + kCcs + record(22, Bytes(40, 13))).asksCertificate)
      << "sealed in TLS 1.2";
}

TEST_F(HelloGuardTest, DropsChangeCipherSpecAndNothingElse) {
  EXPECT_EQ(inspect(kCcs).kind, RecordVerdict::kDrop);
  EXPECT_EQ(inspect(kCcs + kCcs).size, kCcs.size());
  for (size_t i = 0; i < kCcs.size(); ++i)
    EXPECT_EQ(inspect(Bytes(kCcs.begin(), kCcs.begin() + static_cast<long>(i))).kind,
              RecordVerdict::kMore)
        << i;
  EXPECT_EQ(inspect(record(22, {1})).kind, RecordVerdict::kPass);
  EXPECT_EQ(inspect(record(23, {1})).kind, RecordVerdict::kPass) << "sealed, as it seems";
  EXPECT_EQ(inspect(record(99, {1})).kind, RecordVerdict::kPass) << "the library refuses it";
  for (const Bytes& body : {Bytes{}, Bytes{2}, Bytes{1, 1}}) {
    const RecordVerdict verdict = inspect(record(20, body));
    EXPECT_EQ(verdict.kind, RecordVerdict::kRefuse);
    EXPECT_EQ(verdict.alert, Alert::unexpected_message);
  }
}

TEST_F(HelloGuardTest, AFloodOfChangeCipherSpecEnds) {
  RecordVerdict verdict;
  int dropped = 0;
  while ((verdict = inspect(kCcs)).kind == RecordVerdict::kDrop) ASSERT_LT(++dropped, 100);
  EXPECT_EQ(verdict.kind, RecordVerdict::kRefuse);
  EXPECT_GE(dropped, 4);
}

TEST_F(HelloGuardTest, APlainAlertIsTheClientsLastWord) {
  RecordVerdict verdict = inspect(record(21, {2, Alert::unknown_ca}));
  EXPECT_EQ(verdict.kind, RecordVerdict::kReceived);
  EXPECT_EQ(verdict.alert, Alert::unknown_ca);
  EXPECT_EQ(inspect(record(21, {1, Alert::bad_certificate})).kind, RecordVerdict::kReceived);
  EXPECT_EQ(inspect(record(21, {1, Alert::user_canceled})).kind, RecordVerdict::kDrop);
  EXPECT_EQ(inspect(record(21, {2})).kind, RecordVerdict::kRefuse);
}

TEST_F(HelloGuardTest, EarlyDataIsSkippedUpToALimit) {
  await(firstHello());
  EXPECT_EQ(inspect(record(23, Bytes(50))).kind, RecordVerdict::kRefuse) << "it was not offered";

  guard_ = HelloGuard();
  HelloBuilder offers = firstHello();
  offers.add(42, {});
  await(offers);
  const Bytes data = record(23, Bytes(8000));
  const RecordVerdict begin = inspect(Bytes(data.begin(), data.begin() + 100));
  EXPECT_EQ(begin.kind, RecordVerdict::kDrop);
  EXPECT_EQ(begin.size, 100u);
  const RecordVerdict end = inspect(Bytes(data.begin() + 100, data.end()) + kCcs);
  EXPECT_EQ(end.kind, RecordVerdict::kDrop);
  EXPECT_EQ(end.size, data.size() - 100) << "up to the next record";
  EXPECT_EQ(inspect(kCcs).kind, RecordVerdict::kDrop);
  EXPECT_EQ(inspect(data).kind, RecordVerdict::kDrop);
  EXPECT_EQ(inspect(data).kind, RecordVerdict::kRefuse) << "more than 16 KiB";

  guard_ = HelloGuard();
  await(offers);
  EXPECT_EQ(inspect(Bytes{23, 3, 3, 0x41, 0x01}).alert, Alert::record_overflow);
}

TEST_F(HelloGuardTest, TheSecondHelloMayDifferWhereItMust) {
  EXPECT_EQ(alertFor([](HelloBuilder&) {}), 0);
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.add(21, Bytes(50, 0)); }), 0) << "padding";
  EXPECT_EQ(alertFor([](HelloBuilder& h) { std::swap(h.extensions[0], h.extensions[1]); }), 0);
  EXPECT_EQ(alertFor([](HelloBuilder& h) { std::ranges::reverse(h.extensions); }), 0);
}

TEST_F(HelloGuardTest, AnotherOrderHidesNoOtherChange) {
  const int illegal = Alert::illegal_parameter;
  const auto reversedAnd = [this](const std::function<void(HelloBuilder&)>& change) {
    return alertFor([&](HelloBuilder& h) {
      std::ranges::reverse(h.extensions);
      change(h);
    });
  };
  EXPECT_EQ(reversedAnd([](HelloBuilder& h) { h.remove(0); }), illegal);
  EXPECT_EQ(reversedAnd([](HelloBuilder& h) { h.add(0xfabc, {}); }), illegal);
  EXPECT_EQ(reversedAnd([](HelloBuilder& h) { h.set(0, HelloBuilder::serverName("b.test")); }),
            illegal);
}

TEST_F(HelloGuardTest, BodiesMayNotChangePlaces) {
  HelloBuilder one = firstHello(), other = secondHello();
  one.add(0xfabc, {1}).add(0xfabd, {2});
  await(one);
  EXPECT_EQ(judge(HelloBuilder(other).add(0xfabd, {2}).add(0xfabc, {1})).alert, 0);
  await(one);
  EXPECT_EQ(judge(HelloBuilder(other).add(0xfabc, {2}).add(0xfabd, {1})).alert,
            Alert::illegal_parameter);
}

TEST_F(HelloGuardTest, TheSecondHelloMayNotDifferElsewhere) {
  const int illegal = Alert::illegal_parameter;
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.sessionId = Bytes(32, 8); }), illegal);
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.suites = numbers({0x1301}); }), illegal);
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.legacyVersion = 0x0302; }), illegal);
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.compression = {1, 0}; }), illegal);
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.set(0, HelloBuilder::serverName("b.test")); }),
            illegal);
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.remove(0); }), illegal);
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.add(0xfabc, {}); }), illegal);
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.add(42, {}); }), illegal) << "early data";
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.add(44, {0, 1, 9}); }), illegal) << "a cookie";
  EXPECT_EQ(
      alertFor([](HelloBuilder& h) {
        h.add(41, vector16(vector16(Bytes(8, 1)) + Bytes(4, 0)) + vector16(vector8(Bytes(32, 2))));
      }),
      illegal)
      << "a ticket";
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.set(51, vector16({})); }), illegal) << "no share";
  EXPECT_EQ(
      alertFor([](HelloBuilder& h) { h.set(51, vector16(HelloBuilder::keyShare(0x17, 65))); }),
      illegal)
      << "another group's";
  EXPECT_EQ(alertFor([](HelloBuilder& h) {
              h.set(51,
                    vector16(HelloBuilder::keyShare(0x1d, 32) + HelloBuilder::keyShare(0x17, 65)));
            }),
            illegal)
      << "two shares";
  EXPECT_EQ(alertFor([](HelloBuilder& h) { h.remove(51); }), Alert::missing_extension);
}

TEST_F(HelloGuardTest, ACookieHasToComeBackAndTheSharesStay) {
  await(secondHello(), kHasCookie);
  EXPECT_EQ(judge(secondHello()).alert, Alert::illegal_parameter) << "without the cookie";
  HelloBuilder again = secondHello();
  again.add(44, {0, 1, 9});
  await(secondHello(), kHasCookie);
  EXPECT_EQ(judge(again).alert, 0);
  await(secondHello(), kHasCookie);
  again.set(51, vector16(HelloBuilder::keyShare(0x17, 65)));
  EXPECT_EQ(judge(again).alert, Alert::illegal_parameter) << "no share was asked for";
}

}  // namespace
}  // namespace culvert
