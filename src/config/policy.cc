// SPDX-License-Identifier: GPL-3.0-or-later
// Expands policy.def.
#include "config/policy.h"

namespace culvert {

namespace {

constexpr PolicyInfo kPolicies[] = {
#define POLICY(name, min, max, words) {name, min, max, words},
#include "config/policy.def"
#undef POLICY
};

}  // namespace

std::span<const PolicyInfo> allPolicies() { return kPolicies; }

const PolicyInfo* findPolicy(std::string_view name) {
  for (const PolicyInfo& policy : kPolicies)
    if (policy.name == name) return &policy;
  return nullptr;
}

}  // namespace culvert
