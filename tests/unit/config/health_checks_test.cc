// SPDX-License-Identifier: GPL-3.0-or-later
// The keys of health checks: which go together, and what the texts may be.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "load_helper.h"

namespace culvert {
namespace {

using namespace testing_config;
using Lines = std::vector<std::string>;

constexpr const char* kHealthBase = "[service web]\nlisten = 1\nbackend = 2\ncert = c\n";

Lines complaints(const std::string& more) { return lines(load(kHealthBase + more).diagnostics); }
/// The only complaint, without its place.
std::string complaint(const std::string& more) {
  const Lines all = complaints(more);
  const std::string place = "[service web] ";
  return all.size() != 1 ? std::to_string(all.size()) + " lines"
                         : all[0].substr(all[0].find(place) + place.size());
}

TEST(HealthKeys, EachKindIsPossible) {
  for (const char* kind : {"off", "tcp", "send", "http", "redis", "pgsql", "smtp"})
    EXPECT_EQ(complaints(std::string("health-check = ") + kind + "\n"), Lines{}) << kind;
  EXPECT_EQ(complaints("backend-tls = on\nhealth-check = tls\n"), Lines{});
  EXPECT_EQ(complaint("health-check = tls\n"),
            "health-check: is tls, which needs backend-tls = on; allowed without it: tcp, send, "
            "http, redis, pgsql, smtp");
}

TEST(HealthKeys, TextsBelongToSendAndHttp) {
  EXPECT_EQ(complaint("health-send = x\n"), "health-send: needs health-check = send or http");
  EXPECT_EQ(complaint("health-check = tcp\nhealth-expect = x\n"),
            "health-expect: needs health-check = send or http");
  const std::string defaults = "[defaults]\nhealth-send = /a b\nhealth-expect = \\q\n";
  EXPECT_EQ(lines(load(defaults + kHealthBase + "health-check = redis\n").diagnostics), Lines{});
  EXPECT_EQ(complaints("health-check = send\nhealth-send = \\r\\x00\nhealth-expect = \\\\\n"),
            Lines{});
}

TEST(HealthKeys, AnErrorNamesTheEscape) {
  EXPECT_EQ(complaint("health-check = send\nhealth-send = PING\\y\n"),
            "health-send: \"\\y\" at character 5 is not an escape; allowed: \\r \\n \\t \\0 \\\\ "
            "and \\xHH with two hexadecimal digits");
  EXPECT_TRUE(complaint("health-check = http\nhealth-expect = \\x2\n")
                  .starts_with("health-expect: \"\\x2\" at character 1 "));
}

TEST(HealthKeys, PathAndStatusOfHttp) {
  EXPECT_EQ(complaints("health-check = http\nhealth-send = /a?b=c%20d\nhealth-expect = 503\n"),
            Lines{});
  for (const char* path : {"up", "/a b", "/a\\r\\nb", "/\\x7f", "http://h/"})
    EXPECT_TRUE(complaint(std::string("health-check = http\nhealth-send = ") + path + "\n")
                    .starts_with("health-send: is not a path"))
        << path;
  for (const char* status : {"20", "2000", "2xx", "099", "600", "200 OK"})
    EXPECT_TRUE(complaint(std::string("health-check = http\nhealth-expect = ") + status + "\n")
                    .starts_with("health-expect: is not a status"))
        << status;
}

TEST(HealthKeys, TlsThatNeedsAClient) {
  const std::string mysql = "backend-tls = on\nbackend-starttls = mysql\n";
  EXPECT_EQ(complaints(mysql + "health-check = tcp\n"), Lines{});
  EXPECT_TRUE(complaint(mysql + "health-check = tls\n")
                  .starts_with("health-check: cannot pass backend-starttls"));
  EXPECT_EQ(complaints("backend-tls = on\nbackend-starttls = pgsql\nhealth-check = pgsql\n"),
            Lines{});
}

TEST(HealthKeys, TheTimeoutMayBeLongerThanTheInterval) {
  EXPECT_EQ(complaints("health-check = tcp\nhealth-interval = 100ms\nhealth-timeout = 5s\n"),
            Lines{});
}

}  // namespace
}  // namespace culvert
