// SPDX-License-Identifier: GPL-3.0-or-later
// See identity.h.
#include "process/identity.h"

namespace culvert {

std::optional<Identity> identityOf(const GlobalOptions& global, Severity unreachable,
                                   Diagnostics& diagnostics) {
  if (global.user.empty()) return std::nullopt;
  const auto tell = [&](Severity severity, const char* key, const Error& error) {
    diagnostics.add(severity, global.originOf(key), sectionLabel(global), key, error.text);
  };
  if (!global.group.empty()) {
    if (const auto group = resolveGroup(global.group); !group) {
      tell(Severity::kError, "group", group.error());
      return std::nullopt;
    }
  }
  auto who = resolveIdentity(global.user, global.group);
  if (!who) {
    tell(Severity::kError, "user", who.error());
    return std::nullopt;
  }
  if (const auto reachable = checkIdentityReachable(*who); !reachable)
    tell(unreachable, "user", reachable.error());
  return std::move(*who);
}

}  // namespace culvert
