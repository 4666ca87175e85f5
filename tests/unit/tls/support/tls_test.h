// SPDX-License-Identifier: GPL-3.0-or-later
// The base of tests that need wolfSSL.
#pragma once

#include <gtest/gtest.h>

#include "tls/library/tls_library.h"

namespace culvert {

/// Base of tests that need the library.
class TlsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto ready = initTlsLibrary();
    ASSERT_TRUE(ready.has_value()) << ready.error().text;
  }
};

}  // namespace culvert
