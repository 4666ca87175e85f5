// SPDX-License-Identifier: GPL-3.0-or-later
// The address of a proxy: what is accepted, and the exact error of what is not.
#include "proxy/proxy_url.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

constexpr std::string_view kAllowed = "allowed: http://HOST[:PORT] or socks5://HOST[:PORT]";

TEST(ProxyUrl, ReadsEveryForm) {
  struct {
    std::string_view text;
    ProxyUrl url;
    std::string_view again;
  } const rows[] = {
      {"http://proxy", {ProxyScheme::kHttp, "proxy", 3128}, "http://proxy:3128"},
      {"http://Proxy.Example:80",
       {ProxyScheme::kHttp, "proxy.example", 80},
       "http://proxy.example:80"},
      {"HTTP://10.0.0.1:65535", {ProxyScheme::kHttp, "10.0.0.1", 65535}, "http://10.0.0.1:65535"},
      {"socks5://p_1", {ProxyScheme::kSocks5, "p_1", 1080}, "socks5://p_1:1080"},
      {"Socks5://p:1", {ProxyScheme::kSocks5, "p", 1}, "socks5://p:1"},
      {"http://[2001:DB8::1]",
       {ProxyScheme::kHttp, "2001:db8::1", 3128},
       "http://[2001:db8::1]:3128"},
      {"socks5://[fe80::1%eth0]:9",
       {ProxyScheme::kSocks5, "fe80::1%eth0", 9},
       "socks5://[fe80::1%eth0]:9"},
      {"socks5://[::ffff:10.0.0.1]:9",
       {ProxyScheme::kSocks5, "::ffff:10.0.0.1", 9},
       "socks5://[::ffff:10.0.0.1]:9"},
  };
  for (const auto& row : rows) {
    const Result<ProxyUrl> url = parseProxyUrl(row.text);
    ASSERT_TRUE(url) << url.error().text;
    EXPECT_EQ(*url, row.url) << row.text;
    EXPECT_EQ(url->text(), row.again);
    EXPECT_EQ(*parseProxyUrl(url->text()), *url);
  }
}

TEST(ProxyUrl, SaysWhatIsWrong) {
  const std::pair<std::string_view, std::string_view> rows[] = {
      {"", "has no scheme"},
      {"proxy:3128", "has no scheme"},
      {"https://p", "is not supported: culvert speaks to the proxy without TLS"},
      {"socks5h://p", "is not supported: with socks5:// the proxy resolves names too"},
      {"socks4://p", "is not an http:// or socks5:// address"},
      {"http://", "has no host"},
      {"http://:3128", "has no host"},
      {"http://a*b", "has no valid host"},
      {"http://p/", "has a path"},
      {"http://p:1/x?y", "has a path"},
      {"http://p?x", "has a query or fragment"},
      {"http://p#x", "has a query or fragment"},
      {"http://p:", "needs a port from 1 to 65535"},
      {"http://p:0", "needs a port from 1 to 65535"},
      {"http://p:65536", "needs a port from 1 to 65535"},
      {"http://p:-1", "needs a port from 1 to 65535"},
      {"http://p:1x", "needs a port from 1 to 65535"},
      {"http://::1:80", "needs brackets around an IPv6 address"},
      {"http://[::1", "lacks a closing bracket"},
      {"http://[::1]80", "needs a port from 1 to 65535"},
      {"http://[]:80", "has no IPv6 address in its brackets"},
      {"http://[10.0.0.1]:80", "has no IPv6 address in its brackets"},
      {"http://[fe80::1%]:80", "has a zone that is not a name"},
      {"http://p q", "has a character that an address must not have"},
      {"http://p\r\nX: y", "has a character that an address must not have"},
      {"http://\xc3\xa4", "has a character that an address must not have"},
  };
  for (const auto& [text, why] : rows) {
    const Result<ProxyUrl> url = parseProxyUrl(text);
    ASSERT_FALSE(url) << text;
    EXPECT_NE(url.error().text.find(std::string("\" ") + std::string(why) + "; "),
              std::string::npos)
        << url.error().text;
    EXPECT_TRUE(url.error().text.ends_with(kAllowed)) << url.error().text;
    EXPECT_EQ(url.error().text.find('\n'), std::string::npos);
  }
}

TEST(ProxyUrl, BoundsTheLength) {
  EXPECT_TRUE(parseProxyUrl("http://" + std::string(253, 'a')));
  EXPECT_NE(parseProxyUrl("http://" + std::string(254, 'a')).error().text.find("253 bytes"),
            std::string::npos);
  const std::string text = parseProxyUrl("http://" + std::string(5000, 'a')).error().text;
  EXPECT_NE(text.find("is too long"), std::string::npos);
  EXPECT_LT(text.size(), 300u);
}

TEST(ProxyUrl, NeverQuotesCredentials) {
  for (std::string_view text : {"http://user:secret@proxy:3128", "ftp://user:secret@x",
                                "secret@proxy", "http://a b:secret@c"}) {
    const Result<ProxyUrl> url = parseProxyUrl(text);
    ASSERT_FALSE(url);
    EXPECT_EQ(url.error().text,
              "the address has a user before its '@'; credentials belong in "
              "via-auth-file; " +
                  std::string(kAllowed));
  }
}

}  // namespace
}  // namespace culvert
