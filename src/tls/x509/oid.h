// SPDX-License-Identifier: GPL-3.0-or-later
// Converts object identifiers to text, for example "1.2.840.113549.1.1.1". Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace culvert {

/// Returns an object identifier as text. `oid` is the body of an OBJECT IDENTIFIER in DER.
std::string dottedOid(std::span<const uint8_t> oid);

}  // namespace culvert
