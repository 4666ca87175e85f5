// SPDX-License-Identifier: GPL-3.0-or-later
// STARTTLS of XMPP, with culvert as client, and both roles at the ends of one tunnel.
#include "xmpp_streams.h"

namespace culvert {
namespace {

using namespace testing_messages;

MessageMoves xmClientStart() {
  return {fromFar(kXmHeader, kXmHeader), fromPeer(kXmBackHeader + kXmOffer, kXmCommand)};
}
MessageMoves xmThen(MessageMoves moves, const MessageMoves& more) {
  moves.insert(moves.end(), more.begin(), more.end());
  return moves;
}

TEST(XmppClient, StartsTlsAndFiltersFeatures) {
  expectMessages(makeXmppClient,
                 xmThen(xmClientStart(), {fromPeer("\n" + kXmProceed), onSecure(kXmHeader),
                                          fromPeer(kXmBackHeader, "", kXmBackHeader),
                                          fromPeer(features(kXmSasl + kXmBinding) + "x", "",
                                                   features(kXmSaslLeft) + "x"),
                                          fromFar("<auth/>", "<auth/>")}),
                 {RunState::kPassing});
  expectMessages(makeXmppClient,
                 xmThen(xmClientStart(), {fromPeer("<proceed " + kTlsSpace + "></proceed>")}),
                 {RunState::kTls});
}

TEST(XmppClient, KeepsWhatTheClientSendsEarly) {
  expectMessages(makeXmppClient,
                 {fromFar("\n" + kXmHeader + "<auth/>", "\n" + kXmHeader), fromFar("<iq/>"),
                  fromPeer(kXmBackHeader + kXmOffer, kXmCommand), fromPeer(kXmProceed),
                  onSecure("\n" + kXmHeader + "<auth/><iq/>")},
                 {RunState::kSettling});
  // The backend waits for the client's header.
  expectMessages(
      makeXmppClient,
      {fromPeer(kXmBackHeader), fromFar(kXmHeader, kXmHeader), fromPeer(kXmOffer, kXmCommand)},
      {RunState::kOpening});
}

TEST(XmppClient, ReportsRefusals) {
  const auto refused = [](const std::string& back, const std::string& detail) {
    expectMessages(makeXmppClient, {fromFar(kXmHeader, kXmHeader), fromPeer(back)},
                   failedWith(DialogFault::kRefused, detail));
  };
  refused(kXmBackHeader + features(kXmSasl), "does not offer TLS");
  refused(kXmBackHeader + "<stream:features/>", "does not offer TLS");
  refused(kXmBackHeader + features("<a><starttls/></a>"), "does not offer TLS");
  refused(kXmBackHeader + xmError("host-unknown"), "refused the stream: host-unknown");
  refused(kXmBackHeader + "<iq/>", "no stream features");
  refused(kXmBackHeader + "</stream:stream>", "no stream features");
  refused("<stream:stream xmlns='jabber:client'>", "no version 1.0");
  for (const std::string& reply :
       {"<failure " + kTlsSpace + "/>", std::string("<proceed/>"), std::string("</proceed>"),
        "<proceed " + kTlsSpace + "><x/>", std::string("</stream:stream>")})
    expectMessages(makeXmppClient, xmThen(xmClientStart(), {fromPeer(reply)}),
                   failedWith(DialogFault::kRefused, "answered <starttls/> with: <"));
}

TEST(XmppClient, RefusesEarlyData) {
  for (const std::string& rest : {std::string(" "), std::string("<"), kXmBackHeader}) {
    expectWhole(makeXmppClient, xmThen(xmClientStart(), {fromPeer(kXmProceed + rest)}),
                failedWith(DialogFault::kEarlyData, "behind <proceed/>"));
    expectWhole(makeXmppClient,
                xmThen(xmClientStart(),
                       {fromPeer("<proceed " + kTlsSpace), fromPeer("></proceed>" + rest)}),
                failedWith(DialogFault::kEarlyData));
  }
  // culvert has not sent <starttls/> yet.
  expectWhole(makeXmppClient,
              {fromFar(kXmHeader, kXmHeader),
               fromPeer(kXmBackHeader + kXmOffer + kXmProceed + "x", kXmCommand)},
              failedWith(DialogFault::kEarlyData));
}

TEST(XmppClient, RefusesOtherBytes) {
  const auto fails = [](const std::string& far, const std::string& back, DialogFault fault) {
    expectMessages(makeXmppClient, {fromFar(far, back.empty() ? "" : far), fromPeer(back)},
                   failedWith(fault));
  };
  fails("GET / HTTP/1.1\r\n", "", DialogFault::kSyntax);
  fails("<iq/>", "", DialogFault::kSyntax);
  fails("<!DOCTYPE x>", "", DialogFault::kSyntax);
  fails(std::string(Dialog::kLongestLine + 1, ' '), "", DialogFault::kTooLong);
  fails(kXmHeader, "220 hello\r\n", DialogFault::kSyntax);
  fails(kXmHeader, std::string(Dialog::kLongestLine + 1, ' '), DialogFault::kTooLong);
  expectMessages(makeXmppClient, xmThen(xmClientStart(), {fromPeer("text")}),
                 failedWith(DialogFault::kSyntax));
  expectMessages(makeXmppClient, xmThen(xmClientStart(), {fromPeer("<!--")}),
                 failedWith(DialogFault::kSyntax));
  expectMessages(makeXmppClient,
                 xmThen(xmClientStart(), {fromPeer(std::string(Dialog::kLongestLine + 1, '\n'))}),
                 failedWith(DialogFault::kTooLong));
  const MessageMoves secure = xmThen(xmClientStart(), {fromPeer(kXmProceed), onSecure(kXmHeader)});
  expectMessages(makeXmppClient, xmThen(secure, {fromPeer("x")}), failedWith(DialogFault::kSyntax));
  const std::string most(Dialog::kLongestLine, ' ');
  expectMessages(makeXmppClient, xmThen(secure, {fromPeer(most + " ", "", most)}),
                 failedWith(DialogFault::kTooLong));
}

TEST(XmppPair, ComposesServerAndClient) {
  MessagePair pair(makeXmppServer(), makeXmppClient());
  pair.fromClient(kXmHeader);
  EXPECT_EQ(pair.takeClient(), xmAnswerTo(kXmHeader));
  pair.fromClient(kXmCommand);
  EXPECT_EQ(pair.takeClient(), kXmProceed);
  pair.secureClient();
  EXPECT_EQ(pair.takeBackend(), "");
  pair.fromClient(kXmHeader);
  EXPECT_EQ(pair.takeBackend(), kXmHeader);
  pair.fromBackend(kXmBackHeader + kXmOffer);
  EXPECT_EQ(pair.takeBackend(), kXmCommand);
  pair.fromBackend(kXmProceed);
  pair.secureBackend();
  EXPECT_EQ(pair.takeBackend(), kXmHeader);
  pair.fromBackend(kXmBackHeader + features(kXmSasl));
  EXPECT_EQ(pair.takeClient(), kXmBackHeader + features(kXmSaslLeft));
  EXPECT_EQ(pair.server().state(), RunState::kPassing);
  EXPECT_EQ(pair.client().state(), RunState::kPassing);
}

}  // namespace
}  // namespace culvert
