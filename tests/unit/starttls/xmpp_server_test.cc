// SPDX-License-Identifier: GPL-3.0-or-later
// STARTTLS of XMPP, with culvert as server.
#include <algorithm>
#include <cctype>

#include "xmpp_streams.h"

namespace culvert {
namespace {

using namespace testing_messages;

TEST(XmppServer, AnswersTheStreamHeader) {
  const std::string answer = xmAnswerTo(kXmHeader);
  const std::string start = "<?xml version='1.0'?><stream:stream from='im.example.com' id='";
  ASSERT_EQ(answer.substr(0, start.size()), start);
  const std::string id = answer.substr(start.size(), 16);
  EXPECT_TRUE(std::ranges::all_of(id, [](char c) { return isxdigit(c) != 0; })) << id;
  EXPECT_EQ(answer.substr(start.size() + 16), kXmTail + kXmRequired);
}

TEST(XmppServer, StartsTls) {
  const std::string answer = xmAnswerTo(kXmHeader);
  for (const std::string& command :
       {kXmCommand, "\n " + kXmCommand, "<starttls\n" + kTlsSpace + " ></starttls>",
        std::string("<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\" />")})
    expectMessages(makeXmppServer, {fromPeer(kXmHeader, answer), fromPeer(command, kXmProceed)},
                   {RunState::kTls});
  expectMessages(makeXmppServer, {fromPeer(kXmHeader + kXmCommand, answer + kXmProceed)},
                 {RunState::kTls});
}

TEST(XmppServer, TakesStreamsOfServers) {
  const std::string header =
      "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' xmlns='jabber:server' "
      "xmlns:db='jabber:server:dialback' to='b.example' from='a.example' version='1.0'>";
  const std::string answer = xmAnswerTo(header);
  EXPECT_NE(answer.find("<stream:stream from='b.example' id='"), std::string::npos);
  EXPECT_NE(answer.find(" xmlns='jabber:server' "), std::string::npos);
  expectMessages(makeXmppServer, {fromPeer(header, answer), fromPeer(kXmCommand, kXmProceed)},
                 {RunState::kTls});
}

TEST(XmppServer, TakesTlsWithoutStartTls) {
  expectMessages(makeXmppServer, {fromPeer(lit("\x16\x03\x01"))}, {RunState::kDirect});
  MessageRun run(makeXmppServer());
  run.peer(" ");
  run.peer("\x16");
  EXPECT_EQ(run.fault(), DialogFault::kSyntax);
}

MessageMoves xmServerStart() {
  return {fromPeer(kXmHeader, xmAnswerTo(kXmHeader)), fromPeer(kXmCommand, kXmProceed), onSecure(),
          fromPeer(kXmHeader, "", kXmHeader)};
}
MessageMoves xmBehind(MessageMoves moves, const std::string& back, const std::string& passed) {
  moves.push_back(fromFar(back, passed));
  return moves;
}

TEST(XmppServer, FiltersTheFeaturesOfTheBackend) {
  const auto passes = [](const std::string& back, const std::string& passed) {
    expectMessages(makeXmppServer,
                   xmBehind(xmServerStart(), kXmBackHeader + back, kXmBackHeader + passed),
                   {RunState::kPassing});
  };
  passes(features(kXmSasl) + "<more", features(kXmSaslLeft) + "<more");
  passes(features("<starttls " + kTlsSpace + "/>" + kXmSasl + kXmBinding), features(kXmSaslLeft));
  passes(
      features("<starttls " + kTlsSpace + "><required/></starttls><a:x b='>'>text &amp; y</a:x>"),
      features("<a:x b='>'>text &amp; y</a:x>"));
  passes(features("<mechanism/><mechanism><x/>A-PLUS</mechanism><starttls><starttls/></starttls>"),
         features("<mechanism/>"));
  passes("\n<stream:features/>", "\n<stream:features/>");
  passes(features("<authentication xmlns='urn:xmpp:sasl:2'><mechanism>X-PLUS</mechanism>"
                  "<mechanism>PLUS</mechanism></authentication>"),
         features("<authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLUS</mechanism>"
                  "</authentication>"));
  passes(xmError("host-unknown"), xmError("host-unknown"));
  passes("</stream:stream>", "</stream:stream>");
  passes("<iq type='get'/>", "<iq type='get'/>");
}

TEST(XmppServer, RefusesOtherStreamsOfTheBackend) {
  const auto fails = [](const std::string& back, const std::string& passed, DialogFault fault) {
    expectMessages(makeXmppServer, xmBehind(xmServerStart(), back, passed), failedWith(fault));
  };
  fails("220 hello", "", DialogFault::kSyntax);
  fails("<iq/>", "", DialogFault::kSyntax);
  fails(kXmBackHeader + "text", kXmBackHeader, DialogFault::kSyntax);
  fails(kXmBackHeader + "<stream:features><!-- x -->", kXmBackHeader + "<stream:features>",
        DialogFault::kSyntax);
  const std::string most(Dialog::kLongestLine - kXmBackHeader.size() - 17, ' ');
  fails(kXmBackHeader + "<stream:features>" + most + " ",
        kXmBackHeader + "<stream:features>" + most, DialogFault::kTooLong);
}

TEST(XmppServer, RefusesEarlyData) {
  const std::string answer = xmAnswerTo(kXmHeader);
  const auto early = failedWith(DialogFault::kEarlyData, "behind <starttls/>");
  for (const std::string& rest : {std::string("\n"), std::string("<auth"), kXmHeader})
    expectWhole(makeXmppServer, {fromPeer(kXmHeader, answer), fromPeer(kXmCommand + rest)}, early);
  expectWhole(makeXmppServer, {fromPeer(kXmHeader + kXmCommand + "x", answer)}, early);
  expectWhole(
      makeXmppServer,
      {fromPeer(kXmHeader, answer), fromPeer("<starttls "), fromPeer(kTlsSpace + "></starttls> ")},
      early);
}

TEST(XmppServer, RefusesStanzasWithoutTls) {
  const std::string answer = xmAnswerTo(kXmHeader);
  for (const std::string& stanza :
       {std::string("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>"),
        std::string("<iq type='get'/>"), std::string("<message>")})
    expectMessages(makeXmppServer,
                   {fromPeer(kXmHeader, answer), fromPeer(stanza, xmError("policy-violation"))},
                   failedWith(DialogFault::kPlaintext));
}

TEST(XmppServer, EndsWithTheStream) {
  expectMessages(makeXmppServer,
                 {fromPeer(kXmHeader, xmAnswerTo(kXmHeader)),
                  fromPeer("</stream:stream>", "</stream:stream>")},
                 {RunState::kEnded});
}

TEST(XmppServer, RefusesOtherHeaders) {
  const auto fails = [](const std::string& bytes, const std::string& condition) {
    for (const size_t piece : {size_t{1}, size_t{1000}}) {
      MessageRun run(makeXmppServer());
      for (size_t at = 0; at < bytes.size(); at += piece) run.peer(bytes.substr(at, piece));
      EXPECT_EQ(run.fault(), DialogFault::kSyntax) << bytes;
      const std::string sent = run.takePeer();
      EXPECT_TRUE(sent.starts_with("<?xml version='1.0'?><stream:stream id='")) << sent;
      EXPECT_TRUE(sent.ends_with(xmError(condition))) << sent;
      EXPECT_EQ(run.takeFar(), "");
    }
  };
  const auto header = [](const std::string& attributes) {
    return "<stream:stream xmlns:stream='http://etherx.jabber.org/streams' " + attributes + ">";
  };
  fails("GET / HTTP/1.1\r\n", "bad-format");
  fails("<iq/>", "bad-format");
  fails("<stream:stream/>", "bad-format");
  fails(header("to='x' version='1.0'"), "invalid-namespace");
  fails(header("to='x' version='1.0' xmlns='jabber:component:accept'"), "invalid-namespace");
  fails(header("to='x' xmlns='jabber:client'"), "unsupported-version");
  fails(header("version='1.0' xmlns='jabber:client'"), "improper-addressing");
  fails(header("to='' version='1.0' xmlns='jabber:client'"), "host-unknown");
  fails(header("to='a\"b' version='1.0' xmlns='jabber:client'"), "host-unknown");
  fails(header("to=\"a'b\" version='1.0' xmlns='jabber:client'"), "host-unknown");
  fails(header("to='a&lt;' version='1.0' xmlns='jabber:client'"), "host-unknown");
  fails(header("to='" + std::string(1024, 'a') + "' version='1.0' xmlns='jabber:client'"),
        "host-unknown");
  for (const char* bad :
       {"<!DOCTYPE x>", "<!-- x -->", "<?php x?>", "<>", "</>", "<a b>", "<a b=c>",
        "<a b='c'd='e'>", "<a/b>", "<1>", "<a <", "<?xml>", "<a b='c/>'<"})
    fails(bad, "not-well-formed");
  fails(lit("<a\0"), "not-well-formed");
}

TEST(XmppServer, RefusesOtherCommands) {
  const std::string answer = xmAnswerTo(kXmHeader);
  const auto fails = [&](const std::string& bytes, const std::string& error) {
    expectMessages(makeXmppServer, {fromPeer(kXmHeader, answer), fromPeer(bytes, error)},
                   failedWith(DialogFault::kSyntax));
  };
  const std::string failure = "<failure " + kTlsSpace + "/></stream:stream>";
  fails("<starttls/>", failure);
  fails("<starttls xmlns='jabber:client'/>", failure);
  fails("<starttls " + kTlsSpace + "><x/>", xmError("bad-format"));
  fails("<starttls " + kTlsSpace + ">x", xmError("bad-format"));
  fails(kXmHeader.substr(21), xmError("bad-format"));
  fails("text", xmError("bad-format"));
  fails("<?xml version='1.0'?>", xmError("bad-format"));
}

TEST(XmppServer, BoundsTheOpening) {
  const std::string answer = xmAnswerTo(kXmHeader);
  const std::string spaces(Dialog::kLongestLine - kXmHeader.size(), ' ');
  expectMessages(
      makeXmppServer,
      {fromPeer(kXmHeader, answer), fromPeer(spaces), fromPeer(" ", xmError("policy-violation"))},
      failedWith(DialogFault::kTooLong));
  expectMessages(makeXmppServer,
                 {fromPeer(kXmHeader, answer), fromPeer("<a b='" + spaces.substr(6)),
                  fromPeer("c", xmError("policy-violation"))},
                 failedWith(DialogFault::kTooLong));
}

}  // namespace
}  // namespace culvert
