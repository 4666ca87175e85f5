// SPDX-License-Identifier: GPL-3.0-or-later
// See tls_settings.h; the verdict on a hello is in hello_check.cc.
#include "tls/tls_settings.h"

namespace culvert {

bool suiteFitsKey(const SuiteInfo& suite, KeyType key) {
  return suite.auth == SuiteAuth::kAny || (suite.auth == SuiteAuth::kRsa) == (key == KeyType::kRsa);
}

}  // namespace culvert
