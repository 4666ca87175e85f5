// SPDX-License-Identifier: GPL-3.0-or-later
// One HTTP answer, in every form of a body and in pieces of every size.
#include "http/http_response.h"

#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

using State = HttpResponse::State;
constexpr size_t kMaxBody = 1000;

std::span<const uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

struct Outcome {
  State state;
  std::string body;
  std::string error;
};

/// Feeds pieces of this size, then the end of the connection.
Outcome readIn(std::string_view text, size_t piece) {
  HttpResponse response(kMaxBody);
  State state = State::kMore;
  for (size_t at = 0; at < text.size() && state == State::kMore; at += piece)
    state = response.feed(bytes(text.substr(at, piece)));
  state = response.finish();
  return {state, {response.body().begin(), response.body().end()}, response.error()};
}

void expectBody(std::string_view text, std::string_view body) {
  for (size_t piece : {size_t{1}, size_t{7}, text.size() + 1}) {
    const Outcome outcome = readIn(text, piece);
    EXPECT_EQ(outcome.state, State::kDone) << outcome.error << "\n" << text;
    EXPECT_EQ(outcome.body, body);
  }
}

void expectError(std::string_view text, std::string_view error) {
  for (size_t piece : {size_t{1}, size_t{7}, text.size() + 1}) {
    const Outcome outcome = readIn(text, piece);
    EXPECT_EQ(outcome.state, State::kBad) << text;
    EXPECT_NE(outcome.error.find(error), std::string::npos) << outcome.error;
  }
}

TEST(HttpResponse, ReadsACountedBody) {
  expectBody("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello");
  expectBody("HTTP/1.1 200 OK\r\ncontent-length:5\r\nContent-Length: 5\r\n\r\nhello and more",
             "hello");
  expectBody("HTTP/1.1 200\nContent-Length: 0\n\n", "");
}

TEST(HttpResponse, ReadsABodyThatEndsWithTheConnection) {
  expectBody("HTTP/1.0 200 OK\r\nServer: x\r\n\r\nhello", "hello");
}

TEST(HttpResponse, ReadsChunks) {
  expectBody(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5\r\nhello\r\n"
      "A;name=value\r\n, everyone\r\n000\r\nTrailer: x\r\n\r\nrest",
      "hello, everyone");
  // RFC 9112 6.3: a length beside it does not count.
  expectBody(
      "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nTransfer-Encoding: "
      "chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
      "x");
}

TEST(HttpResponse, IsDoneWithoutWaitingForTheEnd) {
  HttpResponse response(kMaxBody);
  EXPECT_EQ(response.feed(bytes("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx")), State::kDone);
}

TEST(HttpResponse, RefusesOtherAnswers) {
  expectError("HTTP/1.0 404 Not Found\r\n\r\n", "answers 404 Not Found");
  expectError("HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n",
              "answers 302 Found, and redirects are not followed");
  expectError("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "answers 100 Continue");
  expectError("ICY 200 OK\r\n\r\n", "does not speak HTTP");
  expectError("HTTP/2 200\r\n\r\n", "does not speak HTTP");
  expectError("HTTP/1.0 2000 OK\r\n\r\n", "does not speak HTTP");
  expectError("\r\n\r\n", "does not speak HTTP");
  expectError("HTTP/1.0 5\x01\x02 x\r\n\r\n", "does not speak HTTP");
}

TEST(HttpResponse, RefusesMalformedHeaders) {
  const std::string ok = "HTTP/1.0 200 OK\r\n";
  expectError(ok + "no colon\r\n\r\n", "malformed header");
  expectError(ok + "Content-Length: -1\r\n\r\n", "malformed Content-Length");
  expectError(ok + "Content-Length: 1x\r\n\r\n", "malformed Content-Length");
  expectError(ok + "Content-Length: 99999999999999999999999\r\n\r\n", "malformed Content-Length");
  expectError(ok + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "malformed Content-Length");
  expectError(ok + "Transfer-Encoding: gzip, chunked\r\n\r\n", "unsupported encoding");
  expectError(ok + "Content-Encoding: br\r\n\r\n", "unsupported encoding: br");
}

TEST(HttpResponse, IsBounded) {
  const std::string ok = "HTTP/1.0 200 OK\r\n";
  const std::string much(2 * kMaxBody, 'x');
  expectError(ok + "Content-Length: 1001\r\n\r\n", "announces 1001 bytes, more than 1000");
  expectError(ok + "\r\n" + much, "sends more than 1000 bytes");
  expectError(ok + "Transfer-Encoding: chunked\r\n\r\n7d0\r\n" + much,
              "sends more than 1000 bytes");
  expectError(ok + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", "sends more than");
  expectError(ok + "X: " + std::string(HttpResponse::kMaxHead, 'x'), "headers that are too long");
  expectError(
      ok + "Transfer-Encoding: chunked\r\n\r\n1;" + std::string(HttpResponse::kMaxHead, 'x'),
      "malformed chunked body");
}

TEST(HttpResponse, RefusesMalformedChunks) {
  const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  expectError(chunked + "\r\n", "malformed chunked body");
  expectError(chunked + "-1\r\n", "malformed chunked body");
  expectError(chunked + "1\r\nxx\r\n", "malformed chunked body");
}

TEST(HttpResponse, RefusesACutAnswer) {
  expectError("", "closes the connection without a response");
  expectError("HTTP/1.0 200 OK\r\nContent-Le", "closes the connection within its response");
  expectError("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhell", "within its response");
  expectError("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n",
              "within its response");
}

}  // namespace
}  // namespace culvert
