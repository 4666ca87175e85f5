// SPDX-License-Identifier: GPL-3.0-or-later
// The SSLRequest of MySQL and MariaDB, as server and as client. Greetings and responses are those of
// the examples in "MySQL Internals".
#include "starttls/mysql_dialog.h"

#include "message_run.h"
#include "starttls/mysql_packets.h"

namespace culvert {
namespace {

using namespace testing_messages;

std::string myPacket(char sequence, const std::string& payload) {
  return mysqlHead(payload.size(), static_cast<uint8_t>(sequence)) + payload;
}

/// MySQL 5.6. The two bytes are the low capability flags.
std::string myGreeting(const std::string& flags) {
  return myPacket(0, lit("\x0a"
                         "5.6.4-m7-log\0\x56\x0a\x00\x00RB3vz&Gr\x00") +
                         flags +
                         lit("\x08\x02\x00\x0f\xc0\x15\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
                             "+yD&/ZZ305ZG\0mysql_native_password\0"));
}
const std::string kMyGreetingPlain = myGreeting("\xff\xf7");
const std::string kMyGreetingSsl = myGreeting("\xff\xff");

std::string myFixed(const std::string& flags) {
  return flags + lit("\x0f\x00\x00\x00\x00\x01\x08") + std::string(23, '\0');
}
std::string myResponse(char sequence, const std::string& flags) {
  return myPacket(sequence,
                  myFixed(flags) + lit("pam\0\x14\xab\x09\xee\xf6\xbc\xb1\x32>a\x14\x38\x65\xc0\x99"
                                       "\x1d\x95}u\xd4Gtest\0mysql_native_password\0"));
}
const std::string kPlainFlags = "\x8d\xa6", kSslFlags = "\x8d\xae";
const std::string kMySslRequest = myPacket(1, myFixed(kSslFlags));

std::string myOk(char sequence) { return myPacket(sequence, lit("\0\0\0\x02\0\0\0")); }
std::string myDenied(char sequence) {
  return myPacket(sequence, lit("\xff\x15\x04#28000Access denied"));
}
std::string mySwitch(char sequence) {
  return myPacket(sequence,
                  lit("\xfe") + "mysql_native_password" + lit("\0") + "01234567890123456789");
}
const std::string kMyNeedsTls =
    myPacket(2, lit("\xff\x57\x0c#HY000Connections using insecure transport are prohibited: set "
                    "ssl-mode=REQUIRED"));
std::string myBadHandshake(char sequence) {
  return myPacket(sequence, lit("\xff\x13\x04#08S01Bad handshake"));
}
const std::string kMyErrGreeting = myPacket(0, lit("\xff\x10\x04Too many connections"));
const std::string kMyQuery = myPacket(0, lit("\x03select 1"));

MessageMoves myServerStart() {
  return {fromFar(kMyGreetingPlain, kMyGreetingSsl), fromPeer(kMySslRequest), onSecure(),
          fromPeer(myResponse(2, kSslFlags), "", myResponse(1, kPlainFlags))};
}
MessageMoves myClientStart() {
  return {fromPeer(kMyGreetingSsl, "", kMyGreetingPlain),
          fromFar(myResponse(1, kPlainFlags), kMySslRequest), onSecure(myResponse(2, kSslFlags))};
}
MessageMoves with(MessageMoves moves, const MessageMoves& more) {
  moves.insert(moves.end(), more.begin(), more.end());
  return moves;
}

TEST(MysqlServer, StartsTlsAndRenumbers) {
  expectMessages(makeMysqlServer,
                 with(myServerStart(), {fromFar(myOk(2), myOk(3)), fromPeer(kMyQuery, "", kMyQuery),
                                        fromFar(myOk(1), myOk(1))}),
                 {RunState::kPassing});
  expectMessages(makeMysqlServer, with(myServerStart(), {fromFar(myDenied(2), myDenied(3))}),
                 {RunState::kPassing});
}

TEST(MysqlServer, RenumbersWholeExchanges) {
  const std::string answer(20, 'a');
  expectMessages(makeMysqlServer,
                 with(myServerStart(),
                      {fromFar(mySwitch(2), mySwitch(3)),
                       fromPeer(myPacket(4, answer), "", myPacket(3, answer)),
                       fromFar(myPacket(4, "\x01\x04"), myPacket(5, "\x01\x04")),
                       fromPeer(myPacket(6, ""), "", myPacket(5, "")),
                       fromFar(myPacket(6, "\x01pem") + myOk(7), myPacket(7, "\x01pem") + myOk(8)),
                       fromPeer(kMyQuery, "", kMyQuery)}),
                 {RunState::kPassing});
}

TEST(MysqlServer, KeepsACommandUntilTheLoginIsDone) {
  expectMessages(makeMysqlServer,
                 with(myServerStart(), {fromPeer(kMyQuery), fromFar(myOk(2), myOk(3), kMyQuery)}),
                 {RunState::kPassing});
}

TEST(MysqlServer, LeavesTheClientHelloToTls) {
  const std::string hello = lit("\x16\x03\x01\x02\x00\x01");
  expectWhole(makeMysqlServer,
              {fromFar(kMyGreetingPlain, kMyGreetingSsl), fromPeer(kMySslRequest + hello),
               onSecure(), fromPeer(myResponse(2, kSslFlags), "", myResponse(1, kPlainFlags))},
              {RunState::kSettling});
  // A client that sends too early waits for the greeting.
  expectMessages(makeMysqlServer,
                 {fromPeer(kMySslRequest), fromFar(kMyGreetingPlain, kMyGreetingSsl)},
                 {RunState::kTls});
}

TEST(MysqlServer, LeavesTheFlagsOfMariaDb) {
  // The reserved bytes of the greeting and the last bytes of the fixed part.
  std::string greeting = kMyGreetingPlain, offered = kMyGreetingSsl;
  greeting.replace(greeting.find('+') - 4, 4, "\x1d\x02\x03\x04");
  offered.replace(offered.find('+') - 4, 4, "\x1d\x02\x03\x04");
  std::string request = kMySslRequest, response = myResponse(2, kSslFlags);
  std::string passed = myResponse(1, kPlainFlags);
  for (std::string* text : {&request, &response, &passed}) text->replace(32, 4, "\x0d\x02\x03\x04");
  expectMessages(
      makeMysqlServer,
      {fromFar(greeting, offered), fromPeer(request), onSecure(), fromPeer(response, "", passed)},
      {RunState::kSettling});
}

TEST(MysqlServer, RefusesALoginWithoutTls) {
  expectMessages(makeMysqlServer,
                 {fromFar(kMyGreetingPlain, kMyGreetingSsl),
                  fromPeer(myResponse(1, kPlainFlags), kMyNeedsTls)},
                 failedWith(DialogFault::kPlaintext));
  // HandshakeResponse320
  expectMessages(makeMysqlServer,
                 {fromFar(kMyGreetingPlain, kMyGreetingSsl),
                  fromPeer(myPacket(1, lit("\x05\x24\xff\xff\xffold\0pass")), kMyNeedsTls)},
                 failedWith(DialogFault::kPlaintext));
}

TEST(MysqlServer, RefusesOtherPackets) {
  const auto fails = [](const std::string& bytes, const std::string& error, DialogFault fault) {
    expectMessages(makeMysqlServer,
                   {fromFar(kMyGreetingPlain, kMyGreetingSsl), fromPeer(bytes, error)},
                   failedWith(fault));
  };
  fails(myResponse(1, kSslFlags), myBadHandshake(2), DialogFault::kSyntax);
  fails(myPacket(0, myFixed(kSslFlags)).substr(0, 4), myBadHandshake(1), DialogFault::kSyntax);
  fails(lit("\x03\x00\x00\x01"), myBadHandshake(2), DialogFault::kSyntax);
  fails(lit("\x00\x40\x00\x01"), myBadHandshake(2), DialogFault::kTooLong);
  fails(lit("\xff\xff\xff\x01"), myBadHandshake(2), DialogFault::kTooLong);
}

TEST(MysqlServer, RefusesAnotherLoginBehindTls) {
  const auto fails = [](const std::string& bytes, DialogFault fault) {
    expectMessages(makeMysqlServer,
                   {fromFar(kMyGreetingPlain, kMyGreetingSsl), fromPeer(kMySslRequest), onSecure(),
                    fromPeer(bytes)},
                   failedWith(fault));
  };
  fails(myResponse(2, kPlainFlags), DialogFault::kSyntax);
  fails(myResponse(1, kSslFlags), DialogFault::kSyntax);
  fails(myPacket(2, myFixed(kSslFlags)).substr(0, 4), DialogFault::kSyntax);
  fails(lit("\x01\x00\x02\x02"), DialogFault::kTooLong);
}

TEST(MysqlServer, EndsWithTheBackendsError) {
  expectMessages(makeMysqlServer, {fromFar(kMyErrGreeting, kMyErrGreeting)}, {RunState::kEnded});
}

TEST(MysqlServer, RefusesOtherGreetings) {
  const auto fails = [](const std::string& bytes, DialogFault fault) {
    expectMessages(makeMysqlServer, {fromFar(bytes)}, failedWith(fault));
    expectMessages(makeMysqlClient, {fromPeer(bytes)}, failedWith(fault));
  };
  fails("220 hello\r\n", DialogFault::kSyntax);
  fails(lit("\x00\x00\x00\x00"), DialogFault::kSyntax);
  fails(lit("\x05\x00\x00\x01"), DialogFault::kSyntax);
  fails(lit("\xfd\x3f\x00\x00"), DialogFault::kTooLong);
  fails(myPacket(0, lit("\x09") + "3.20\0"), DialogFault::kSyntax);
  fails(myPacket(0, "\x0a no end"), DialogFault::kSyntax);
  fails(myPacket(0, kMyGreetingSsl.substr(4, 28)), DialogFault::kSyntax);
}

TEST(MysqlServer, BoundsPacketsBehindTls) {
  expectMessages(makeMysqlServer, with(myServerStart(), {fromFar(lit("\x01\x00\x02\x02"))}),
                 failedWith(DialogFault::kTooLong));
  const std::string large(MysqlRelay::kLongestPacket, 'x');
  playMessages(makeMysqlServer,
               with(myServerStart(), {fromFar(myPacket(2, large), myPacket(3, large))}),
               {RunState::kSettling}, 4096);
}

TEST(MysqlClient, StartsTlsAndRenumbers) {
  expectMessages(makeMysqlClient,
                 with(myClientStart(), {fromPeer(myOk(3), "", myOk(2)), fromFar(kMyQuery, kMyQuery),
                                        fromPeer(myOk(1), "", myOk(1))}),
                 {RunState::kPassing});
  const std::string answer(20, 'a');
  expectMessages(makeMysqlClient,
                 with(myClientStart(), {fromPeer(mySwitch(3), "", mySwitch(2)),
                                        fromFar(myPacket(3, answer), myPacket(4, answer)),
                                        fromPeer(myDenied(5), "", myDenied(4))}),
                 {RunState::kPassing});
}

TEST(MysqlClient, EndsWithTheBackendsError) {
  expectMessages(makeMysqlClient, {fromPeer(kMyErrGreeting, "", kMyErrGreeting)},
                 {RunState::kEnded});
}

TEST(MysqlClient, RefusesABackendWithoutTls) {
  expectMessages(makeMysqlClient, {fromPeer(kMyGreetingPlain)},
                 failedWith(DialogFault::kRefused, "does not offer TLS"));
}

TEST(MysqlClient, RefusesEarlyData) {
  expectWhole(makeMysqlClient, {fromPeer(kMyGreetingSsl + "\x01")},
              failedWith(DialogFault::kEarlyData));
  expectMessages(makeMysqlClient,
                 {fromPeer(kMyGreetingSsl, "", kMyGreetingPlain), fromPeer("\x01")},
                 failedWith(DialogFault::kEarlyData));
}

TEST(MysqlClient, RefusesOtherLogins) {
  const auto fails = [](const std::string& bytes, DialogFault fault) {
    expectMessages(makeMysqlClient,
                   {fromPeer(kMyGreetingSsl, "", kMyGreetingPlain), fromFar(bytes)},
                   failedWith(fault));
  };
  fails(myResponse(1, kSslFlags), DialogFault::kSyntax);
  fails(kMySslRequest, DialogFault::kSyntax);
  fails(myResponse(2, kPlainFlags), DialogFault::kSyntax);
  fails(myResponse(1, lit("\x8d\xa4")), DialogFault::kSyntax);
  fails(myPacket(1, lit("\x05\x24\xff\xff\xffold\0pass")), DialogFault::kSyntax);
  fails(lit("\x01\x00\x02\x01"), DialogFault::kTooLong);
}

TEST(MysqlPair, ComposesServerAndClient) {
  MessagePair pair(makeMysqlServer(), makeMysqlClient());
  pair.fromBackend(kMyGreetingSsl);
  EXPECT_EQ(pair.takeClient(), kMyGreetingSsl);
  pair.fromClient(kMySslRequest);
  pair.secureClient();
  EXPECT_EQ(pair.takeBackend(), "");
  pair.fromClient(myResponse(2, kSslFlags));
  EXPECT_EQ(pair.takeBackend(), kMySslRequest);
  pair.secureBackend();
  EXPECT_EQ(pair.takeBackend(), myResponse(2, kSslFlags));
  pair.fromBackend(mySwitch(3));
  EXPECT_EQ(pair.takeClient(), mySwitch(3));
  pair.fromClient(myPacket(4, "answer"));
  EXPECT_EQ(pair.takeBackend(), myPacket(4, "answer"));
  pair.fromBackend(myOk(5));
  EXPECT_EQ(pair.takeClient(), myOk(5));
  EXPECT_EQ(pair.server().state(), RunState::kPassing);
  EXPECT_EQ(pair.client().state(), RunState::kPassing);
  pair.fromClient(kMyQuery);
  EXPECT_EQ(pair.takeBackend(), kMyQuery);
}

}  // namespace
}  // namespace culvert
