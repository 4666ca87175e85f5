// SPDX-License-Identifier: GPL-3.0-or-later
// The scalar values of the configuration: durations with units, sizes in units of 1024, counts,
// switches. Each is read strictly and written in its shortest form. Reading a written value gives
// the same value. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace culvert {

inline constexpr int64_t kKiB = 1024, kMiB = 1024 * kKiB;
inline constexpr int64_t kSecond = 1000, kHour = 3'600'000, kDay = 24 * kHour;  // in ms

/// `N(ms|s|m|h|d)`, or several from the greatest unit down (`1h30m`); `0` and `off` are 0.
/// Milliseconds.
Result<int64_t> parseDuration(std::string_view text);

/// `N`, `Nk`, `Nm`, `Ng` of 1024; `0` and `off` are 0. Bytes.
Result<int64_t> parseSize(std::string_view text);
std::string formatSize(int64_t bytes);

/// Decimal digits only.
Result<int64_t> parseNumber(std::string_view text);

/// `on` for `yes` and `true`, `off` for `no` and `false`; other texts unchanged.
std::string_view switchWord(std::string_view text);

/// `on` or `off`, or one of their synonyms.
Result<bool> parseSwitch(std::string_view text);

/// Removes blanks and tabs at both ends.
std::string_view trim(std::string_view text);

}  // namespace culvert
