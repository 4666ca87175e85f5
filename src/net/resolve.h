// SPDX-License-Identifier: GPL-3.0-or-later
// Resolves a host name with the system's resolver, in the caller's thread. Thread: any.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "net/address.h"

namespace culvert {

/// Calls getaddrinfo() in the caller's thread; blocks for seconds if DNS is slow. The addresses are
/// in the system's order (RFC 6724), with alternating families (RFC 8305), without duplicates,
/// never empty. Used for --check, for listeners, and by the Resolver.
Result<AddressSet> resolveHost(const std::string& host, uint16_t port);

/// Keeps the first address first. After it the families alternate, each in its order. If one family
/// does not work, an address of the other is tried soon (RFC 8305, section 4).
void interleaveFamilies(AddressSet& set);

}  // namespace culvert
