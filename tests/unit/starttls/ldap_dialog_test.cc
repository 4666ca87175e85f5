// SPDX-License-Identifier: GPL-3.0-or-later
// StartTLS of LDAP, as server and as client.
#include "starttls/ldap_dialog.h"

#include "message_run.h"
#include "starttls/ldap_ber.h"

namespace culvert {
namespace {

using namespace testing_messages;

const std::string kOid = "1.3.6.1.4.1.1466.20037";
/// As ldapsearch -ZZ sends it.
const std::string kLdapStart = lit("\x30\x1d\x02\x01\x01\x77\x18\x80\x16") + kOid;
const std::string kLdapSuccess =
    lit("\x30\x24\x02\x01\x01\x78\x1f\x0a\x01\x00\x04\x00\x04\x00\x8a\x16") + kOid;
const std::string kTlsNeeded = "TLS is required: use StartTLS first";

/// A response with this id, tag and code.
std::string refusal(char id, char tag, char code, std::string_view text, std::string name = "") {
  std::string result = lit("\x0a\x01") + code + lit("\x04\x00\x04") + char(text.size());
  result += text;
  if (!name.empty()) result += lit("\x8a") + char(name.size()) + name;
  result = tag + std::string(1, char(result.size())) + result;
  result = lit("\x02\x01") + id + result;
  return lit("\x30") + char(result.size()) + result;
}

std::string disconnection(char code, std::string_view text) {
  return refusal(0, 0x78, code, text, "1.3.6.1.4.1.1466.20036");
}

/// A request with the id 2.
std::string request(char tag, std::string content) {
  content = lit("\x02\x01\x02") + tag + char(content.size()) + content;
  return lit("\x30") + char(content.size()) + content;
}

TEST(LdapServer, StartsTls) {
  expectMessages(makeLdapServer, {fromPeer(kLdapStart, kLdapSuccess)}, {RunState::kTls});
  expectMessages(makeLdapServer,
                 {fromPeer(kLdapStart, kLdapSuccess), onSecure(),
                  fromPeer("\x30 anything", "", "\x30 anything"), fromFar("back", "back")},
                 {RunState::kPassing});
}

TEST(LdapServer, ReadsEveryFormOfALength) {
  const std::string body = lit("\x02\x01\x01\x77\x18\x80\x16") + kOid;
  for (const std::string& head : {lit("\x30\x81\x1d"), lit("\x30\x82\x00\x1d"),
                                  lit("\x30\x83\x00\x00\x1d"), lit("\x30\x84\x00\x00\x00\x1d")})
    expectMessages(makeLdapServer, {fromPeer(head + body, kLdapSuccess)}, {RunState::kTls});
  const std::string id = lit("\x30\x20\x02\x04\x12\x34\x56\x78\x77\x18\x80\x16") + kOid;
  expectMessages(
      makeLdapServer,
      {fromPeer(id, lit("\x30\x27\x02\x04\x12\x34\x56\x78\x78\x1f\x0a\x01\x00\x04\x00\x04\x00"
                        "\x8a\x16") +
                        kOid)},
      {RunState::kTls});
}

TEST(LdapServer, TakesTlsWithoutStartTls) {
  expectMessages(makeLdapServer, {fromPeer(lit("\x16\x03\x01"))}, {RunState::kDirect});
}

TEST(LdapServer, RefusesOtherRequests) {
  struct Row {
    char request, reply;
  };
  for (const Row row : {Row{0x60, 0x61}, Row{0x63, 0x65}, Row{0x66, 0x67}, Row{0x68, 0x69},
                        Row{0x4a, 0x6b}, Row{0x6c, 0x6d}, Row{0x6e, 0x6f}}) {
    expectMessages(makeLdapServer,
                   {fromPeer(request(row.request, "xy"), refusal(2, row.reply, 13, kTlsNeeded)),
                    fromPeer(kLdapStart, kLdapSuccess)},
                   {RunState::kTls});
  }
  // "Who am I?"
  expectMessages(makeLdapServer,
                 {fromPeer(request(0x77, lit("\x80\x17") + "1.3.6.1.4.1.4203.1.11.3"),
                           refusal(2, 0x78, 13, kTlsNeeded))},
                 {RunState::kOpening});
}

TEST(LdapServer, AnswersInOrder) {
  expectMessages(makeLdapServer,
                 {fromPeer(request(0x60, "") + request(0x63, "") + kLdapStart,
                           refusal(2, 0x61, 13, kTlsNeeded) + refusal(2, 0x65, 13, kTlsNeeded) +
                               kLdapSuccess)},
                 {RunState::kTls});
}

TEST(LdapServer, IgnoresAbandonAndEndsAtUnbind) {
  expectMessages(makeLdapServer, {fromPeer(request(0x50, "\x01")), fromPeer(request(0x42, ""))},
                 {RunState::kEnded});
}

TEST(LdapServer, RefusesARequestValue) {
  expectMessages(makeLdapServer,
                 {fromPeer(request(0x77, lit("\x80\x16") + kOid + lit("\x81\x00")),
                           refusal(2, 0x78, 2, "StartTLS has no request value", kOid)),
                  fromPeer(kLdapStart, kLdapSuccess)},
                 {RunState::kTls});
}

TEST(LdapServer, RefusesACriticalControl) {
  const std::string operation = lit("\x02\x01\x02\x77\x18\x80\x16") + kOid;
  const std::string critical = lit("\xa0\x0a\x30\x08\x04\x03") + "1.2" + lit("\x01\x01\xff");
  const std::string other = lit("\xa0\x07\x30\x05\x04\x03") + "1.2";
  expectMessages(
      makeLdapServer,
      {fromPeer(lit("\x30") + char(operation.size() + critical.size()) + operation + critical,
                refusal(2, 0x78, 12, "StartTLS has no controls", kOid)),
       fromPeer(lit("\x30") + char(operation.size() + other.size()) + operation + other,
                refusal(2, 0x78, 0, "", kOid))},
      {RunState::kTls});
}

TEST(LdapServer, RefusesEarlyData) {
  const auto early = failedWith(DialogFault::kEarlyData, "behind its StartTLS request");
  expectWhole(makeLdapServer, {fromPeer(kLdapStart + "\x30")}, early);
  expectWhole(makeLdapServer, {fromPeer(kLdapStart + request(0x60, "xy"))}, early);
  expectWhole(makeLdapServer,
              {fromPeer(kLdapStart.substr(0, 9)), fromPeer(kLdapStart.substr(9) + "x")}, early);
}

TEST(LdapServer, DisconnectsAtSyntaxErrors) {
  const std::string text = "the client sent bytes that are not an LDAP message";
  for (const std::string& bytes :
       {lit("GET / HTTP/1.1\r\n"), lit("\x31"), lit("\x30\x80"), lit("\x30\x85"), lit("\x30\xff"),
        lit("\x30\x00"), lit("\x30\x03\x02\x01\x01"), lit("\x30\x05\x02\x00\x42\x00\x00"),
        lit("\x30\x05\x02\x01\xff\x42\x00"), lit("\x30\x06\x02\x05\x00\x00\x00\x00"),
        lit("\x30\x05\x02\x01\x01\x42\x01"), lit("\x30\x07\x02\x01\x01\x42\x00\x04\x00"),
        lit("\x30\x05\x02\x01\x01\x7f\x00"), lit("\x30\x08\x02\x01\x01\x42\x00\xa0\x01\x00")})
    expectMessages(makeLdapServer, {fromPeer(bytes, disconnection(2, text))},
                   failedWith(DialogFault::kSyntax));
  const std::string other = "the client sent a message that is not an LDAP request";
  for (const std::string& bytes :
       {kLdapSuccess, lit("\x30\x05\x02\x01\x00\x60\x00"), lit("\x30\x05\x02\x01\x01\x7e\x00")})
    expectMessages(makeLdapServer, {fromPeer(bytes, disconnection(2, other))},
                   failedWith(DialogFault::kSyntax));
  expectMessages(makeLdapServer,
                 {fromPeer(request(0x77, ""),
                           disconnection(2, "the client sent a malformed extended request"))},
                 failedWith(DialogFault::kSyntax));
}

TEST(LdapServer, BoundsMessages) {
  const std::string text = "the client sent a message that is too long before TLS";
  expectMessages(makeLdapServer,
                 {fromPeer(lit("\x30\x84\xff\xff\xff\xff"), disconnection(2, text))},
                 failedWith(DialogFault::kTooLong));
  expectMessages(makeLdapServer, {fromPeer(lit("\x30\x82\x3f\xfd"), disconnection(2, text))},
                 failedWith(DialogFault::kTooLong));
  expectMessages(makeLdapServer, {fromPeer(lit("\x30\x82\x3f\xfc"))}, {RunState::kOpening});
  MessageMoves moves(Dialog::kMostCommands,
                     fromPeer(request(0x60, ""), refusal(2, 0x61, 13, kTlsNeeded)));
  expectMessages(makeLdapServer, moves, {RunState::kOpening});
  moves.push_back(fromPeer(
      request(0x60, ""), disconnection(13, "the client sent too many requests without StartTLS")));
  expectMessages(makeLdapServer, moves, failedWith(DialogFault::kTooMany));
}

TEST(LdapClient, StartsTls) {
  expectMessages(makeLdapClient,
                 {atBegin(kLdapStart), fromFar("wait"), fromPeer(kLdapSuccess), onSecure("wait"),
                  fromPeer("back", "", "back"), fromFar("more", "more")},
                 {RunState::kPassing});
  // Some servers leave the responseName out.
  expectMessages(makeLdapClient,
                 {atBegin(kLdapStart),
                  fromPeer(lit("\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"))},
                 {RunState::kTls});
}

TEST(LdapClient, ReportsRefusals) {
  const auto refused = [](const std::string& bytes, const std::string& detail) {
    expectMessages(makeLdapClient, {atBegin(kLdapStart), fromPeer(bytes)},
                   failedWith(DialogFault::kRefused, detail));
  };
  refused(refusal(1, 0x78, 52, "TLS not\nset up"), "result code 52: TLS not?set up");
  refused(refusal(1, 0x78, 2, ""), "result code 2");
  refused(disconnection(52, "going down"), "result code 52: going down");
  refused(refusal(2, 0x78, 0, ""), "not to StartTLS");
  refused(refusal(1, 0x61, 0, ""), "not to StartTLS");
  refused(refusal(1, 0x78, 0, "", "1.2.3"), "not to StartTLS");
  refused(disconnection(0, ""), "result code 0");
}

TEST(LdapClient, RefusesOtherBytes) {
  expectMessages(makeLdapClient, {atBegin(kLdapStart), fromPeer("220 hello\r\n")},
                 failedWith(DialogFault::kSyntax));
  expectMessages(makeLdapClient,
                 {atBegin(kLdapStart), fromPeer(lit("\x30\x05\x02\x01\x01\x78\x00"))},
                 failedWith(DialogFault::kSyntax, "malformed"));
  expectMessages(makeLdapClient, {atBegin(kLdapStart), fromPeer(lit("\x30\x83\x01\x00\x00"))},
                 failedWith(DialogFault::kTooLong));
  expectWhole(makeLdapClient, {atBegin(kLdapStart), fromPeer(kLdapSuccess + "\x30")},
              failedWith(DialogFault::kEarlyData));
  expectWhole(makeLdapClient,
              {atBegin(kLdapStart), fromPeer(kLdapSuccess.substr(0, 20)),
               fromPeer(kLdapSuccess.substr(20) + "x")},
              failedWith(DialogFault::kEarlyData));
}

TEST(LdapBer, WritesEveryNumber) {
  const std::string text(200, 'x');
  EXPECT_EQ(ldapElement(0x04, text), lit("\x04\x82\x00\xc8") + text);
  EXPECT_EQ(ldapMessage(0x7f, ""), lit("\x30\x03\x02\x01\x7f"));
  EXPECT_EQ(ldapMessage(0x80, ""), lit("\x30\x04\x02\x02\x00\x80"));
  EXPECT_EQ(ldapMessage(0x7fffffff, ""), lit("\x30\x06\x02\x04\x7f\xff\xff\xff"));
}

TEST(LdapPair, ComposesServerAndClient) {
  MessagePair pair(makeLdapServer(), makeLdapClient());
  EXPECT_EQ(pair.takeBackend(), kLdapStart);
  pair.fromClient(kLdapStart);
  EXPECT_EQ(pair.takeClient(), kLdapSuccess);
  pair.fromBackend(kLdapSuccess);
  pair.secureClient();
  pair.fromClient("bind");
  EXPECT_EQ(pair.takeBackend(), "");
  pair.secureBackend();
  EXPECT_EQ(pair.takeBackend(), "bind");
  pair.fromBackend("done");
  EXPECT_EQ(pair.takeClient(), "done");
}

}  // namespace
}  // namespace culvert
