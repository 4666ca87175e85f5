// SPDX-License-Identifier: GPL-3.0-or-later
// Resolves a host name with the system's resolver, in the caller's thread. Thread: any.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "net/address.h"

namespace culvert {

/// Calls getaddrinfo() in the caller's thread, and blocks for seconds if DNS is slow. Returns at
/// least one address, without duplicates, in the system's order (RFC 6724) but with alternating
/// families (RFC 8305). Used for --check, for listeners, and by the Resolver.
Result<AddressSet> resolveHost(const std::string& host, uint16_t port);

/// Reorders the addresses so that IPv4 and IPv6 alternate (RFC 8305, section 4). The first address
/// stays first, and the addresses of each family keep their order. So if one family does not work,
/// culvert soon tries an address of the other family.
void interleaveFamilies(AddressSet& set);

}  // namespace culvert
