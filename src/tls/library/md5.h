// SPDX-License-Identifier: GPL-3.0-or-later
// MD5 (RFC 1321). Used only for encrypted private keys in OpenSSL's traditional format. wolfSSL is
// built without MD5, so that certificates signed with MD5 do not verify. Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace culvert {

using Md5Digest = std::array<uint8_t, 16>;

/// Returns the digest of the concatenated parts.
Md5Digest md5Of(std::initializer_list<std::span<const uint8_t>> parts);

}  // namespace culvert
