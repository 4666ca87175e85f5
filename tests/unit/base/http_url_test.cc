// SPDX-License-Identifier: GPL-3.0-or-later
// http:// addresses taken apart, and what is none.
#include "base/http_url.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

HttpUrl parsed(std::string_view text) {
  auto url = parseHttpUrl(text);
  EXPECT_TRUE(url) << text << ": " << (url ? "" : url.error().text);
  return url ? *url : HttpUrl();
}

TEST(HttpUrl, IsTakenApart) {
  EXPECT_EQ(parsed("http://Ocsp.Example.org"), (HttpUrl{"ocsp.example.org", 80, "/"}));
  EXPECT_EQ(parsed("HTTP://a/b/c?d=e"), (HttpUrl{"a", 80, "/b/c?d=e"}));
  EXPECT_EQ(parsed("http://a:8080"), (HttpUrl{"a", 8080, "/"}));
  EXPECT_EQ(parsed("http://[::1]:8080/x"), (HttpUrl{"::1", 8080, "/x"}));
  EXPECT_EQ(parsed("http://[fe80::1%eth0]/"), (HttpUrl{"fe80::1%eth0", 80, "/"}));
  EXPECT_EQ(parsed("http://a?q"), (HttpUrl{"a", 80, "/?q"}));
  EXPECT_EQ(parsed("http://a/b#part"), (HttpUrl{"a", 80, "/b"}));
}

TEST(HttpUrl, IsPutTogetherAgain) {
  EXPECT_EQ(parsed("http://a").text(), "http://a/");
  EXPECT_EQ(parsed("http://a:80/b").authority(), "a");
  EXPECT_EQ(parsed("http://[::1]:8080/x").text(), "http://[::1]:8080/x");
}

TEST(HttpUrl, RefusesWhatIsNone) {
  for (const char* text : {"",
                           "http:",
                           "http://",
                           "http:///x",
                           "https://a/",
                           "ftp://a",
                           "a.example.org",
                           "http://:80/",
                           "http://a:0/",
                           "http://a:65536",
                           "http://a:b",
                           "http://a:",
                           "http://a:8 0",
                           "http://u@a/",
                           "http://[::1/",
                           "http://[]/",
                           "http://[::1]8080/",
                           "http://a/\r\nX: y",
                           "http://a/ b",
                           "http://\xc3\xa4/",
                           "http://a/\x7f"}) {
    auto url = parseHttpUrl(text);
    EXPECT_FALSE(url) << text;
    if (!url) {
      EXPECT_NE(url.error().text.find("allowed: http://HOST[:PORT][/PATH]"), std::string::npos)
          << url.error().text;
    }
  }
  EXPECT_FALSE(parseHttpUrl("http://" + std::string(3000, 'a')));
  EXPECT_FALSE(parseHttpUrl(std::string_view("http://a/\0b", 11)));
}

}  // namespace
}  // namespace culvert
