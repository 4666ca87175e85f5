// SPDX-License-Identifier: GPL-3.0-or-later
// Which certificates are signed with a hash that nobody accepts any more. Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace culvert {

/// "MD2", "MD5" or "SHA-1" where the signature of this certificate uses it, else empty. `oid` is
/// DecodedCert::signatureOID.
std::string_view weakSignature(uint32_t oid, std::span<const uint8_t> der);

}  // namespace culvert
