// SPDX-License-Identifier: GPL-3.0-or-later
// See duration.h.
#include "base/duration.h"

#include <fmt/format.h>

namespace culvert {

std::string formatDuration(int64_t milliseconds) {
  if (milliseconds == 0) return "off";
  std::string text;
  for (const DurationUnit& unit : kDurationUnits) {
    if (milliseconds < unit.milliseconds) continue;
    text += fmt::format("{}{}", milliseconds / unit.milliseconds, unit.name);
    milliseconds %= unit.milliseconds;
  }
  return text;
}

}  // namespace culvert
