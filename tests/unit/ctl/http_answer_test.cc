// SPDX-License-Identifier: GPL-3.0-or-later
// Requests as text, and answers in any pieces.
#include "ctl/http_answer.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

constexpr std::string_view kOk =
    "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON; charset=utf-8\r\ncontent-length:  2 "
    "\r\n\r\n{}";

/// The answer in these bytes, fed in pieces of `step`.
Result<CtlAnswer> read(std::string_view bytes, size_t step) {
  CtlAnswerReader reader;
  for (size_t at = 0; at < bytes.size(); at += step)
    if (Result<void> fed = reader.feed(bytes.substr(at, step)); !fed)
      return tl::unexpected(fed.error());
  return reader.finish();
}

std::string errorOf(std::string_view bytes) {
  const Result<CtlAnswer> answer = read(bytes, bytes.size());
  return answer ? "" : answer.error().text;
}

TEST(HttpAnswer, RequestText) {
  CtlRequest request{"GET", "/tunnels", {{"sni", "a b&\n"}, {"limit", "5"}}};
  const std::string get = requestText(request, "localhost");
  EXPECT_TRUE(
      get.starts_with("GET /tunnels?sni=a%20b%26%0A&limit=5 HTTP/1.1\r\nHost: localhost\r\n"));
  EXPECT_TRUE(get.ends_with("\r\n\r\n"));
  EXPECT_EQ(get.find("Culvert-Admin"), std::string::npos);
  request.method = "POST";
  const std::string post = requestText(request, "[::1]:80");
  EXPECT_NE(post.find("\r\nHost: [::1]:80\r\n"), std::string::npos);
  EXPECT_NE(post.find("\r\nCulvert-Admin: 1\r\nContent-Length: 0\r\n"), std::string::npos);
}

TEST(HttpAnswer, PercentEncodesEverythingElse) {
  EXPECT_EQ(percentEncode("aZ09-._~"), "aZ09-._~");
  EXPECT_EQ(percentEncode("/?#[]@!$&'()*+,;=%"),
            "%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%25");
  EXPECT_EQ(percentEncode(std::string_view("\0\xc3\xa9", 3)), "%00%C3%A9");
}

TEST(HttpAnswer, AnyPieces) {
  for (size_t step = 1; step <= kOk.size(); ++step) {
    const Result<CtlAnswer> answer = read(kOk, step);
    ASSERT_TRUE(answer) << step << answer.error().text;
    EXPECT_EQ(answer->status, 200);
    EXPECT_TRUE(answer->isOk() && answer->isJson());
    EXPECT_EQ(answer->body, "{}");
  }
}

TEST(HttpAnswer, KnowsWhenItIsComplete) {
  CtlAnswerReader reader;
  ASSERT_TRUE(reader.feed(kOk.substr(0, kOk.size() - 1)));
  EXPECT_FALSE(reader.complete());
  ASSERT_TRUE(reader.feed("}and more"));
  EXPECT_TRUE(reader.complete());
  EXPECT_EQ(reader.finish()->body, "{}");
}

TEST(HttpAnswer, WithoutALengthItEndsWithTheConnection) {
  const Result<CtlAnswer> answer = read("HTTP/1.0 503 No\r\n\r\nnot ready\n", 7);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 503);
  EXPECT_EQ(answer->body, "not ready\n");
  EXPECT_FALSE(answer->isOk());
}

TEST(HttpAnswer, RefusesWhatIsNotHttp) {
  EXPECT_NE(errorOf("SSH-2.0-x\r\n").find("is not HTTP"), std::string::npos);
  EXPECT_NE(errorOf("HTTP/2.0 200 OK\r\n\r\n").find("is not HTTP"), std::string::npos);
  EXPECT_NE(errorOf("HTTP/1.1 2x0 OK\r\n\r\n").find("is not HTTP"), std::string::npos);
  EXPECT_NE(errorOf("HTTP/1.1 2000\r\n\r\n").find("is not HTTP"), std::string::npos);
  EXPECT_NE(errorOf("HTTP/1.1 200 OK\r\nno colon\r\n\r\n").find("no colon"), std::string::npos);
  EXPECT_EQ(errorOf("").substr(0, 11), "it is empty");
  EXPECT_EQ(errorOf("HTTP/1.1 200 OK\r\n"), "it ends in the middle of its header");
}

TEST(HttpAnswer, RefusesLengthsAndEncodings) {
  const auto with = [](std::string_view field) {
    return errorOf("HTTP/1.1 200 OK\r\n" + std::string(field) + "\r\n\r\nx");
  };
  EXPECT_EQ(with("Content-Length: 2"), "it ends after 1 of 2 bytes");
  EXPECT_EQ(with("Content-Length: -1"), "its Content-Length is \"-1\"");
  EXPECT_EQ(with("Content-Length: 1\r\nContent-Length: 2"), "its Content-Length is \"2\"");
  EXPECT_EQ(with("Content-Length: 1\r\nContent-Length: 1"), "");
  EXPECT_EQ(with("Content-Length: 268435457"), "it is larger than 256 MiB");
  EXPECT_EQ(with("transfer-encoding: chunked"), "it uses the transfer encoding \"chunked\"");
}

TEST(HttpAnswer, BoundsTheHeader) {
  CtlAnswerReader reader;
  Result<void> fed = reader.feed("HTTP/1.1 200 OK\r\n");
  size_t total = 0;
  for (; fed && total < 2 * kMaxAnswerHead; total += 1000)
    fed = reader.feed("X: " + std::string(995, 'y') + "\r\n");
  ASSERT_FALSE(fed);
  EXPECT_LE(total, kMaxAnswerHead + 2000);
}

}  // namespace
}  // namespace culvert
