// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/result.h"

#include <cstring>

namespace culvert {

std::string errnoText(int sysErrno) {
  char buffer[128];
  // This is the GNU variant of strerror_r(). It returns the text, which may be outside `buffer`.
  return strerror_r(sysErrno, buffer, sizeof buffer);
}

tl::unexpected<Error> failErrno(std::string what, int sysErrno) {
  return fail(std::move(what) + ": " + errnoText(sysErrno), sysErrno);
}

}  // namespace culvert
