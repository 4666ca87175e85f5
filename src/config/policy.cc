// SPDX-License-Identifier: GPL-3.0-or-later
// Expands policy.def.
#include "config/policy.h"

namespace culvert {

namespace {

constexpr PolicyInfo kPolicyTable[] = {
#define POLICY(name, min, max, words) {name, min, max, words},
#include "config/policy.def"
#undef POLICY
};

}  // namespace

std::span<const PolicyInfo> allPolicies() { return kPolicyTable; }

const PolicyInfo* findPolicy(std::string_view name) {
  for (const PolicyInfo& policy : kPolicyTable)
    if (policy.name == name) return &policy;
  return nullptr;
}

}  // namespace culvert
