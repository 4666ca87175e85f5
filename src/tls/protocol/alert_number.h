// SPDX-License-Identifier: GPL-3.0-or-later
// The alert numbers of tls_alert.def as constants, for example Alert::handshake_failure. Thread:
// any.
#pragma once

#include <cstdint>

namespace culvert {

struct Alert {
  enum Number : uint8_t {
#define ALERT(number, name, words) name = number,
#include "tls/protocol/tls_alert.def"
#undef ALERT
  };
};

}  // namespace culvert
