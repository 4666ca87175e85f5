// SPDX-License-Identifier: GPL-3.0-or-later
// The scalar values of the configuration: durations with units, sizes in units of 1024, counts,
// switches. Parsing is strict, and values are written in their shortest form. Reading a written
// value gives the same value. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace culvert {

inline constexpr int64_t kKiB = 1024, kMiB = 1024 * kKiB;
inline constexpr int64_t kSecond = 1000, kHour = 3'600'000, kDay = 24 * kHour;  // in ms

/// Returns milliseconds. Accepts `N(ms|s|m|h|d)`, several of these from the largest unit to the
/// smallest (`1h30m`), and `0` and `off` for 0.
Result<int64_t> parseDuration(std::string_view text);

/// Returns bytes. Accepts `N`, `Nk`, `Nm` and `Ng` with units of 1024, and `0` and `off` for 0.
Result<int64_t> parseSize(std::string_view text);
std::string formatSize(int64_t bytes);

/// Accepts decimal digits only.
Result<int64_t> parseNumber(std::string_view text);

/// Returns `on` for `yes` and `true`, `off` for `no` and `false`, and other texts unchanged.
std::string_view switchWord(std::string_view text);

/// Accepts `on`, `off` and their synonyms (see switchWord).
Result<bool> parseSwitch(std::string_view text);

/// Removes blanks and tabs at both ends.
std::string_view trim(std::string_view text);

}  // namespace culvert
