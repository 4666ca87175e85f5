// SPDX-License-Identifier: GPL-3.0-or-later
// The scalar values of the configuration: durations with units, sizes in units of 1024, counts and
// switches. Parsing is strict. Values are written in their shortest form, and reading that form
// gives the same value. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/result.h"

namespace culvert {

inline constexpr int64_t kKiB = 1024, kMiB = 1024 * kKiB;
inline constexpr int64_t kSecond = 1000, kHour = 3'600'000, kDay = 24 * kHour;  // in ms

/// Returns a duration in milliseconds. Accepts `N(ms|s|m|h|d)`, several of these from the largest
/// unit to the smallest (`1h30m`), and `0` and `off`, which mean 0.
Result<int64_t> parseDuration(std::string_view text);

/// Returns a size in bytes. Accepts `N`, and `Nk`, `Nm` and `Ng` with units of 1024. `0` and `off`
/// mean 0.
Result<int64_t> parseSize(std::string_view text);
std::string formatSize(int64_t bytes);

/// Returns the number in `text`, which must consist of decimal digits.
Result<int64_t> parseNumber(std::string_view text);

/// Returns `on` for `yes` and `true`, `off` for `no` and `false`, and any other text unchanged.
std::string_view switchWord(std::string_view text);

/// Returns the value of a switch. Accepts `on`, `off` and the synonyms that switchWord() knows.
Result<bool> parseSwitch(std::string_view text);

}  // namespace culvert
