// SPDX-License-Identifier: GPL-3.0-or-later
// The dialogs of health checks: what each says, which answers it accepts, and that the verdict does
// not depend on the pieces in which an answer comes.
#include "health/health_dialog.h"

#include <gtest/gtest.h>

#include "base/bytes.h"

namespace culvert {
namespace {

using namespace std::string_literals;
using State = HealthVerdict::State;

HealthOptions checkOf(HealthCheck kind, std::string send = {}, std::string expect = {}) {
  HealthOptions options;
  options.kind = kind;
  options.send = std::move(send);
  options.expect = std::move(expect);
  return options;
}

struct Said {
  HealthVerdict verdict;
  std::string first;  // before the backend's first byte
  std::string later;
};

/// The dialog with an answer in pieces of `piece` bytes, behind which the backend closes if `closes`.
Said talk(const HealthOptions& options, std::string_view answer, size_t piece,
          bool closes = false) {
  const auto dialog = makeHealthDialog(options, "db.example");
  Said said;
  dialog->begin(said.first);
  while (!answer.empty() && !said.verdict.done()) {
    const std::string_view part = answer.substr(0, piece);
    said.verdict = dialog->feed(asBytes(part), said.later);
    answer.remove_prefix(part.size());
  }
  if (closes && !said.verdict.done()) said.verdict = dialog->finish();
  return said;
}

/// The answer whole, and cut in two at each byte: always the same verdict.
HealthVerdict verdictOf(const HealthOptions& options, const std::string& answer) {
  const Said whole = talk(options, answer, answer.size() + 1);
  for (size_t cut = 1; cut < answer.size(); ++cut) {
    const auto dialog = makeHealthDialog(options, "db.example");
    std::string out;
    dialog->begin(out);
    out.clear();
    HealthVerdict verdict = dialog->feed(asBytes(answer.substr(0, cut)), out);
    if (!verdict.done()) verdict = dialog->feed(asBytes(answer.substr(cut)), out);
    EXPECT_EQ(verdict.state, whole.verdict.state) << "cut at " << cut << " of " << answer;
    EXPECT_EQ(out, whole.later);
  }
  EXPECT_EQ(talk(options, answer, 1).verdict.state, whole.verdict.state) << answer;
  return whole.verdict;
}

void expectGood(const HealthOptions& options, const std::string& answer) {
  EXPECT_EQ(verdictOf(options, answer).state, State::kOk) << answer;
}
void expectBad(const HealthOptions& options, const std::string& answer, std::string_view words) {
  const HealthVerdict verdict = verdictOf(options, answer);
  EXPECT_EQ(verdict.state, State::kFailed) << answer;
  EXPECT_EQ(verdict.words, words);
}
void expectMore(const HealthOptions& options, const std::string& answer) {
  EXPECT_EQ(verdictOf(options, answer).state, State::kMore) << answer;
}

TEST(HealthDialog, NoKindWithoutWordsHasOne) {
  for (const HealthCheck kind : {HealthCheck::kOff, HealthCheck::kTcp, HealthCheck::kTls})
    EXPECT_EQ(makeHealthDialog(checkOf(kind), "h"), nullptr);
}

TEST(HealthDialog, SendComparesTheBeginningOfTheAnswer) {
  const auto options = checkOf(HealthCheck::kSend, "HELLO\0\xff"s, "OK\0\r\n"s);
  EXPECT_EQ(talk(options, "", 1).first, "HELLO\0\xff"s);
  expectGood(options, "OK\0\r\n"s);
  expectGood(options, "OK\0\r\nmore"s);
  expectMore(options, "OK\0"s);
  EXPECT_EQ(verdictOf(options, "OK\0\r\nmore"s).words, "OK???more");
  expectBad(options, "OX", "answered \"OX\" instead of \"OK???\"");
}

TEST(HealthDialog, SendWithoutExpectAcceptsAnyAnswer) {
  const auto options = checkOf(HealthCheck::kSend, "x");
  expectGood(options, "?");
  EXPECT_EQ(talk(options, "", 1, true).verdict.words, "closed the connection without an answer");
  EXPECT_EQ(talk(checkOf(HealthCheck::kSend), "", 1).first, "");
}

TEST(HealthDialog, HttpRequestsThePathAndJudgesTheStatus) {
  const auto options = checkOf(HealthCheck::kHttp);
  EXPECT_EQ(talk(options, "", 1).first,
            "GET / HTTP/1.1\r\nHost: db.example\r\nUser-Agent: culvert\r\nAccept: */*\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_TRUE(talk(checkOf(HealthCheck::kHttp, "/up?a=b"), "", 1)
                  .first.starts_with("GET /up?a=b HTTP/1.1\r\n"));
  expectGood(options, "HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody");
  expectGood(options, "HTTP/1.0 399\r\n");
  expectGood(options, "HTTP/1.1 204 \n");
  expectGood(options, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n");
  expectMore(options, "HTTP/1.1 200 OK");
  expectMore(options, "HTTP/1.1 100 Continue\r\n");
  expectBad(options, "HTTP/1.1 503 Down\r\n",
            "answered \"HTTP/1.1 503 Down\" instead of status 200 to 399");
  expectBad(options, "HTTP/1.1 400 x\r\n",
            "answered \"HTTP/1.1 400 x\" instead of status 200 to 399");
  expectBad(options, "HTTP/1.1 101 Switch\r\n",
            "answered \"HTTP/1.1 101 Switch\" instead of status 200 to 399");
  expectBad(options, "HTTP/1.1 2000 x\r\n",
            "answered \"HTTP/1.1 2000 x\" instead of an HTTP status line");
  expectBad(options, "HTTP/1.1 20\r\n", "answered \"HTTP/1.1 20\" instead of an HTTP status line");
  EXPECT_EQ(verdictOf(options, "220 smtp\r\n").state, State::kFailed);
}

TEST(HealthDialog, HttpMayExpectOneStatus) {
  const auto options = checkOf(HealthCheck::kHttp, "/login", "401");
  expectGood(options, "HTTP/1.1 401 Unauthorized\r\n");
  expectBad(options, "HTTP/1.1 200 OK\r\n", "answered \"HTTP/1.1 200 OK\" instead of status 401");
}

TEST(HealthDialog, RedisWithAPasswordWorksToo) {
  const auto options = checkOf(HealthCheck::kRedis);
  EXPECT_EQ(talk(options, "", 1).first, "*1\r\n$4\r\nPING\r\n");
  expectGood(options, "+PONG\r\n");
  expectGood(options, "-NOAUTH Authentication required.\r\n");
  expectMore(options, "+PONG");
  expectBad(options, "-LOADING Redis is loading the dataset in memory\r\n",
            "answered \"-LOADING Redis is loading the dataset in memory\" instead of +PONG");
  expectBad(options, "-NOAUTHORITY\r\n", "answered \"-NOAUTHORITY\" instead of +PONG");
  expectBad(options, "+PONGO\r\n", "answered \"+PONGO\" instead of +PONG");
  EXPECT_EQ(verdictOf(options, "HTTP/1.1 400\r\n").state, State::kFailed);
}

TEST(HealthDialog, PgsqlAcceptsEachAnswerToSslRequest) {
  const auto options = checkOf(HealthCheck::kPgsql);
  EXPECT_EQ(talk(options, "", 1).first, "\0\0\0\x08\x04\xd2\x16\x2f"s);
  expectGood(options, "S");
  expectGood(options, "N");
  expectGood(options, "E\0\0\0\x20SFATAL"s);
  expectBad(options, "+", "answered \"+\" instead of S, N or E");
}

TEST(HealthDialog, SmtpWaitsForTheWholeGreetingAndSaysQuit) {
  const auto options = checkOf(HealthCheck::kSmtp);
  const Said said = talk(options, "220 mail.example ESMTP\r\n", 100);
  EXPECT_EQ(said.first, "");
  EXPECT_EQ(said.later, "QUIT\r\n");
  EXPECT_EQ(said.verdict.words, "220 mail.example ESMTP");
  expectGood(options, "220\r\n");
  expectGood(options, "220-first\r\n220-second\r\n220 last\r\n");
  expectMore(options, "220-first\r\n220-second\r\n");
  expectMore(options, "220 no end");
  expectBad(options, "554 no service\r\n",
            "answered \"554 no service\" instead of a greeting with 220");
  expectBad(options, "220-first\r\n250 other\r\n",
            "answered \"250 other\" instead of a greeting with 220");
  expectBad(options, "2200 x\r\n", "answered \"2200 x\" instead of a greeting with 220");
  EXPECT_EQ(talk(options, "220 no end", 3, true).verdict.words,
            "closed the connection after \"220 no end\"");
}

TEST(HealthDialog, AnEndlessAnswerFails) {
  const std::string lines = [] {
    std::string all;
    while (all.size() < 2 * HealthDialog::kMostInput) all += "220-more\r\n";
    return all;
  }();
  for (const size_t piece : {size_t{1}, size_t{700}, lines.size()}) {
    const HealthVerdict verdict = talk(checkOf(HealthCheck::kSmtp), lines, piece).verdict;
    EXPECT_EQ(verdict.state, State::kFailed);
    EXPECT_EQ(verdict.words, "sent 8192 bytes without a greeting with 220");
  }
}

TEST(HealthDialog, TellsWhatItWaitsFor) {
  const auto dialog = makeHealthDialog(checkOf(HealthCheck::kSmtp), "h");
  EXPECT_EQ(dialog->progress(), "waiting for a greeting with 220");
  std::string out;
  EXPECT_FALSE(dialog->feed(asBytes("220-a\x01"), out).done());
  EXPECT_EQ(dialog->progress(), "waiting for a greeting with 220, got \"220-a?\"");
  EXPECT_EQ(makeHealthDialog(checkOf(HealthCheck::kSend, "", "+\r\n"), "h")->progress(),
            "waiting for \"+?\?\"");
}

}  // namespace
}  // namespace culvert
