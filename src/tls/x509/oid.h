// SPDX-License-Identifier: GPL-3.0-or-later
// Object identifiers as text: "1.2.840.113549.1.1.1". Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace culvert {

/// Returns the text. `oid` is the body of an OBJECT IDENTIFIER.
std::string dottedOid(std::span<const uint8_t> oid);

}  // namespace culvert
