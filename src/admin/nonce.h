// SPDX-License-Identifier: GPL-3.0-or-later
// A random text for the Content-Security-Policy of one answer. Thread: any.
#pragma once

#include <string>

namespace culvert {

/// 32 hexadecimal digits, from the kernel.
std::string makeNonce();

}  // namespace culvert
