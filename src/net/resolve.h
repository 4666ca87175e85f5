// SPDX-License-Identifier: GPL-3.0-or-later
// A host name's addresses from the system's resolver, in the caller's thread. Thread: any.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "net/address.h"

namespace culvert {

/// getaddrinfo() in the caller's thread: blocks for seconds where DNS is slow. In the system's
/// order (RFC 6724), the families by turns (RFC 8305), without duplicates, never empty. For
/// --check, for listeners, and as the resolver's own look-up.
Result<AddressSet> resolveHost(const std::string& host, uint16_t port);

/// The first address stays first; behind it the families come by turns, each in its order. Where
/// one family does not work, the other is not far away (RFC 8305, section 4).
void interleaveFamilies(AddressSet& set);

}  // namespace culvert
