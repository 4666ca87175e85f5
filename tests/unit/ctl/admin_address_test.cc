// SPDX-License-Identifier: GPL-3.0-or-later
// The forms of the daemon's address.
#include "ctl/admin_address.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(AdminAddress, Forms) {
  struct Case {
    const char *text, *path, *host, *port, *shown, *header;
  };
  const Case cases[] = {
      {"unix:/run/a.sock", "/run/a.sock", "", "", "unix:/run/a.sock", "localhost"},
      {"/run/a b:1", "/run/a b:1", "", "", "unix:/run/a b:1", "localhost"},
      {"9443", "", "127.0.0.1", "9443", "127.0.0.1:9443", "127.0.0.1:9443"},
      {"127.0.0.1:1", "", "127.0.0.1", "1", "127.0.0.1:1", "127.0.0.1:1"},
      {"localhost:65535", "", "localhost", "65535", "localhost:65535", "localhost:65535"},
      {"[::1]:80", "", "::1", "80", "[::1]:80", "[::1]:80"},
  };
  for (const Case& one : cases) {
    const Result<AdminAddress> address = parseAdminAddress(one.text);
    ASSERT_TRUE(address) << one.text << ": " << address.error().text;
    EXPECT_EQ(*address, (AdminAddress{one.path, one.host, one.port})) << one.text;
    EXPECT_EQ(address->text(), one.shown);
    EXPECT_EQ(address->hostHeader(), one.header);
  }
}

TEST(AdminAddress, RefusesOtherForms) {
  for (const char* text : {"", "unix:", "unix:run/a", "0", "65536", "99999999999", "a", "127.0.0.1",
                           "127.0.0.1:", ":80", "::1:80", "[127.0.0.1]:80", "[]:80", "a b:80",
                           "host\r\nX: y:80", "http://a:80", "host/path:80", "-1", "80 "})
    EXPECT_FALSE(parseAdminAddress(text)) << text;
  EXPECT_TRUE(parseAdminAddress("/" + std::string(106, 'x')));
  EXPECT_FALSE(parseAdminAddress("/" + std::string(107, 'x')));
  EXPECT_FALSE(parseAdminAddress(std::string("/a\0b", 4)));
}

}  // namespace
}  // namespace culvert
