// SPDX-License-Identifier: GPL-3.0-or-later
// SOCKS5: the requests for each kind of host, the login, and every reply, whole and in pieces.
#include "proxy_run.h"

namespace culvert {
namespace {

using namespace testing_proxy;
using namespace std::string_literals;

const std::string kNoLogin = "\5\0"s;
const std::string kWantsLogin = "\5\2"s;
const std::string kLoggedIn = "\1\0"s;
const std::string kReply = "\5\0\0\1\0\0\0\0\0\0"s;

ProxyRun socksRun(std::string_view bytes, std::string_view credentials = {},
                  std::string_view host = "db.example", uint16_t port = 5432) {
  return runDialog(&makeSocks5, host, port, credentials, bytes);
}

TEST(Socks5, RequestsTheHostAsItIsConfigured) {
  const auto requestFor = [](std::string_view host, uint16_t port) {
    const std::string sent = socksRun(kNoLogin, {}, host, port).sent;
    EXPECT_EQ(sent.substr(0, 3), "\5\1\0"s);
    return sent.substr(3);
  };
  EXPECT_EQ(requestFor("db.example", 5432), "\5\1\0\3\x0a"s + "db.example\x15\x38");
  EXPECT_EQ(requestFor("10.0.0.1", 80), "\5\1\0\1\x0a\0\0\1\0\x50"s);
  EXPECT_EQ(requestFor("2001:db8::1", 65535),
            "\5\1\0\4\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\xff\xff"s);
  const std::string longest(255, 'h');
  EXPECT_EQ(requestFor(longest, 1), "\5\1\0\3\xff"s + longest + "\0\1"s);
}

TEST(Socks5, LogsInIfTheProxyWantsIt) {
  const ProxyRun run = socksRun(kWantsLogin + kLoggedIn + kReply + "x", "user:secret");
  EXPECT_EQ(run.next, Next::kDone) << run.detail;
  EXPECT_EQ(run.rest, "x");
  EXPECT_EQ(run.sent, "\5\2\0\2"s + "\1\4user\6secret" + "\5\1\0\3\x0a"s + "db.example\x15\x38");
  const std::string longest(255, 'x');
  EXPECT_EQ(socksRun(kWantsLogin, longest + ":" + longest).sent,
            "\5\2\0\2\1\xff"s + longest + "\xff" + longest);
}

TEST(Socks5, DoesNotSendThePasswordIfTheProxyDoesNotWantIt) {
  const ProxyRun run = socksRun(kNoLogin + kReply, "user:secret");
  EXPECT_EQ(run.next, Next::kDone);
  EXPECT_EQ(run.sent, "\5\2\0\2"s + "\5\1\0\3\x0a"s + "db.example\x15\x38");
}

TEST(Socks5, EveryTypeOfAddressEndsTheReply) {
  for (const std::string& reply :
       {kReply, "\5\0\0\4"s + std::string(18, '\5'), "\5\0\0\3\0\1\2"s, "\5\0\0\3\1x\1\2"s,
        "\5\0\0\3\xff"s + std::string(257, 'x'), "\5\0\x7f\1\1\2\3\4\5\6"s}) {
    for (const std::string& rest : {""s, "\5\0\0\1"s, "hello"s}) {
      const ProxyRun run = socksRun(kNoLogin + reply + rest);
      EXPECT_EQ(run.next, Next::kDone) << run.detail;
      EXPECT_EQ(run.rest, rest);
    }
    for (size_t size = 0; size < reply.size(); ++size)
      EXPECT_EQ(socksRun(kNoLogin + reply.substr(0, size)).next, Next::kMore);
  }
}

TEST(Socks5, SaysWhyTheProxyRefuses) {
  const std::string_view words[] = {"general failure",
                                    "its rules do not allow the connection",
                                    "network unreachable",
                                    "host unreachable",
                                    "connection refused",
                                    "TTL expired",
                                    "it does not support CONNECT",
                                    "it does not support this type of address"};
  for (size_t code = 1; code <= std::size(words); ++code) {
    const std::string reply = "\5"s + static_cast<char>(code);
    const std::string expected = "the proxy reports: " + std::string(words[code - 1]) + " (reply " +
                                 std::to_string(code) + ")";
    EXPECT_EQ(socksRun(kNoLogin + reply).detail, expected);
    EXPECT_EQ(socksRun(kNoLogin + reply + "\0\1\0\0\0\0\0\0"s).detail, expected);
  }
  EXPECT_EQ(socksRun(kNoLogin + "\5\x09").detail, "the proxy reports an unassigned reply (9)");
  EXPECT_EQ(socksRun(kNoLogin + "\5\xff").detail, "the proxy reports an unassigned reply (255)");
}

struct Refusal {
  std::string bytes, detail, credentials = {};
};

TEST(Socks5, SaysWhyItFailed) {
  const Refusal rows[] = {
      {"\5\xff", "the proxy requires credentials (via-auth-file)"},
      {"\5\xff", "the proxy accepts neither a user with password nor a connection without",
       "u:secret"},
      {"\5\2", "the proxy chose a method that was not offered (2)"},
      {"\5\1", "the proxy chose a method that was not offered (1)"},
      {"\5\1", "the proxy chose a method that was not offered (1)", "u:secret"},
      {"HTTP/1.1 400", "the proxy does not answer in SOCKS5; an HTTP proxy has an http:// address"},
      {"\0\x5a"s, "the proxy does not answer in SOCKS5; culvert does not support SOCKS4"},
      {"\4", "the proxy does not answer in SOCKS5"},
      {kNoLogin + "\4", "the proxy does not answer in SOCKS5"},
      {kNoLogin + "\5\0\0\2"s, "the proxy answers with an unknown type of address (2)"},
      {kWantsLogin + "\5\0"s, "the proxy answers the login with a malformed reply", "u:secret"},
      {kWantsLogin + "\1\1"s, "the proxy refused the credentials (via-auth-file)", "u:secret"},
      {kWantsLogin + "\1\xff"s, "the proxy refused the credentials (via-auth-file)", "u:secret"},
  };
  for (const Refusal& row : rows) {
    const ProxyRun run = socksRun(row.bytes, row.credentials);
    EXPECT_EQ(run.next, Next::kFailed) << row.detail;
    EXPECT_EQ(run.detail, row.detail);
  }
}

TEST(Socks5, SaysWhatItWaitsFor) {
  EXPECT_EQ(socksRun("").progress, "the proxy has not answered the list of SOCKS5 methods");
  EXPECT_EQ(socksRun("\5").progress, "the proxy has not answered the list of SOCKS5 methods");
  EXPECT_EQ(socksRun(kWantsLogin, "u:s").progress, "the proxy has not answered the login");
  EXPECT_EQ(socksRun(kNoLogin).progress, "the proxy has not answered the SOCKS5 request");
  EXPECT_EQ(socksRun(kNoLogin + "\5\0\0\3\5"s).progress,
            "the proxy has not answered the SOCKS5 request");
}

}  // namespace
}  // namespace culvert
