// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace culvert {

void checkFailed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "culvert: bug: %s does not hold at %s:%d\n", condition, file, line);
  std::abort();
}

}  // namespace culvert
