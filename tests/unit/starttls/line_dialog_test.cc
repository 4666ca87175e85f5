// SPDX-License-Identifier: GPL-3.0-or-later
// What all line protocols share: limits, faults, the factories, and what the log gets.
#include <gtest/gtest.h>

#include <string>

#include "starttls/dialog.h"
#include "starttls/line_reader.h"
#include "support/dialog_owner.h"
#include "support/dialog_script.h"

namespace culvert {
namespace {

struct Protocol {
  StartTls protocol;
  const char* greeting;  // of a backend that offers TLS
  const char* refused;   // a command that is not allowed before TLS
  const char* tooLong;   // what the client gets
  const char* tooMany;
};

const Protocol kProtocols[] = {
    {StartTls::kSmtp, "220 a\r\n", "DATA\r\n", "421 4.7.0 Line too long\r\n",
     "421 4.7.0 Too many commands without TLS\r\n"},
    {StartTls::kLmtp, "220 a\r\n", "DATA\r\n", "421 4.7.0 Line too long\r\n",
     "421 4.7.0 Too many commands without TLS\r\n"},
    {StartTls::kImap, "* OK a\r\n", "a LIST x\r\n", "* BYE Line too long\r\n",
     "* BYE Too many commands without TLS\r\n"},
    {StartTls::kPop3, "+OK a\r\n", "LIST\r\n", "-ERR Line too long\r\n",
     "-ERR Too many commands without TLS\r\n"},
    {StartTls::kSieve, "\"STARTTLS\"\r\nOK\r\n", "LISTSCRIPTS\r\n", "BYE \"Line too long\"\r\n",
     "BYE \"Too many commands without TLS\"\r\n"},
    {StartTls::kFtp, "220 a\r\n", "LIST\r\n", "421 Line too long\r\n",
     "421 Too many commands without TLS\r\n"},
    {StartTls::kNntp, "200 a\r\n", "LIST\r\n", "400 Line too long\r\n",
     "400 Too many commands without TLS\r\n"},
};

DialogOwner server(const Protocol& each) {
  return DialogOwner(makeServerDialog(each.protocol, {}));
}
DialogOwner client(const Protocol& each) {
  return DialogOwner(makeClientDialog(each.protocol, {"culvert.example"}));
}

TEST(LineDialog, HasADialogForEachLineProtocol) {
  for (const Protocol& each : kProtocols) {
    EXPECT_TRUE(makeServerDialog(each.protocol, {})->needsFar());
    EXPECT_FALSE(makeClientDialog(each.protocol, {})->needsFar());
  }
  EXPECT_EQ(makeServerDialog(StartTls::kOff, {}), nullptr);
  EXPECT_EQ(makeClientDialog(StartTls::kOff, {}), nullptr);
}

TEST(LineDialog, NamesFaults) {
  EXPECT_EQ(dialogFaultName(DialogFault::kEarlyData), "early-data");
  EXPECT_EQ(dialogFaultName(DialogFault::kRefused), "refused");
  EXPECT_EQ(dialogFaultName(DialogFault::kPlaintext), "plaintext");
  EXPECT_EQ(dialogFaultName(DialogFault::kSyntax), "syntax");
  EXPECT_EQ(dialogFaultName(DialogFault::kTooLong), "too-long");
  EXPECT_EQ(dialogFaultName(DialogFault::kTooMany), "too-many");
}

TEST(LineDialog, EndsAClientThatGoesOnWithoutTls) {
  for (const Protocol& each : kProtocols) {
    DialogOwner owner = server(each);
    owner.farSends(each.greeting);
    for (unsigned i = 0; i < Dialog::kMostCommands; ++i) owner.peerSends(each.refused);
    EXPECT_EQ(stateName(owner), "more");
    owner.takeToPeer();
    owner.peerSends(each.refused);
    EXPECT_EQ(stateName(owner), "fail too-many");
    EXPECT_EQ(owner.takeToPeer(), each.tooMany);
    EXPECT_EQ(owner.takeToFar(), "");
  }
}

TEST(LineDialog, EndsAClientWithALongLine) {
  for (const Protocol& each : kProtocols) {
    for (const bool ended : {false, true}) {
      DialogOwner owner = server(each);
      owner.farSends(each.greeting);
      owner.takeToPeer();
      std::string line(Dialog::kLongestLine - 2, 'x');
      owner.peerSends(line + "\r\n");
      EXPECT_EQ(stateName(owner), "more");
      EXPECT_NE(owner.takeToPeer(), "");
      owner.peerSends(line);
      owner.peerSends("xx");
      EXPECT_EQ(stateName(owner), "more");
      owner.peerSends(ended ? "\r\n" : "x");
      EXPECT_EQ(stateName(owner), "fail too-long");
      EXPECT_EQ(owner.takeToPeer(), each.tooLong);
    }
  }
}

TEST(LineDialog, EndsABackendWithALongLine) {
  for (const Protocol& each : kProtocols) {
    for (const bool asServer : {false, true}) {
      DialogOwner owner = asServer ? server(each) : client(each);
      const std::string line(Dialog::kLongestLine + 1, '2');
      asServer ? owner.farSends(line) : owner.peerSends(line);
      EXPECT_EQ(stateName(owner), "fail too-long");
      EXPECT_EQ(owner.takeToPeer(), asServer ? each.tooLong : "");
    }
  }
}

TEST(LineDialog, EndsABackendWithALongReply) {
  DialogOwner smtp(makeClientDialog(StartTls::kSmtp, {"a"}));
  for (unsigned i = 0; i < Dialog::kMostCommands; ++i) smtp.peerSends("220-x\r\n");
  EXPECT_EQ(stateName(smtp), "more");
  smtp.peerSends("220-x\r\n");
  EXPECT_EQ(stateName(smtp), "fail too-many");

  DialogOwner greeting(makeClientDialog(StartTls::kSmtp, {"a"}));
  greeting.peerSends("220-" + std::string(Dialog::kLongestLine / 2, 'x') + "\r\n");
  greeting.peerSends("220-" + std::string(Dialog::kLongestLine / 2, 'x') + "\r\n");
  EXPECT_EQ(stateName(greeting), "fail too-long");

  DialogOwner sieve(makeServerDialog(StartTls::kSieve, {}));
  sieve.farSends("\"" + std::string(3000, 'x') + "\"\r\n");
  EXPECT_EQ(stateName(sieve), "more");
  sieve.farSends("\"" + std::string(2000, 'x') + "\"\r\n");
  EXPECT_EQ(stateName(sieve), "fail too-long");

  DialogOwner sieveEnd(makeServerDialog(StartTls::kSieve, {}));
  sieveEnd.farSends("OK \"" + std::string(5000, 'x') + "\"\r\n");
  EXPECT_EQ(stateName(sieveEnd), "fail too-long");
}

TEST(LineDialog, TellsWhatItWaitsFor) {
  for (const Protocol& each : kProtocols) {
    DialogOwner asServer = server(each);
    EXPECT_EQ(asServer.dialog().progress(), "the backend sent no greeting");
    asServer.farSends(each.greeting);
    const std::string command = each.protocol == StartTls::kFtp    ? "AUTH TLS"
                                : each.protocol == StartTls::kPop3 ? "STLS"
                                                                   : "STARTTLS";
    EXPECT_EQ(asServer.dialog().progress(), "the client sent no " + command);
    asServer.peerSends((each.protocol == StartTls::kImap ? "a " : "") + command + "\r\n");
    EXPECT_EQ(stateName(asServer), "start-tls");
    EXPECT_EQ(asServer.dialog().progress(), "the TLS handshake was not complete");

    DialogOwner asClient = client(each);
    EXPECT_EQ(asClient.dialog().progress(), "the backend sent no greeting");
    asClient.peerSends(each.greeting);
    EXPECT_TRUE(asClient.dialog().progress().starts_with("the backend did not answer "));
  }
}

/// The far side gets nothing to say before TLS, and its bytes are kept.
TEST(LineDialog, AsClientReadsNothingOfTheFarSideBeforeTls) {
  for (const Protocol& each : kProtocols) {
    const auto dialog = makeClientDialog(each.protocol, {"a"});
    DialogOutput out;
    (void)dialog->begin(out);
    const DialogStep step = dialog->fromFar(asBytes("NOOP\r\n"), out);
    EXPECT_EQ(step.consumed, 0U);
    EXPECT_EQ(step.next, DialogStep::Next::kMore);
    EXPECT_EQ(out.toPeer + out.toFar, "");
  }
}

TEST(LineReader, FindsLinesInAnyPieces) {
  LineReader reader(LineReader::Literals::kSieveServer);
  const std::string text = "\"a\" {3}\r\n\n\r\x01{2+}\r\nxy\r\nb\r\n";
  for (size_t size = 0; size < text.size() - 3; ++size)
    ASSERT_EQ(reader.next(std::string_view(text).substr(0, size)).state, LineReader::State::kMore);
  const LineReader::Line line = reader.next(text);
  ASSERT_EQ(line.state, LineReader::State::kWhole);
  EXPECT_EQ(line.text, text.substr(0, text.size() - 5));
  EXPECT_EQ(reader.next(std::string_view(text).substr(line.size)).text, "b");
}

}  // namespace
}  // namespace culvert
