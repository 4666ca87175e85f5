// SPDX-License-Identifier: GPL-3.0-or-later
// ServerHelloGuard: which answers to culvert's own hello are accepted, and the alerts of the others
// (RFC 8446 4.1.3, 4.1.4, 4.2, 5.1 and D.1; RFC 5246 7.4.1.3).
#include "tls/hello/server_hello_guard.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tls/protocol/alert_number.h"
#include "unit/tls/support/hello_builder.h"
#include "unit/tls/support/server_hello_builder.h"

namespace culvert {
namespace {

using Change = std::function<void(ServerHelloBuilder&)>;

const Bytes kCcsRecord = {20, 3, 3, 0, 1, 1};

Bytes handshakeRecord(const Bytes& body) { return Bytes{22, 3, 3} + vector16(body); }

ServerHelloVerdict judge(const ServerHelloBuilder& answer, const HelloBuilder& offer) {
  return judgeServerHello(answer.message(), offer.message());
}

/// A row of the tables below: `alert` is the alert that the changed ServerHello gets; 0: none.
struct Row {
  const char* name;
  int alert;
  Change change;
};

void expectRows(std::initializer_list<Row> rows, const ServerHelloBuilder& sound,
                const HelloBuilder& offer) {
  for (const Row& row : rows) {
    ServerHelloBuilder answer = sound;
    row.change(answer);
    const ServerHelloVerdict verdict = judge(answer, offer);
    EXPECT_EQ(int{verdict.alert}, row.alert) << row.name << ": " << verdict.reason;
    EXPECT_EQ(verdict.reason.empty(), row.alert == 0) << row.name;
  }
}

// --- one message

TEST(JudgeServerHello, SaysWhatTheServerChose) {
  const auto modern = judge(ServerHelloBuilder::tls13(), clientOffer());
  EXPECT_EQ(modern.reason, "");
  EXPECT_TRUE(modern.tls13);
  EXPECT_FALSE(modern.retry);
  EXPECT_EQ(modern.suite, 0x1301);
  const auto older = judge(ServerHelloBuilder::tls12(), clientOffer());
  EXPECT_EQ(older.reason, "");
  EXPECT_FALSE(older.tls13);
  EXPECT_FALSE(older.retry);
  EXPECT_EQ(older.suite, 0xc02f);
  const auto retry = judge(ServerHelloBuilder::retry(), clientOffer());
  EXPECT_EQ(retry.reason, "");
  EXPECT_TRUE(retry.tls13);
  EXPECT_TRUE(retry.retry);
}

TEST(JudgeServerHello, OfTls13) {
  expectRows(
      {
          {"a ticket was accepted", 0,
           [](auto& m) {
             m.add(41, {0, 0});
           }},
          {"unasked", Alert::unsupported_extension, [](auto& m) { m.add(99, {}); }},
          {"unasked cookie", Alert::unsupported_extension,
           [](auto& m) {
             m.add(44, {0, 1, 9});
           }},
          {"twice", Alert::illegal_parameter,
           [](auto& m) {
             m.add(43, {3, 4});
           }},
          {"of EncryptedExtensions", Alert::illegal_parameter,
           [](auto& m) { m.add(16, HelloBuilder::alpn({"h2"})); }},
          {"server_name", Alert::illegal_parameter, [](auto& m) { m.add(0, {}); }},
          {"renegotiation_info", Alert::illegal_parameter, [](auto& m) { m.add(0xff01, {0}); }},
          {"suite not offered", Alert::illegal_parameter, [](auto& m) { m.suite = 0x1304; }},
          {"suite of TLS 1.2", Alert::illegal_parameter, [](auto& m) { m.suite = 0xc02f; }},
          {"suite is a signal", Alert::illegal_parameter, [](auto& m) { m.suite = 0x00ff; }},
          {"compression", Alert::illegal_parameter, [](auto& m) { m.compression = 1; }},
          {"legacy_version 3.4", Alert::illegal_parameter, [](auto& m) { m.version = 0x0304; }},
          {"legacy_version 3.1", Alert::illegal_parameter, [](auto& m) { m.version = 0x0301; }},
          {"version TLS 1.2", Alert::illegal_parameter,
           [](auto& m) {
             m.set(43, {3, 3});
           }},
          {"version unknown", Alert::illegal_parameter,
           [](auto& m) {
             m.set(43, {3, 5});
           }},
          {"version zero", Alert::illegal_parameter,
           [](auto& m) {
             m.set(43, {0, 0});
           }},
          {"version too short", Alert::decode_error, [](auto& m) { m.set(43, {3}); }},
          {"version empty", Alert::decode_error, [](auto& m) { m.set(43, {}); }},
          {"version too long", Alert::decode_error,
           [](auto& m) {
             m.set(43, {3, 4, 0});
           }},
          {"no session id", Alert::illegal_parameter, [](auto& m) { m.sessionId = {}; }},
          {"session id cut", Alert::illegal_parameter, [](auto& m) { m.sessionId.pop_back(); }},
          {"other session id", Alert::illegal_parameter, [](auto& m) { m.sessionId[31] ^= 1; }},
          {"session id of 33 bytes", Alert::decode_error,
           [](auto& m) { m.sessionId = Bytes(33, 7); }},
          {"downgrade mark", 0, [](auto& m) { m.markDowngrade(1); }},
          {"bytes behind the extensions", Alert::decode_error, [](auto& m) { m.tail = {0}; }},
          {"no list of extensions", Alert::protocol_version,
           [](auto& m) {
             m.withExtensions = false;
             m.version = 0x0304;
           }},
      },
      ServerHelloBuilder::tls13(), clientOffer());
}

TEST(JudgeServerHello, OfTls12) {
  expectRows(
      {
          {"without extensions", 0, [](auto& m) { m.withExtensions = false; }},
          {"other session id", 0, [](auto& m) { m.sessionId = Bytes(32, 9); }},
          {"no session id", 0, [](auto& m) { m.sessionId = {}; }},
          {"alpn", 0, [](auto& m) { m.add(16, HelloBuilder::alpn({"h2"})); }},
          {"session_ticket", 0, [](auto& m) { m.add(35, {}); }},
          {"unasked", Alert::unsupported_extension, [](auto& m) { m.add(5, {}); }},
          {"twice", Alert::illegal_parameter, [](auto& m) { m.add(23, {}).add(23, {}); }},
          {"suite not offered", Alert::illegal_parameter, [](auto& m) { m.suite = 0xc030; }},
          {"suite of TLS 1.3", Alert::illegal_parameter, [](auto& m) { m.suite = 0x1301; }},
          {"suite is a signal", Alert::illegal_parameter, [](auto& m) { m.suite = 0x00ff; }},
          {"compression", Alert::illegal_parameter, [](auto& m) { m.compression = 64; }},
          {"TLS 1.1", Alert::protocol_version, [](auto& m) { m.version = 0x0302; }},
          {"SSL 3.0", Alert::protocol_version, [](auto& m) { m.version = 0x0300; }},
          {"3.4 without the extension", Alert::protocol_version,
           [](auto& m) { m.version = 0x0304; }},
          {"downgrade mark", Alert::illegal_parameter, [](auto& m) { m.markDowngrade(1); }},
          {"mark of older versions", Alert::illegal_parameter, [](auto& m) { m.markDowngrade(0); }},
          {"no mark", 0, [](auto& m) { m.markDowngrade(2); }},
      },
      ServerHelloBuilder::tls12(), clientOffer());
}

TEST(JudgeServerHello, HelloRetryRequest) {
  expectRows(
      {
          {"cookie", 0,
           [](auto& m) {
             m.add(44, {0, 1, 9});
           }},
          {"cookie alone", 0,
           [](auto& m) {
             m.remove(51).add(44, {0, 1, 9});
           }},
          {"no change", Alert::illegal_parameter, [](auto& m) { m.remove(51); }},
          {"ticket", Alert::illegal_parameter,
           [](auto& m) {
             m.add(41, {0, 0});
           }},
          {"unasked", Alert::unsupported_extension, [](auto& m) { m.add(99, {}); }},
          {"twice", Alert::illegal_parameter,
           [](auto& m) {
             m.add(51, {0, 0x18});
           }},
          {"no version", Alert::missing_extension, [](auto& m) { m.remove(43); }},
          {"version TLS 1.2", Alert::illegal_parameter,
           [](auto& m) {
             m.set(43, {3, 3});
           }},
          {"no session id", Alert::illegal_parameter, [](auto& m) { m.sessionId = {}; }},
          {"suite of TLS 1.2", Alert::illegal_parameter, [](auto& m) { m.suite = 0xc02f; }},
      },
      ServerHelloBuilder::retry(), clientOffer());
}

TEST(JudgeServerHello, ToAHelloOfTls12Only) {
  HelloBuilder offer = HelloBuilder::tls12();
  offer.suites = numbers({0xc02f, 0x00ff});
  expectRows(
      {
          {"sound", 0, [](auto&) {}},
          {"mark: TLS 1.3 was not offered", 0, [](auto& m) { m.markDowngrade(1); }},
          {"renegotiation_info, asked by the signal", 0, [](auto& m) { m.set(0xff01, {0}); }},
          {"TLS 1.3", Alert::unsupported_extension,
           [](auto& m) {
             m.add(43, {3, 4});
           }},
          {"ticket", Alert::unsupported_extension, [](auto& m) { m.add(35, {}); }},
      },
      ServerHelloBuilder::tls12(), offer);
  offer.suites = numbers({0xc02f});
  expectRows(
      {{"renegotiation_info", Alert::unsupported_extension, [](auto& m) { m.set(0xff01, {0}); }}},
      ServerHelloBuilder::tls12(), offer);
  offer.withExtensions = false;
  expectRows({{"extensions were not offered", Alert::unsupported_extension,
               [](auto& m) {
                 m.set(11, {1, 0});
               }},
              {"none", 0, [](auto& m) { m.withExtensions = false; }}},
             ServerHelloBuilder::tls12(), offer);
}

TEST(JudgeServerHello, ToAHelloOfTls13Only) {
  HelloBuilder offer = clientOffer();
  offer.set(43, vector8(numbers({0x0304})));
  EXPECT_EQ(judge(ServerHelloBuilder::tls13(), offer).reason, "");
  EXPECT_EQ(judge(ServerHelloBuilder::tls12(), offer).alert, Alert::protocol_version);
  offer.set(43, vector8(numbers({0x0303})));
  EXPECT_EQ(judge(ServerHelloBuilder::tls13(), offer).alert, Alert::illegal_parameter);
}

/// A message whose length is right and whose contents end early, at every byte.
TEST(JudgeServerHello, IsNeverAcceptedIfItIsCut) {
  for (const auto& sound :
       {ServerHelloBuilder::tls13(), ServerHelloBuilder::tls12(), ServerHelloBuilder::retry()}) {
    const Bytes whole = sound.message();
    const Bytes offer = clientOffer().message();
    const size_t bare = 4 + 2 + 32 + 1 + sound.sessionId.size() + 3;
    for (size_t size = 0; size < whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<long>(size));
      const ServerHelloVerdict verdict = judgeServerHello(cut, offer);
      // TLS 1.2 allows a ServerHello without a list of extensions.
      const bool old = size == bare && sound.version == 0x0303 && sound.suite == 0xc02f;
      EXPECT_EQ(verdict.reason.empty(), old) << "cut at " << size;
      if (size == bare) continue;
      EXPECT_EQ(int{verdict.alert}, int{Alert::decode_error}) << size;
    }
  }
}

/// Each length field of the extensions, one too small and one too large.
TEST(JudgeServerHello, IsNeverAcceptedWithAWrongLength) {
  const Bytes whole = ServerHelloBuilder::tls13().message();
  const Bytes offer = clientOffer().message();
  const size_t list = 4 + 2 + 32 + 33 + 3;
  // The list, supported_versions and key_share: the position of the low byte of each length.
  for (const size_t at : {list + 1, list + 5, list + 11}) {
    for (const int change : {-1, 1, 100}) {
      Bytes bent = whole;
      bent[at] = static_cast<uint8_t>(bent[at] + change);
      EXPECT_FALSE(judgeServerHello(bent, offer).reason.empty()) << at << " by " << change;
    }
  }
  for (const int change : {-1, 1}) {  // the length of the session id
    Bytes bent = whole;
    bent[4 + 2 + 32] = static_cast<uint8_t>(bent[4 + 2 + 32] + change);
    EXPECT_FALSE(judgeServerHello(bent, offer).reason.empty()) << change;
  }
}

// --- the records

class ServerHelloGuardTest : public ::testing::Test {
 protected:
  void SetUp() override { offer(clientOffer()); }
  void offer(const HelloBuilder& hello, size_t fragment = 16384) {
    guard_ = ServerHelloGuard();
    guard_.offered(hello.records(fragment));
  }
  /// Passes whole records until one of them is not kPass. Then the verdict is that one.
  RecordVerdict feed(const Bytes& records) {
    std::span<const uint8_t> rest = records;
    RecordVerdict verdict{RecordVerdict::kMore};
    while (!rest.empty()) {
      verdict = guard_.inspect(rest);
      if (verdict.kind != RecordVerdict::kPass) return verdict;
      const size_t size = 5u + rest[3] * 256u + rest[4];
      rest = rest.subspan(std::min(rest.size(), size));
    }
    return verdict;
  }
  void expectRefused(const Bytes& records, int alert, const char* reason) {
    const RecordVerdict verdict = feed(records);
    EXPECT_EQ(verdict.kind, RecordVerdict::kRefuse) << reason;
    EXPECT_EQ(int{verdict.alert}, alert) << reason;
    EXPECT_EQ(verdict.reason, reason);
    EXPECT_FALSE(guard_.answered());
  }

  ServerHelloGuard guard_;
  const Bytes hello13_ = handshakeRecord(ServerHelloBuilder::tls13().message());
  const Bytes hello12_ = handshakeRecord(ServerHelloBuilder::tls12().message());
  const Bytes retry_ = handshakeRecord(ServerHelloBuilder::retry().message());
};

TEST_F(ServerHelloGuardTest, AcceptsAServerHello) {
  for (const Bytes& hello : {hello13_, hello12_}) {
    offer(clientOffer());
    EXPECT_FALSE(guard_.answered());
    EXPECT_EQ(feed(hello).kind, RecordVerdict::kPass);
    EXPECT_TRUE(guard_.answered());
    EXPECT_EQ(guard_.inspect({}).kind, RecordVerdict::kPass) << "all that follows passes";
    EXPECT_EQ(guard_.inspect(Bytes{99}).kind, RecordVerdict::kPass);
  }
}

TEST_F(ServerHelloGuardTest, KnowsAHelloInManyRecords) {
  offer(clientOffer(), 7);
  ServerHelloBuilder unasked = ServerHelloBuilder::tls13();
  unasked.add(99, {});
  expectRefused(handshakeRecord(unasked.message()), Alert::unsupported_extension,
                "the ServerHello has an extension that was not offered");
  offer(clientOffer(), 7);
  EXPECT_EQ(feed(hello13_).kind, RecordVerdict::kPass);
  EXPECT_TRUE(guard_.answered());
}

TEST_F(ServerHelloGuardTest, WaitsForAWholeRecord) {
  for (size_t size = 0; size < hello13_.size(); ++size) {
    const std::span<const uint8_t> part(hello13_.data(), size);
    ASSERT_EQ(guard_.inspect(part).kind, RecordVerdict::kMore) << size;
    ASSERT_FALSE(guard_.answered());
  }
  EXPECT_EQ(guard_.inspect(hello13_).kind, RecordVerdict::kPass);
  EXPECT_TRUE(guard_.answered());
}

TEST_F(ServerHelloGuardTest, GathersAServerHelloOverRecords) {
  for (const size_t fragment : {1, 3, 50, 81}) {
    offer(clientOffer());
    EXPECT_EQ(feed(HelloBuilder::split(ServerHelloBuilder::tls13().message(), fragment)).kind,
              RecordVerdict::kPass);
    EXPECT_TRUE(guard_.answered()) << fragment;
    offer(clientOffer());
    ServerHelloBuilder bad = ServerHelloBuilder::tls13();
    bad.sessionId = {};
    expectRefused(HelloBuilder::split(bad.message(), fragment), Alert::illegal_parameter,
                  "the ServerHello does not echo the session id");
  }
}

TEST_F(ServerHelloGuardTest, MessagesOfTls12MayFollowInTheRecord) {
  const Bytes certificate = {11, 0, 0, 3, 0, 0, 0};
  EXPECT_EQ(feed(handshakeRecord(ServerHelloBuilder::tls12().message() + certificate)).kind,
            RecordVerdict::kPass);
  EXPECT_TRUE(guard_.answered());
  // In TLS 1.3 the next message is encrypted.
  offer(clientOffer());
  expectRefused(handshakeRecord(ServerHelloBuilder::tls13().message() + Bytes{8, 0, 0, 2, 0, 0}),
                Alert::unexpected_message, "a message follows the ServerHello in its record");
}

TEST_F(ServerHelloGuardTest, AcceptsOneRetry) {
  EXPECT_EQ(feed(retry_).kind, RecordVerdict::kPass);
  EXPECT_FALSE(guard_.answered());
  EXPECT_EQ(feed(kCcsRecord).kind, RecordVerdict::kPass) << "RFC 8446 D.4";
  EXPECT_EQ(feed(hello13_).kind, RecordVerdict::kPass);
  EXPECT_TRUE(guard_.answered());
}

TEST_F(ServerHelloGuardTest, RefusesASecondRetry) {
  expectRefused(retry_ + retry_, Alert::unexpected_message, "a second HelloRetryRequest");
}

TEST_F(ServerHelloGuardTest, RefusesAMessageBehindARetry) {
  expectRefused(handshakeRecord(ServerHelloBuilder::retry().message() + Bytes{2}),
                Alert::unexpected_message, "a message follows the HelloRetryRequest");
}

TEST_F(ServerHelloGuardTest, TheServerHelloAgreesWithTheRetry) {
  const char* other = "the ServerHello has another version or suite than the HelloRetryRequest";
  expectRefused(retry_ + hello12_, Alert::illegal_parameter, other);
  offer(clientOffer());
  ServerHelloBuilder suite = ServerHelloBuilder::tls13();
  suite.suite = 0x1302;
  expectRefused(retry_ + handshakeRecord(suite.message()), Alert::illegal_parameter, other);
}

TEST_F(ServerHelloGuardTest, RefusesAnotherFirstMessage) {
  const char* reason = "the first message of the backend is not a ServerHello";
  for (const int type : {0, 1, 4, 8, 11, 20, 255}) {
    offer(clientOffer());
    expectRefused(handshakeRecord({static_cast<uint8_t>(type)}), Alert::unexpected_message, reason);
  }
}

TEST_F(ServerHelloGuardTest, RefusesWhatIsNotTls) {
  const char* reason = "the backend does not answer with TLS";
  for (const char first : {'2', '+', 'H', '\0', '\xff', '\x80', '\x17', '\x18'}) {
    offer(clientOffer());
    expectRefused({static_cast<uint8_t>(first)}, Alert::unexpected_message, reason);
  }
  offer(clientOffer());
  expectRefused({22, 2, 0, 0, 9}, Alert::protocol_version, reason);
  offer(clientOffer());
  expectRefused({21, 0x20, 0x20, 0, 2}, Alert::protocol_version, reason);
}

TEST_F(ServerHelloGuardTest, RefusesARecordThatIsTooLong) {
  EXPECT_EQ(guard_.inspect(Bytes{22, 3, 3, 0x40, 0}).kind, RecordVerdict::kMore);
  for (const int type : {21, 22}) {
    offer(clientOffer());
    expectRefused({static_cast<uint8_t>(type), 3, 3, 0x40, 1}, Alert::record_overflow,
                  "a record is longer than 2^14 bytes");
  }
}

TEST_F(ServerHelloGuardTest, RefusesAMessageThatIsTooLong) {
  EXPECT_EQ(feed(handshakeRecord({2, 0, 0x1f, 0xfc})).kind, RecordVerdict::kPass);
  offer(clientOffer());
  expectRefused(handshakeRecord({2, 0, 0x1f, 0xfd}), Alert::decode_error,
                "the ServerHello is too long");
  offer(clientOffer());
  expectRefused(handshakeRecord({2, 0xff}) + handshakeRecord({0xff, 0xff}), Alert::decode_error,
                "the ServerHello is too long");
}

TEST_F(ServerHelloGuardTest, RefusesAnEmptyHandshakeRecord) {
  expectRefused(handshakeRecord({}), Alert::unexpected_message, "an empty handshake record");
  offer(clientOffer());
  expectRefused(HelloBuilder::split({2, 0, 0}, 1) + handshakeRecord({}), Alert::unexpected_message,
                "an empty handshake record");
}

TEST_F(ServerHelloGuardTest, PassesAlerts) {
  EXPECT_EQ(guard_.inspect(Bytes{21, 3, 3, 0, 2, 2}).kind, RecordVerdict::kMore);
  EXPECT_EQ(feed({21, 3, 3, 0, 2, 2, 40}).kind, RecordVerdict::kPass);
  EXPECT_FALSE(guard_.answered());
  EXPECT_EQ(feed(retry_).kind, RecordVerdict::kPass);
  EXPECT_EQ(feed({21, 3, 3, 0, 2, 2, 47}).kind, RecordVerdict::kPass);
  EXPECT_FALSE(guard_.answered());
}

TEST_F(ServerHelloGuardTest, ChangeCipherSpecComesOnlyBehindARetry) {
  const char* reason = "the backend does not answer with TLS";
  expectRefused(kCcsRecord, Alert::unexpected_message, reason);
  offer(clientOffer());
  // Not between the records of one message (RFC 8446 5.1).
  const Bytes hello = ServerHelloBuilder::tls13().message();
  const Bytes start = handshakeRecord(Bytes(hello.begin(), hello.begin() + 20));
  expectRefused(start + kCcsRecord, Alert::unexpected_message, reason);
  offer(clientOffer());
  EXPECT_EQ(feed(retry_ + kCcsRecord + start).kind, RecordVerdict::kPass);
  expectRefused(kCcsRecord, Alert::unexpected_message, reason);
}

TEST_F(ServerHelloGuardTest, ARefusedServerHelloIsNotAnAnswer) {
  ServerHelloBuilder mark = ServerHelloBuilder::tls12();
  mark.markDowngrade(1);
  expectRefused(handshakeRecord(mark.message()), Alert::illegal_parameter,
                "the server knows TLS 1.3, so somebody on the path has forced TLS 1.2");
}

}  // namespace
}  // namespace culvert
