// SPDX-License-Identifier: GPL-3.0-or-later
// The group numbers of groups.def as constants, for example Group::kX25519. Thread: any.
#pragma once

#include <cstdint>

namespace culvert {

struct Group {
  enum Number : uint16_t {
#define GROUP(ident, id, name, others, byDefault, hybrid, share) ident = id,
#include "tls/protocol/groups.def"
  };
};

}  // namespace culvert
