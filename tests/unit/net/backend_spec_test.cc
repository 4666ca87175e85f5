// SPDX-License-Identifier: GPL-3.0-or-later
// Backends as text: addresses, SRV names and weights.
#include "net/backend_spec.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

TEST(BackendSpec, ReadsAddressesAndWeights) {
  const auto plain = parseBackend("127.0.0.1:80");
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->text(), "127.0.0.1:80");
  EXPECT_EQ(plain->weight, 1U);
  const auto weighted = parseBackend("Web.example.org:80   weight=100");
  ASSERT_TRUE(weighted);
  EXPECT_EQ(weighted->text(), "web.example.org:80");
  EXPECT_EQ(weighted->weight, 100U);
  EXPECT_EQ(parseBackend("unix:/run/x weight=7")->weight, 7U);
}

TEST(BackendSpec, ReadsSrvNames) {
  const auto srv = parseBackend("srv:_Redis._tcp.Example.org weight=3");
  ASSERT_TRUE(srv);
  EXPECT_EQ(srv->srv, "_redis._tcp.example.org");
  EXPECT_EQ(srv->text(), "srv:_redis._tcp.example.org");
  EXPECT_EQ(srv->srvDomain(), "example.org");
  EXPECT_EQ(srv->weight, 3U);
}

TEST(BackendSpec, SaysWhatIsWrong) {
  for (const char* text : {"127.0.0.1:80 weight=0", "127.0.0.1:80 weight=101",
                           "127.0.0.1:80 weight=", "127.0.0.1:80 weigth=3", "127.0.0.1:80 3",
                           "127.0.0.1:80 weight=1x"}) {
    const auto parsed = parseBackend(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().text.find("allowed behind an address: weight=1 to weight=100"),
              std::string::npos)
        << parsed.error().text;
  }
  for (const char* text : {"srv:redis._tcp.example.org", "srv:_redis._udp.example.org",
                           "srv:_redis", "srv:_._tcp.example.org", "srv:_redis._tcp.",
                           "srv:_re/dis._tcp.x.org", "srv:_redis._tcp.-x.org"}) {
    const auto parsed = parseBackend(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_NE(parsed.error().text.find("allowed: srv:_NAME._tcp.DOMAIN"), std::string::npos);
  }
  EXPECT_FALSE(parseBackend("127.0.0.1"));
}

}  // namespace
}  // namespace culvert
