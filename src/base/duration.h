// SPDX-License-Identifier: GPL-3.0-or-later
// The text form of durations in the configuration and the log, for example "1h30m", "500ms" or
// "off". Thread: any.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace culvert {

struct DurationUnit {
  std::string_view name;
  int64_t milliseconds;
};
/// The units of a duration, from the largest to the smallest.
inline constexpr std::array<DurationUnit, 5> kDurationUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}}};

/// Returns the shortest form of the duration; 0 becomes "off".
std::string formatDuration(int64_t milliseconds);

}  // namespace culvert
