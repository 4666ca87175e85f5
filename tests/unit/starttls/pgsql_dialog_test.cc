// SPDX-License-Identifier: GPL-3.0-or-later
// The SSLRequest of PostgreSQL, as server and as client. The messages of psql and of the backend are
// those of PostgreSQL 15.
#include "starttls/pgsql_dialog.h"

#include <algorithm>

#include "message_run.h"

namespace culvert {
namespace {

using namespace testing_messages;

const std::string kPgSsl = lit("\x00\x00\x00\x08\x04\xd2\x16\x2f");
const std::string kPgGss = lit("\x00\x00\x00\x08\x04\xd2\x16\x30");
const std::string kPgCancel =
    lit("\x00\x00\x00\x10\x04\xd2\x16\x2e\x00\x00\x12\x34\xde\xad\xbe\xef");
const std::string kPgStartup =
    lit("\x00\x00\x00\x38\x00\x03\x00\x00user\0alice\0database\0shop\0application_name\0psql\0\0");
const std::string kPgSaslPlus =
    lit("R\x00\x00\x00\x2a\x00\x00\x00\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0");
const std::string kPgSasl = lit("R\x00\x00\x00\x17\x00\x00\x00\x0aSCRAM-SHA-256\0\0");
const std::string kPgNegotiate = lit("v\x00\x00\x00\x13\x00\x03\x00\x00\x00\x00\x00\x01_pq_.x\0");
/// A message with a type and its length.
std::string pgMessage(char type, const std::string& body) {
  return type + lit("\x00\x00\x00") + char(4 + body.size()) + body;
}
std::string pgFatal(const std::string& state, const std::string& text) {
  std::string body = "SFATAL|VFATAL|C" + state + "|M" + text + "||";
  std::ranges::replace(body, '|', '\0');
  return pgMessage('E', body);
}
const std::string kPgNoPlain = pgFatal("28000", "connection requires TLS: set sslmode=require");
const std::string kPgInvalid = pgFatal("08P01", "invalid startup packet");

TEST(PgsqlServer, StartsTls) {
  expectMessages(makePgsqlServer,
                 {fromPeer(kPgSsl, "S"), onSecure(), fromPeer(kPgSsl, "", kPgSsl),
                  fromPeer(kPgStartup, "", kPgStartup), fromFar(kPgSasl, kPgSasl)},
                 {RunState::kPassing});
  expectMessages(makePgsqlServer, {fromPeer(kPgGss, "N"), fromPeer(kPgSsl, "S")}, {RunState::kTls});
  expectMessages(makePgsqlServer, {fromPeer(kPgGss + kPgSsl, "NS")}, {RunState::kTls});
}

TEST(PgsqlServer, TakesTlsWithoutSslRequest) {
  expectMessages(makePgsqlServer, {fromPeer(lit("\x16\x03\x01"))}, {RunState::kDirect});
  expectMessages(makePgsqlServer, {fromPeer(kPgGss, "N"), fromPeer(lit("\x16"), kPgInvalid)},
                 failedWith(DialogFault::kSyntax));
}

TEST(PgsqlServer, PassesACancelRequest) {
  expectMessages(makePgsqlServer, {fromPeer(kPgCancel, "", kPgCancel)}, {RunState::kPassing});
  // Version 3.2 of the protocol has keys of up to 256 bytes.
  const std::string longest =
      lit("\x00\x00\x01\x0c\x04\xd2\x16\x2e\x00\x00\x12\x34") + std::string(256, 'k');
  expectMessages(makePgsqlServer, {fromPeer(longest, "", longest)}, {RunState::kPassing});
  const std::string error = pgFatal("08P01", "invalid cancel request");
  expectWhole(makePgsqlServer, {fromPeer(kPgCancel + "Q", error)},
              failedWith(DialogFault::kSyntax));
}

TEST(PgsqlServer, RefusesALoginWithoutTls) {
  expectMessages(makePgsqlServer, {fromPeer(kPgStartup, kPgNoPlain)},
                 failedWith(DialogFault::kPlaintext));
  expectMessages(makePgsqlServer, {fromPeer(kPgGss, "N"), fromPeer(kPgStartup, kPgNoPlain)},
                 failedWith(DialogFault::kPlaintext));
}

TEST(PgsqlServer, RefusesEarlyData) {
  const auto early = failedWith(DialogFault::kEarlyData, "behind its SSLRequest");
  expectWhole(makePgsqlServer, {fromPeer(kPgSsl + kPgStartup)}, early);
  expectWhole(makePgsqlServer, {fromPeer(kPgSsl + "\x16")}, early);
  expectWhole(makePgsqlServer, {fromPeer(kPgSsl.substr(0, 5)), fromPeer(kPgSsl.substr(5) + "x")},
              early);
}

TEST(PgsqlServer, RefusesOtherPackets) {
  for (const std::string& bytes :
       {lit("HELO x\r\n"), lit("\x00\x00\x00\x07"), lit("\x00\x00\x27\x11"),
        lit("\x00\x01\x00\x00"), lit("\x00\x00\x00\x09\x04\xd2\x16\x2f"),
        lit("\x00\x00\x00\x09\x04\xd2\x16\x30"), lit("\x00\x00\x00\x0f\x04\xd2\x16\x2e"),
        lit("\x00\x00\x01\x0d\x04\xd2\x16\x2e"), lit("\x00\x00\x00\x09\x00\x02\x00\x00"),
        lit("\x00\x00\x00\x09\x04\xd2\x16\x31")})
    expectMessages(makePgsqlServer, {fromPeer(bytes, kPgInvalid)},
                   failedWith(DialogFault::kSyntax));
  expectMessages(makePgsqlServer,
                 {fromPeer(kPgGss + kPgGss + kPgGss + kPgGss, "NNNN"),
                  fromPeer(kPgGss, pgFatal("08P01", "too many requests for encryption"))},
                 failedWith(DialogFault::kTooMany));
}

TEST(PgsqlClient, StartsTlsAndDropsChannelBinding) {
  expectMessages(makePgsqlClient,
                 {atBegin(kPgSsl), fromPeer("S"), onSecure(), fromFar(kPgStartup, kPgStartup),
                  fromPeer(kPgSaslPlus, "", kPgSasl), fromFar("p", "p"), fromPeer("R", "", "R")},
                 {RunState::kPassing});
}

TEST(PgsqlClient, DeclinesEncryptionInsideTheTunnel) {
  expectMessages(
      makePgsqlClient,
      {atBegin(kPgSsl), fromFar(kPgGss), fromPeer("S"), onSecure("", "N"), fromFar(kPgSsl, "", "N"),
       fromFar(kPgStartup, kPgStartup), fromPeer(kPgSasl, "", kPgSasl)},
      {RunState::kPassing});
  expectMessages(makePgsqlClient,
                 {atBegin(kPgSsl), fromPeer("S"), onSecure(), fromFar(kPgSsl + kPgSsl, "", "NN"),
                  fromFar(kPgSsl + kPgSsl + kPgSsl, "", "NN")},
                 failedWith(DialogFault::kTooMany));
}

TEST(PgsqlClient, PassesOtherFirstMessages) {
  const std::string md5 = lit("R\x00\x00\x00\x0c\x00\x00\x00\x05salt");
  const std::string error = lit("E\x00\x00\x00\x0cSFATAL\0\0");
  for (const std::string& first : {md5, error, lit("R\x00\x00\x00\x08\x00\x00\x00\x00")})
    expectMessages(makePgsqlClient,
                   {atBegin(kPgSsl), fromPeer("S"), onSecure(), fromFar(kPgStartup, kPgStartup),
                    fromPeer(first + "more", "", first + "more")},
                   {RunState::kPassing});
  // The version is negotiated before the login.
  expectMessages(makePgsqlClient,
                 {atBegin(kPgSsl), fromPeer("S"), onSecure(), fromFar(kPgStartup, kPgStartup),
                  fromPeer(kPgNegotiate + kPgSaslPlus, "", kPgNegotiate + kPgSasl)},
                 {RunState::kPassing});
}

TEST(PgsqlClient, PassesACancelRequest) {
  expectMessages(makePgsqlClient,
                 {atBegin(kPgSsl), fromPeer("S"), onSecure(), fromFar(kPgCancel, kPgCancel)},
                 {RunState::kPassing});
  expectMessages(makePgsqlClient,
                 {atBegin(kPgSsl), fromPeer("S"), onSecure(), fromFar(kPgSsl, "", "N"),
                  fromFar(kPgCancel, kPgCancel)},
                 {RunState::kPassing});
}

TEST(PgsqlClient, KeepsTheOrderOfItsOwnAnswers) {
  expectMessages(makePgsqlClient,
                 {atBegin(kPgSsl), fromPeer("S"), onSecure(), fromPeer("E early"),
                  fromFar(kPgSsl, "", "N"), fromFar(kPgStartup, kPgStartup, "E early")},
                 {RunState::kPassing});
}

TEST(PgsqlClient, ReportsRefusals) {
  expectMessages(makePgsqlClient, {atBegin(kPgSsl), fromPeer("N")},
                 failedWith(DialogFault::kRefused, "does not offer TLS"));
  expectMessages(makePgsqlClient,
                 {atBegin(kPgSsl), fromPeer(pgFatal("53300", "too many\nclients"))},
                 failedWith(DialogFault::kRefused, "too many?clients"));
  expectMessages(makePgsqlClient,
                 {atBegin(kPgSsl), fromPeer(lit("ECould not fork new process\n\0"))},
                 failedWith(DialogFault::kRefused, "Could not fork new process?"));
}

TEST(PgsqlClient, RefusesOtherBytes) {
  const auto fails = [](const std::string& bytes, DialogFault fault) {
    expectMessages(makePgsqlClient, {atBegin(kPgSsl), fromPeer(bytes)}, failedWith(fault));
  };
  fails("220 hello\r\n", DialogFault::kSyntax);
  fails(lit("E\x00\x00\x00\x03"), DialogFault::kSyntax);
  fails(lit("E\x00\x00\x40\x00"), DialogFault::kTooLong);
  fails("E" + std::string(Dialog::kLongestLine, 'x'), DialogFault::kTooLong);
  expectWhole(makePgsqlClient, {atBegin(kPgSsl), fromPeer("SE")},
              failedWith(DialogFault::kEarlyData));
  expectWhole(makePgsqlClient, {atBegin(kPgSsl), fromPeer("S\x15")},
              failedWith(DialogFault::kEarlyData));
  const auto secure = [](const std::string& bytes, DialogFault fault) {
    expectMessages(makePgsqlClient,
                   {atBegin(kPgSsl), fromPeer("S"), onSecure(), fromFar(kPgStartup, kPgStartup),
                    fromPeer(bytes)},
                   failedWith(fault));
  };
  secure(lit("R\x00\x00\x00\x03"), DialogFault::kSyntax);
  secure(lit("R\x00\x00\x40\x00\x00\x00\x00\x0a"), DialogFault::kTooLong);
  secure(lit("N\x00\x00\x40\x00"), DialogFault::kTooLong);
  expectMessages(makePgsqlClient, {atBegin(kPgSsl), fromPeer("S"), onSecure(), fromFar("\x16")},
                 failedWith(DialogFault::kSyntax, "invalid startup packet"));
  std::string notices;
  for (unsigned i = 0; i < Dialog::kMostCommands; ++i) notices += kPgNegotiate;
  expectMessages(makePgsqlClient,
                 {atBegin(kPgSsl), fromPeer("S"), onSecure(), fromFar(kPgStartup, kPgStartup),
                  fromPeer(notices, "", notices), fromPeer(kPgNegotiate)},
                 failedWith(DialogFault::kTooMany));
}

TEST(PgsqlPair, ComposesServerAndClient) {
  MessagePair pair(makePgsqlServer(), makePgsqlClient());
  EXPECT_EQ(pair.takeBackend(), kPgSsl);
  pair.fromClient(kPgSsl);
  EXPECT_EQ(pair.takeClient(), "S");
  pair.secureClient();
  pair.fromClient(kPgStartup);
  pair.fromBackend("S");
  EXPECT_EQ(pair.takeBackend(), "");
  pair.secureBackend();
  EXPECT_EQ(pair.takeBackend(), kPgStartup);
  pair.fromBackend(kPgSaslPlus);
  EXPECT_EQ(pair.takeClient(), kPgSasl);
  pair.fromClient("p");
  EXPECT_EQ(pair.takeBackend(), "p");
}

TEST(PgsqlPair, PassesACancelRequest) {
  MessagePair pair(makePgsqlServer(), makePgsqlClient());
  EXPECT_EQ(pair.takeBackend(), kPgSsl);
  pair.fromClient(kPgCancel);
  pair.fromBackend("S");
  pair.secureBackend();
  EXPECT_EQ(pair.takeBackend(), kPgCancel);
  EXPECT_EQ(pair.client().state(), RunState::kPassing);
}

}  // namespace
}  // namespace culvert
