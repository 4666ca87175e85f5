// SPDX-License-Identifier: GPL-3.0-or-later
// Detects certificates whose signature uses a hash that clients no longer accept. Thread: any.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace culvert {

/// Returns "MD2", "MD5" or "SHA-1" if the signature of certificate `der` uses that hash, else an
/// empty string. `oid` must be the certificate's DecodedCert::signatureOID.
std::string_view weakSignature(uint32_t oid, std::span<const uint8_t> der);

}  // namespace culvert
