// SPDX-License-Identifier: GPL-3.0-or-later
// See oid.h.
#include "tls/x509/oid.h"

#include <fmt/format.h>

#include <algorithm>

namespace culvert {

std::string dottedOid(std::span<const uint8_t> oid) {
  std::string out;
  uint64_t number = 0;
  for (size_t i = 0; i < oid.size(); ++i) {
    number = (number & 0x1ffffffffffffff) << 7 | (oid[i] & 0x7f);
    if ((oid[i] & 0x80) != 0) continue;
    if (out.empty()) {
      const uint64_t first = std::min<uint64_t>(number / 40, 2);
      out = fmt::format("{}.{}", first, number - first * 40);
    } else {
      out += fmt::format(".{}", number);
    }
    number = 0;
  }
  return out;
}

}  // namespace culvert
