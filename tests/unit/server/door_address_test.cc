// SPDX-License-Identifier: GPL-3.0-or-later
// Which addresses metrics and admin may name.
#include "server/door_address.h"

#include <gtest/gtest.h>

namespace culvert {
namespace {

struct Doors {
  std::vector<DoorAddress> all;
  std::string errors;
};

Doors doorsOf(const std::string& metrics, const std::string& admin) {
  GlobalOptions global;
  global.metrics = metrics;
  global.admin = admin;
  Diagnostics diagnostics;
  Doors doors{.all = doorAddresses(global, diagnostics), .errors = {}};
  for (const Diagnostic& one : diagnostics.list()) doors.errors += one.text() + "\n";
  return doors;
}

TEST(DoorAddressTest, WithoutTheOptionsThereIsNone) {
  const Doors doors = doorsOf("", "");
  EXPECT_TRUE(doors.all.empty());
  EXPECT_TRUE(doors.errors.empty());
}

TEST(DoorAddressTest, ABarePortOfMetricsIsEveryAddress) {
  const Doors doors = doorsOf("9100", "");
  ASSERT_EQ(doors.all.size(), 1u);
  EXPECT_EQ(doors.all[0].kind, AddressKind::kWildcard);
  EXPECT_EQ(doors.all[0].key, "metrics *:9100");
  EXPECT_FALSE(doors.all[0].admin);
}

TEST(DoorAddressTest, ABarePortOfAdminIsLoopback) {
  const Doors doors = doorsOf("", "9443");
  ASSERT_EQ(doors.all.size(), 1u);
  EXPECT_EQ(doors.all[0].key, "admin 127.0.0.1:9443");
  EXPECT_TRUE(doors.all[0].admin);
  EXPECT_TRUE(doors.all[0].isTcp());
}

TEST(DoorAddressTest, AdminTakesLoopbackAndUnixOnly) {
  for (const char* good : {"127.0.0.1:1", "127.3.2.1:1", "[::1]:1", "localhost:1", "unix:/run/x"})
    EXPECT_FALSE(doorsOf("", good).all.empty()) << good;
  for (const char* bad :
       {"10.0.0.1:1", "0.0.0.0:1", "*:1", "[::]:1", "[2001:db8::1]:1", "192.0.2.1:443"}) {
    const Doors doors = doorsOf("", bad);
    EXPECT_TRUE(doors.all.empty()) << bad;
    EXPECT_NE(doors.errors.find("[global] admin: "), std::string::npos) << doors.errors;
    EXPECT_NE(doors.errors.find("allowed: unix:/path, 127.0.0.1:PORT"), std::string::npos) << bad;
  }
  EXPECT_FALSE(doorsOf("", "unix:/run/x").all[0].isTcp());
}

TEST(DoorAddressTest, ErrorsOfBothOptionsAreReported) {
  const Doors doors = doorsOf("nowhere:99999", "1.2.3.4");
  EXPECT_NE(doors.errors.find("[global] metrics: "), std::string::npos);
  EXPECT_NE(doors.errors.find("[global] admin: "), std::string::npos);
}

TEST(DoorAddressTest, TheSameAddressForBothIsTwoDoors) {
  const Doors doors = doorsOf("127.0.0.1:9", "127.0.0.1:9");
  ASSERT_EQ(doors.all.size(), 2u);
  EXPECT_NE(doors.all[0].key, doors.all[1].key) << "the second bind fails with words";
}

}  // namespace
}  // namespace culvert
