// SPDX-License-Identifier: GPL-3.0-or-later
// The presets of the option `policy`, declared in policy.def, as data. Thread: any (constant data).
#pragma once

#include <span>
#include <string_view>

namespace culvert {

/// The values that a preset of `policy` sets, in the syntax of the file.
struct PolicyInfo {
  std::string_view name, minVersion, maxVersion, words;
};

std::span<const PolicyInfo> allPolicies();
/// Returns nullptr if there is no preset with this name.
const PolicyInfo* findPolicy(std::string_view name);

}  // namespace culvert
