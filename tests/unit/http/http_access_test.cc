// SPDX-License-Identifier: GPL-3.0-or-later
// Who may use a door: hosts, origins, and the header that a change needs.
#include "http/http_access.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

enum class Door : uint8_t { kAdmin, kAdmin6, kAdmin80, kOther, kUnix, kMetrics, kMetricsUnix };

HttpAccess accessOf(Door door) {
  switch (door) {
    case Door::kAdmin:
      return {.admin = true, .boundText = "127.0.0.1:9443"};
    case Door::kAdmin6:
      return {.admin = true, .boundText = "[::1]:9443"};
    case Door::kAdmin80:
      return {.admin = true, .boundText = "127.0.0.1:80"};
    case Door::kOther:
      return {.admin = true, .boundText = "127.1.2.3:9443"};
    case Door::kUnix:
      return {.admin = true, .boundText = "unix:/run/admin.sock"};
    case Door::kMetrics:
      return {.admin = false, .boundText = "*:9443"};
    case Door::kMetricsUnix:
      return {.admin = false, .boundText = "unix:/run/metrics.sock"};
  }
  return {};
}

struct Case {
  Door door;
  const char* method;
  const char* host;
  const char* origin;
  bool header;
  int status;  // 0: served
};

void PrintTo(const Case& one, std::ostream* out) {
  *out << accessOf(one.door).boundText << ' ' << one.method << " host=" << one.host
       << " origin=" << one.origin << " header=" << one.header;
}

const Case kHosts[] = {
    {Door::kAdmin, "GET", "127.0.0.1:9443", "", false, 0},
    {Door::kAdmin, "GET", "localhost:9443", "", false, 0},
    {Door::kAdmin, "GET", "LocalHost:9443", "", false, 0},
    {Door::kAdmin, "GET", "[::1]:9443", "", false, 0},
    {Door::kAdmin6, "GET", "[::1]:9443", "", false, 0},
    {Door::kOther, "GET", "127.1.2.3:9443", "", false, 0},
    {Door::kOther, "GET", "127.1.2.4:9443", "", false, 421},
    {Door::kAdmin, "GET", "", "", false, 421},
    {Door::kAdmin, "GET", "localhost", "", false, 421},
    {Door::kAdmin, "GET", "127.0.0.1", "", false, 421},
    {Door::kAdmin, "GET", "localhost:9444", "", false, 421},
    {Door::kAdmin, "GET", "localhost.:9443", "", false, 421},
    {Door::kAdmin, "GET", "localhost.evil.example:9443", "", false, 421},
    {Door::kAdmin, "GET", "evil.example:9443", "", false, 421},
    {Door::kAdmin, "GET", "user@localhost:9443", "", false, 421},
    {Door::kAdmin, "GET", "localhost:9443, localhost:9443", "", false, 421},
    {Door::kAdmin, "GET", "::1:9443", "", false, 421},
    {Door::kAdmin, "GET", ":9443", "", false, 421},
    {Door::kAdmin, "HEAD", "evil.example:9443", "", false, 421},
    {Door::kAdmin, "POST", "evil.example:9443", "http://evil.example:9443", true, 421},
    {Door::kAdmin80, "GET", "127.0.0.1", "", false, 0},
    {Door::kAdmin80, "GET", "localhost", "", false, 0},
    {Door::kAdmin80, "GET", "[::1]", "", false, 0},
    {Door::kAdmin80, "GET", "localhost:80", "", false, 0},
    {Door::kAdmin80, "GET", "evil.example", "", false, 421},
    {Door::kAdmin80, "GET", "", "", false, 421},
    {Door::kUnix, "GET", "", "", false, 0},
    {Door::kUnix, "GET", "anything", "", false, 0},
    {Door::kMetrics, "GET", "10.0.0.1:9443", "", false, 0},
    {Door::kMetrics, "HEAD", "evil.example", "", false, 0},
    {Door::kMetrics, "GET", "", "", false, 0},
    {Door::kMetricsUnix, "GET", "anything", "", false, 0},
};

const Case kOrigins[] = {
    {Door::kAdmin, "POST", "localhost:9443", "http://localhost:9443", true, 0},
    {Door::kAdmin, "POST", "LOCALHOST:9443", "http://localhost:9443", true, 0},
    {Door::kAdmin, "GET", "localhost:9443", "http://localhost:9443", false, 0},
    {Door::kAdmin80, "POST", "localhost", "http://localhost", true, 0},
    {Door::kAdmin, "POST", "localhost:9443", "http://127.0.0.1:9443", true, 403},
    {Door::kAdmin, "POST", "localhost:9443", "https://localhost:9443", true, 403},
    {Door::kAdmin, "POST", "localhost:9443", "http://localhost", true, 403},
    {Door::kAdmin, "POST", "localhost:9443", "http://localhost:9444", true, 403},
    {Door::kAdmin, "POST", "localhost:9443", "http://localhost:9443.evil.example", true, 403},
    {Door::kAdmin, "POST", "localhost:9443", "http://localhost:9443/", true, 403},
    {Door::kAdmin, "POST", "localhost:9443", "http://evil.example", true, 403},
    {Door::kAdmin, "POST", "localhost:9443", "null", true, 403},
    {Door::kAdmin, "GET", "localhost:9443", "http://evil.example", false, 403},
    {Door::kUnix, "POST", "localhost", "http://evil.example", true, 403},
    {Door::kMetrics, "GET", "10.0.0.1:9443", "http://evil.example", false, 403},
};

const Case kChanges[] = {
    {Door::kAdmin, "POST", "localhost:9443", "", true, 0},
    {Door::kAdmin, "POST", "localhost:9443", "", false, 403},
    {Door::kUnix, "POST", "", "", true, 0},
    {Door::kUnix, "POST", "", "", false, 403},
    {Door::kMetrics, "POST", "a", "", true, 405},
    {Door::kMetrics, "POST", "a", "", false, 405},
};

class HttpAccessTable : public testing::TestWithParam<Case> {};

TEST_P(HttpAccessTable, ServesOrRefuses) {
  const Case& one = GetParam();
  HttpRequest request;
  request.method = one.method;
  request.path = "/";
  request.host = one.host;
  request.origin = one.origin;
  request.adminHeader = one.header;
  const auto refusal = refusalOf(request, accessOf(one.door));
  EXPECT_EQ(refusal ? refusal->status : 0, one.status);
  if (!refusal) return;
  EXPECT_FALSE(refusal->why.empty());
  EXPECT_EQ(refusal->why.find_first_of("\"\\"), std::string::npos)
      << "not escaped: " << refusal->why;
}

INSTANTIATE_TEST_SUITE_P(Hosts, HttpAccessTable, testing::ValuesIn(kHosts));
INSTANTIATE_TEST_SUITE_P(Origins, HttpAccessTable, testing::ValuesIn(kOrigins));
INSTANTIATE_TEST_SUITE_P(Changes, HttpAccessTable, testing::ValuesIn(kChanges));

}  // namespace
}  // namespace culvert
