// SPDX-License-Identifier: GPL-3.0-or-later
// MD5 (RFC 1321), which OpenSSL's traditional format of encrypted private keys requires. It has no
// other use. wolfSSL is built without MD5, so that no certificate signed with it verifies. Thread:
// any.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace culvert {

using Md5Digest = std::array<uint8_t, 16>;

/// The digest of the parts, joined in order.
Md5Digest md5Of(std::initializer_list<std::span<const uint8_t>> parts);

}  // namespace culvert
