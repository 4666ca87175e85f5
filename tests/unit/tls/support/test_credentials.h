// SPDX-License-Identifier: GPL-3.0-or-later
// The certificates of test_keys.h as Credentials.
#pragma once

#include <memory>
#include <string>

#include "tls/credentials/credentials.h"
#include "unit/tls/support/test_keys.h"

namespace culvert {

inline std::shared_ptr<const Credentials> testCredentials(const std::string& name) {
  auto loaded =
      Credentials::loadFiles({testKeys() / (name + ".pem"), testKeys() / (name + ".key"), {}});
  EXPECT_TRUE(loaded.has_value()) << loaded.error().text();
  return loaded.has_value() ? *loaded : nullptr;
}

}  // namespace culvert
