// SPDX-License-Identifier: GPL-3.0-or-later
// See nonce.h.
#include "admin/nonce.h"

#include <sys/random.h>

#include <array>

#include "base/hex.h"

namespace culvert {

std::string makeNonce() {
  std::array<uint8_t, 16> bytes{};
  // getrandom() does not fail for so few bytes once the kernel has started (getrandom(2)).
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    return "none";
  return encodeHex(bytes);
}

}  // namespace culvert
