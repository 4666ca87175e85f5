// SPDX-License-Identifier: GPL-3.0-or-later
// Requests in any pieces, and what the reader refuses: all that two readers could understand
// differently.
#include "http/http_request.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

namespace culvert {
namespace {

using State = HttpRequestReader::State;
using namespace std::string_literals;

constexpr size_t kWhole = 1 << 20;

struct Outcome {
  State state = State::kMore;
  int status = 0;
  std::string error, shown;
  bool operator==(const Outcome&) const = default;
};

std::string shown(const HttpRequest& request) {
  std::string text = request.method + ' ' + request.path;
  for (const auto& [name, value] : request.query) text += fmt::format(" {}={}", name, value);
  return fmt::format("{} host={} origin={} accept={} admin={} body={}", text, request.host,
                     request.origin, request.accept, request.adminHeader, request.body);
}

Outcome outcomeOf(HttpRequestReader& reader, State state) {
  Outcome out{.state = state, .error = {}, .shown = {}};
  if (state == State::kFailed) out.status = reader.status(), out.error = reader.error();
  if (state == State::kDone) out.shown = shown(reader.request());
  return out;
}

Outcome read(std::string_view bytes, size_t piece = kWhole) {
  HttpRequestReader reader;
  State state = State::kMore;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    state = reader.feed(bytes.substr(0, piece));
  return outcomeOf(reader, state);
}

Outcome readInTwo(std::string_view bytes, size_t cut) {
  HttpRequestReader reader;
  reader.feed(bytes.substr(0, cut));
  return outcomeOf(reader, reader.feed(bytes.substr(cut)));
}

/// A GET whose header, without its empty line, has `size` bytes.
std::string headOfSize(size_t size) {
  std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
  return head.append(size - head.size(), 'x') + "\r\n\r\n";
}

std::string post(std::string_view fields, std::string_view body = "") {
  return fmt::format("POST /x HTTP/1.1\r\nHost: a\r\n{}\r\n{}", fields, body);
}

TEST(HttpRequestTest, EveryCutOfAGoodRequestReadsTheSame) {
  const std::string requests[] = {
      "GET / HTTP/1.1\r\nHost: localhost:1\r\n\r\n",
      "HEAD /a/b%20c?x=1&y=%41+b&&z HTTP/1.0\r\nAccept: text/html\r\n\r\n",
      post("Culvert-Admin: 1\r\nContent-Length: 5\r\nOrigin: http://a\r\n", "hello"),
      post("Content-Length: 5\r\n", "hello, and bytes that belong to nobody"),
  };
  for (const std::string& request : requests) {
    const Outcome whole = read(request);
    ASSERT_EQ(whole.state, State::kDone) << request << whole.error;
    EXPECT_EQ(read(request, 1), whole) << request;
    for (size_t cut = 0; cut <= request.size(); ++cut)
      EXPECT_EQ(readInTwo(request, cut), whole) << request << " cut at " << cut;
  }
}

TEST(HttpRequestTest, ARequestIsReadWhole) {
  EXPECT_EQ(read(post("Culvert-Admin: 1\r\nContent-Length: 5\r\nOrigin: http://a\r\n"
                      "Accept: \t application/json \t\r\n",
                      "hello"))
                .shown,
            "POST /x host=a origin=http://a accept=application/json admin=true body=hello");
  EXPECT_EQ(read("GET /a%2db/c?x=1&y=%41+b&&z&=v HTTP/1.1\r\nHOST: A:1\r\n\r\n").shown,
            "GET /a-b/c x=1 y=A b z= =v host=A:1 origin= accept= admin=false body=");
  EXPECT_EQ(read("GET /?a=%2f%2E%26%3d HTTP/1.1\r\nHost: a\r\n\r\n").shown,
            "GET / a=/.&= host=a origin= accept= admin=false body=");
}

TEST(HttpRequestTest, ParametersAreFoundByName) {
  HttpRequestReader reader;
  ASSERT_EQ(reader.feed("GET /?a=1&b&a=2 HTTP/1.0\r\n\r\n"), State::kDone);
  ASSERT_NE(reader.request().param("a"), nullptr);
  EXPECT_EQ(*reader.request().param("a"), "1");
  EXPECT_EQ(*reader.request().param("b"), "");
  EXPECT_EQ(reader.request().param("c"), nullptr);
}

struct Case {
  std::string request;
  int status;              // 0: accepted
  std::string_view words;  // a part of the error
};

void PrintTo(const Case& one, std::ostream* out) { *out << testing::PrintToString(one.request); }

std::string get(std::string_view target) {
  return fmt::format("GET {} HTTP/1.1\r\nHost: a\r\n\r\n", target);
}
std::string with(std::string_view fields) {
  return fmt::format("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", fields);
}

const Case kLines[] = {
    {"GET / HTTP/1.0\r\n\r\n", 0, ""},
    {"GET / HTTP/1.1\r\n\r\n", 400, "requires a Host"},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 0, ""},
    {"GET / HTTP/2.0\r\n\r\n", 505, "allowed: HTTP/1.1, HTTP/1.0"},
    {"GET / HTTP/0.9\r\n\r\n", 505, "allowed: HTTP/1.1, HTTP/1.0"},
    {"GET / HTTP/1.10\r\n\r\n", 400, "version"},
    {"GET / http/1.1\r\nHost: a\r\n\r\n", 400, "version"},
    {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400, "version"},
    {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "path"},
    {"GET /\tHTTP/1.1\r\nHost: a\r\n\r\n", 400, "METHOD PATH HTTP/1.1"},
    {"GET /\r\n\r\n", 400, "METHOD PATH HTTP/1.1"},
    {"GET\r\n\r\n", 400, "METHOD PATH HTTP/1.1"},
    {"\r\n\r\n", 400, "METHOD PATH HTTP/1.1"},
    {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "METHOD PATH HTTP/1.1"},
    {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "METHOD PATH HTTP/1.1"},
    {"G(T / HTTP/1.1\r\nHost: a\r\n\r\n", 400, "METHOD PATH HTTP/1.1"},
    {"PUT / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "allowed: GET, HEAD, POST"},
    {"get / HTTP/1.1\r\nHost: a\r\n\r\n", 501, "allowed: GET, HEAD, POST"},
    {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 501, "allowed: GET, HEAD, POST"},
    {"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n", 501, "allowed: GET, HEAD, POST"},
    {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, "version"},
    {"\x16\x03\x01\x02\r\n\r\n", 400, "METHOD PATH HTTP/1.1"},
    {"GET / HTTP/1.1\nHost: a\n\n", 400, "ends without CR"},
    {"GET / HTTP/1.1\n", 400, "ends without CR"},
    {"\n", 400, "ends without CR"},
};

const Case kTargets[] = {
    {get("/"), 0, ""},
    {get("/..."), 0, ""},
    {get("/a.b/.c/d..?//../%2f"), 0, ""},
    {get("/%7Ea"), 0, ""},
    {get("/?"), 0, ""},
    {get("/?&&"), 0, ""},
    {get("//"), 400, "the path is malformed"},
    {get("//a"), 400, "the path is malformed"},
    {get("/a//b"), 400, "the path is malformed"},
    {get("/a/"), 400, "the path is malformed"},
    {get("/."), 400, "the path is malformed"},
    {get("/.."), 400, "the path is malformed"},
    {get("/../a"), 400, "the path is malformed"},
    {get("/a/../b"), 400, "the path is malformed"},
    {get("/a/./b"), 400, "the path is malformed"},
    {get("/%2e%2e/a"), 400, "the path is malformed"},
    {get("/.%2E/a"), 400, "the path is malformed"},
    {get("/%2e/a"), 400, "the path is malformed"},
    {get("/a%2fb"), 400, "the path is malformed"},
    {get("/a%2Fb"), 400, "the path is malformed"},
    {get("%2fa"), 400, "the path is malformed"},
    {get("/a\\b"), 400, "the path is malformed"},
    {get("/a%5cb"), 400, "the path is malformed"},
    {get("/a%00"), 400, "the path is malformed"},
    {get("/a%0d%0ab"), 400, "the path is malformed"},
    {get("/a%7f"), 400, "the path is malformed"},
    {get("/a%"), 400, "the path is malformed"},
    {get("/a%4"), 400, "the path is malformed"},
    {get("/a%4g"), 400, "the path is malformed"},
    {get("/a%%41"), 400, "the path is malformed"},
    {get("/a#b"), 400, "the path is malformed"},
    {get("/a?b#c"), 400, "the path is malformed"},
    {get("/a b"), 400, "the path is malformed"},
    {get("/\xc3\xa4"), 400, "the path is malformed"},
    {get("/a?\xc3\xa4"), 400, "the path is malformed"},
    {get("*"), 400, "the path is malformed"},
    {get("a"), 400, "the path is malformed"},
    {get("?a=b"), 400, "the path is malformed"},
    {get("http://a/"), 400, "the path is malformed"},
    {get("/?a=%0a"), 400, "the query is malformed"},
    {get("/?a=%00"), 400, "the query is malformed"},
    {get("/?a=%zz"), 400, "the query is malformed"},
    {get("/?%=a"), 400, "the query is malformed"},
};

const Case kFields[] = {
    {with("X:\r\n"), 0, ""},
    {with("X: a\tb \x80\xff\r\n"), 0, ""},
    {with("Host: a\r\n"), 400, "two Host headers"},
    {with("hOsT: b\r\n"), 400, "two Host headers"},
    {with("Origin: http://a\r\nOrigin: http://a\r\n"), 400, "two Origin headers"},
    {with("Origin:\r\nOrigin: http://a\r\n"), 400, "two Origin headers"},
    {with("Content-Length: 0\r\nContent-Length: 0\r\n"), 400, "two Content-Length headers"},
    {with("Transfer-Encoding: chunked\r\n"), 501, "allowed: Content-Length"},
    {with("transfer-encoding: identity\r\n"), 501, "allowed: Content-Length"},
    {with("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n"), 501, "allowed: Content-Length"},
    {with("Expect: 100-continue\r\n"), 417, "Expect is not supported"},
    {with(" folded\r\n"), 400, "a header is malformed"},
    {with("\tfolded\r\n"), 400, "a header is malformed"},
    {with("X: a\r\n b: c\r\n"), 400, "a header is malformed"},
    {with("X : a\r\n"), 400, "a header is malformed"},
    {with("X\t: a\r\n"), 400, "a header is malformed"},
    {with(": a\r\n"), 400, "a header is malformed"},
    {with("X\r\n"), 400, "a header is malformed"},
    {with("X Y: a\r\n"), 400, "a header is malformed"},
    {with("X: a\rb\r\n"), 400, "a header is malformed"},
    {with("X: a\nHost: b\r\n"), 400, "ends without CR"},
    {with("X: a\n\nb: c\r\n"), 400, "ends without CR"},
    {with("X: a\r\r\n"), 400, "a header is malformed"},
    {with("\rX: a\r\n"), 400, "a header is malformed"},
    {with("X: a\0b\r\n"s), 400, "a header is malformed"},
    {with("X\0: a\r\n"s), 400, "a header is malformed"},
    {with("X: \x7f\r\n"), 400, "a header is malformed"},
    {with("X\xc3\xa4: a\r\n"), 400, "a header is malformed"},
    {with("Host\r\n: a\r\n"), 400, "a header is malformed"},
};

const Case kLengths[] = {
    {post("Content-Length: 0\r\n"), 0, ""},
    {post("Content-Length: 003\r\n", "abc"), 0, ""},
    {post(""), 0, ""},
    {post("Content-Length: 65536\r\n", std::string(65536, 'b')), 0, ""},
    {post("Content-Length: 65537\r\n"), 413, "allowed: 64 KiB"},
    {post("Content-Length: 18446744073709551616\r\n"), 413, "allowed: 64 KiB"},
    {post("Content-Length: 99999999999999999999999999\r\n"), 413, "allowed: 64 KiB"},
    {post("Content-Length: -1\r\n"), 400, "not a number"},
    {post("Content-Length: +5\r\n"), 400, "not a number"},
    {post("Content-Length:\r\n"), 400, "not a number"},
    {post("Content-Length: 5 5\r\n"), 400, "not a number"},
    {post("Content-Length: 5, 5\r\n"), 400, "not a number"},
    {post("Content-Length: 0x5\r\n"), 400, "not a number"},
    {post("Content-Length: 5.0\r\n"), 400, "not a number"},
};

class HttpRequestTable : public testing::TestWithParam<Case> {};

TEST_P(HttpRequestTable, HasThisResultInAnyPieces) {
  const auto& [request, status, words] = GetParam();
  const Outcome whole = read(request);
  EXPECT_EQ(whole.state, status == 0 ? State::kDone : State::kFailed) << whole.error;
  EXPECT_EQ(whole.status, status);
  EXPECT_NE(whole.error.find(words), std::string::npos) << whole.error;
  EXPECT_EQ(read(request, 1), whole);
  EXPECT_EQ(read(request, 7), whole);
}

INSTANTIATE_TEST_SUITE_P(Lines, HttpRequestTable, testing::ValuesIn(kLines));
INSTANTIATE_TEST_SUITE_P(Targets, HttpRequestTable, testing::ValuesIn(kTargets));
INSTANTIATE_TEST_SUITE_P(Fields, HttpRequestTable, testing::ValuesIn(kFields));
INSTANTIATE_TEST_SUITE_P(Lengths, HttpRequestTable, testing::ValuesIn(kLengths));

TEST(HttpRequestTest, TheHeaderEndsAtTheLimitAtTheLatest) {
  const std::string longest = headOfSize(HttpRequestReader::kMostHeader);
  const std::string tooLong = headOfSize(HttpRequestReader::kMostHeader + 1);
  for (const size_t piece : {kWhole, size_t{1}, size_t{2}, size_t{3}, size_t{4096}}) {
    EXPECT_EQ(read(longest, piece).state, State::kDone) << piece;
    EXPECT_EQ(read(tooLong, piece).status, 431) << piece;
  }
  for (size_t cut = longest.size() - 6; cut <= longest.size(); ++cut)
    EXPECT_EQ(readInTwo(longest, cut).state, State::kDone) << cut;
}

TEST(HttpRequestTest, AHeaderThatNeverEndsIsRefused) {
  const std::string endless(HttpRequestReader::kMostHeader + 4, 'x');
  EXPECT_EQ(read(endless).status, 431);
  EXPECT_EQ(read(endless, 1).status, 431);
  EXPECT_EQ(read(std::string_view(endless).substr(1)).state, State::kMore);
  EXPECT_EQ(read(std::string(1 << 20, 'x'), 16384).status, 431);
  EXPECT_EQ(read(std::string(1 << 20, '\n'), 16384).status, 400);
}

/// The longest header and the longest body in one piece: nothing is cut off.
TEST(HttpRequestTest, TheLongestRequestIsReadInOnePiece) {
  const std::string body(HttpRequestReader::kMostBody, 'b');
  std::string head = post("Content-Length: 65536\r\n");
  head.resize(head.size() - 2);
  head += "X: ";
  head.append(HttpRequestReader::kMostHeader - head.size(), 'x');
  HttpRequestReader reader;
  ASSERT_EQ(reader.feed(head + "\r\n\r\n" + body + "more"), State::kDone);
  EXPECT_EQ(reader.request().body, body);
}

TEST(HttpRequestTest, ARequestThatIsNotWholeWaitsForMore) {
  const std::string request = post("Content-Length: 5\r\n", "hello");
  for (size_t size = 0; size < request.size(); ++size)
    EXPECT_EQ(read(std::string_view(request).substr(0, size)).state, State::kMore) << size;
}

TEST(HttpRequestTest, BytesBehindTheEndChangeNothing) {
  HttpRequestReader done;
  ASSERT_EQ(done.feed(get("/a")), State::kDone);
  EXPECT_EQ(done.feed(get("/b")), State::kDone);
  EXPECT_EQ(done.request().path, "/a");
  HttpRequestReader failed;
  ASSERT_EQ(failed.feed("nonsense\r\n\r\n"), State::kFailed);
  EXPECT_EQ(failed.feed(get("/a")), State::kFailed);
  EXPECT_EQ(failed.status(), 400);
}

}  // namespace
}  // namespace culvert
