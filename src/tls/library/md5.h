// SPDX-License-Identifier: GPL-3.0-or-later
// MD5 (RFC 1321), which OpenSSL's old form of encrypted private keys rests on. For nothing else: the
// library is built without it, so that no certificate signed with it can verify. Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>

namespace culvert {

using Md5Digest = std::array<uint8_t, 16>;

/// Of the parts, one behind the other.
Md5Digest md5Of(std::initializer_list<std::span<const uint8_t>> parts);

}  // namespace culvert
