// SPDX-License-Identifier: GPL-3.0-or-later
// HTTP CONNECT: the request for each kind of host, and every kind of response, whole and in pieces.
#include "proxy_run.h"

namespace culvert {
namespace {

using namespace testing_proxy;

ProxyRun connectRun(std::string_view bytes, std::string_view credentials = {}) {
  return runDialog(&makeHttpConnect, "db.example", 5432, credentials, bytes);
}

std::string requestFor(std::string_view host, uint16_t port, std::string_view credentials = {}) {
  return runDialog(&makeHttpConnect, host, port, credentials, "").sent;
}

TEST(HttpConnect, NamesTheHostAsItIsConfigured) {
  EXPECT_EQ(requestFor("db.example", 5432),
            "CONNECT db.example:5432 HTTP/1.1\r\nHost: db.example:5432\r\n\r\n");
  EXPECT_EQ(requestFor("10.0.0.1", 80),
            "CONNECT 10.0.0.1:80 HTTP/1.1\r\nHost: 10.0.0.1:80\r\n\r\n");
  EXPECT_EQ(requestFor("2001:db8::1", 65535),
            "CONNECT [2001:db8::1]:65535 HTTP/1.1\r\nHost: [2001:db8::1]:65535\r\n\r\n");
}

TEST(HttpConnect, SendsTheCredentials) {
  const auto header = [](std::string_view credentials) {
    const std::string sent = requestFor("h", 1, credentials);
    const size_t start = sent.find("Proxy-Authorization: ");
    return sent.substr(start, sent.find("\r\n", start) - start);
  };
  EXPECT_EQ(header("Aladdin:open sesame"),
            "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617 section 2
  EXPECT_EQ(header("test:123\xC2\xA3"),
            "Proxy-Authorization: Basic dGVzdDoxMjPCow==");  // RFC 7617 section 2.1
  EXPECT_EQ(header("ab:c"), "Proxy-Authorization: Basic YWI6Yw==");
  EXPECT_EQ(header("ab:cd"), "Proxy-Authorization: Basic YWI6Y2Q=");
  EXPECT_EQ(header("ab:cde"), "Proxy-Authorization: Basic YWI6Y2Rl");
}

TEST(HttpConnect, TheRequestDoesNotGrowInMemory) {
  const std::string longest(255, 'x');
  const auto dialog = makeHttpConnect(std::string(255, 'h'), 65535, login(longest + ":" + longest));
  std::string sent;
  sent.reserve(1);
  (*dialog)->begin(sent);
  EXPECT_LE(sent.size(), 2 * (255 + 6) + 1024u);
  EXPECT_TRUE(sent.ends_with("\r\n\r\n"));
}

TEST(HttpConnect, AnySuccessBeginsTheTunnelBehindTheHead) {
  for (std::string_view head :
       {"HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 200 \r\n\r\n", "HTTP/1.1 200\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 299 x\r\nA: b\r\nC:d\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    for (std::string_view rest :
         {"", "220 hello\r\n", "\r\n\r\n", "\n", "HTTP/1.1 403 x\r\n\r\n"}) {
      const ProxyRun run = connectRun(std::string(head) + std::string(rest));
      EXPECT_EQ(run.next, Next::kDone) << head << run.detail;
      EXPECT_EQ(run.rest, rest);
    }
  }
}

TEST(HttpConnect, SkipsInterimResponses) {
  const std::string interim = "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n";
  std::string many;
  for (unsigned i = 0; i < ProxyDialog::kMostInterim; ++i) many += interim;
  EXPECT_EQ(connectRun(many + "HTTP/1.1 200 OK\r\n\r\nx").rest, "x");
  EXPECT_EQ(connectRun(many + interim).detail, "the proxy sends more than 8 interim responses");
  EXPECT_EQ(connectRun(interim + "HTTP/1.1 503 Busy\r\n\r\n").detail,
            "the proxy answered 503 Busy");
}

struct Refusal {
  std::string bytes, detail, credentials = {};
};

TEST(HttpConnect, SaysWhyItFailed) {
  const std::string long_(300, 'r');
  const std::string withZero("HTTP/1.1 200 OK\r\nA: \0\r\n\r\n", 24);
  const Refusal rows[] = {
      {"HTTP/1.1 407 x\r\nProxy-Authenticate: Basic\r\n\r\n",
       "the proxy requires credentials (via-auth-file)"},
      {"HTTP/1.1 407 x\r\n\r\n", "the proxy refused the credentials (via-auth-file)", "u:secret"},
      {"HTTP/1.1 403 Forbidden\r\n\r\n", "the proxy answered 403 Forbidden"},
      {"HTTP/1.1 502\r\n\r\n", "the proxy answered 502"},
      {"HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n", "the proxy answered 302 Found"},
      {"HTTP/1.1 101 Switching\r\n\r\n", "the proxy answered 101 Switching"},
      {"HTTP/1.1 500 a\tb\x1b[0m\r\n\r\n", "the proxy answered 500 a?b?[0m"},
      {"HTTP/1.1 500 " + long_ + "\r\n\r\n",
       "the proxy answered 500 " + long_.substr(0, 96) + ".."},
      {"SSH-2.0-x\r\n", "the proxy does not answer in HTTP/1"},
      {"HTTP/2 200 OK\r\n\r\n", "the proxy does not answer in HTTP/1"},
      {"http/1.1 200 OK\r\n\r\n", "the proxy does not answer in HTTP/1"},
      {"\x15\x03\x01", "the proxy does not answer in HTTP/1"},
      {"HTTP/1.1 2x0 OK\r\n\r\n",
       "the proxy answers with a malformed status line: HTTP/1.1 2x0 OK"},
      {"HTTP/1.1 20\r\n\r\n", "the proxy answers with a malformed status line: HTTP/1.1 20"},
      {"HTTP/1.1 2000 OK\r\n\r\n",
       "the proxy answers with a malformed status line: HTTP/1.1 2000 OK"},
      {"HTTP/1.1 000 OK\r\n\r\n",
       "the proxy answers with a malformed status line: HTTP/1.1 000 OK"},
      {"HTTP/1.1 600 OK\r\n\r\n",
       "the proxy answers with a malformed status line: HTTP/1.1 600 OK"},
      {"HTTP/1.1  200 OK\r\n\r\n",
       "the proxy answers with a malformed status line: HTTP/1.1  200 OK"},
      {"HTTP/1.1\t200 OK\r\n\r\n",
       "the proxy answers with a malformed status line: HTTP/1.1?200 OK"},
      {"HTTP/1.x 200 OK\r\n\r\n",
       "the proxy answers with a malformed status line: HTTP/1.x 200 OK"},
      {"\r\nHTTP/1.1 200 OK\r\n\r\n", "the proxy answers with a malformed status line: "},
      {"HTTP/1.1 200 OK\n\n", "the proxy answers with a line that does not end with CR LF"},
      {"HTTP/1.1 200 OK\r\n\n", "the proxy answers with a line that does not end with CR LF"},
      {"HTTP/1.1 200 OK\rx", "the proxy answers with a line that does not end with CR LF"},
      {"HTTP/1.1 200 OK\r\r\n", "the proxy answers with a line that does not end with CR LF"},
      {withZero, "the proxy answers with a zero byte in the head"},
  };
  for (const Refusal& row : rows) {
    const ProxyRun run = connectRun(row.bytes, row.credentials);
    EXPECT_EQ(run.next, Next::kFailed) << row.bytes;
    EXPECT_EQ(run.detail, row.detail);
  }
}

TEST(HttpConnect, BoundsTheHead) {
  const std::string start = "HTTP/1.1 200 OK\r\nA: ", end = "\r\n\r\n";
  const std::string fill(ProxyDialog::kLongestHead - start.size() - end.size(), 'x');
  EXPECT_EQ(connectRun(start + fill + end + "y").next, Next::kDone);
  EXPECT_EQ(connectRun(start + fill + "x" + end).detail,
            "the proxy answers with a head of more than 8192 bytes");
  EXPECT_EQ(connectRun("HTTP/1.1 200 " + std::string(9000, 'x')).next, Next::kFailed);
}

TEST(HttpConnect, WaitsForTheWholeHead) {
  const std::string head = "HTTP/1.1 200 OK\r\nA: b\r\n\r\n";
  EXPECT_EQ(connectRun("").progress, "the proxy has not answered CONNECT");
  for (size_t size = 1; size < head.size(); ++size) {
    const ProxyRun run = connectRun(head.substr(0, size));
    EXPECT_EQ(run.next, Next::kMore);
    EXPECT_EQ(run.progress, "the proxy has not completed its answer to CONNECT");
  }
}

TEST(ProxyTarget, IsRefusedByBothFactories) {
  const std::pair<std::string, std::string_view> rows[] = {
      {"", "it has no host"},
      {std::string(256, 'h'), "it has more than 255 bytes"},
      {std::string("10.0.0.1\0x", 10), "it has a zero byte"},
      {"fe80::1%eth0", "it has a zone, which only this host knows"},
      {"a b", "it is neither a host name nor an address"},
      {"a\r\nX: y", "it is neither a host name nor an address"},
      {"[::1]", "it is neither a host name nor an address"},
      {"a:1", "it is neither a host name nor an address"},
  };
  for (const auto& [host, why] : rows) {
    for (Factory make : {&makeHttpConnect, &makeSocks5}) {
      const auto dialog = make(host, 1, nullptr);
      ASSERT_FALSE(dialog) << host;
      EXPECT_TRUE(dialog.error().text.starts_with("a proxy cannot connect to \""));
      EXPECT_NE(dialog.error().text.find(why), std::string::npos) << dialog.error().text;
      EXPECT_TRUE(dialog.error().text.ends_with("; allowed: a host name or an address"));
    }
  }
}

}  // namespace
}  // namespace culvert
