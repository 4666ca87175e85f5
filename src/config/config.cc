// SPDX-License-Identifier: GPL-3.0-or-later
// Compares configurations, option by option, with the help of the option table.
#include "config/config.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/option_table.h"

namespace culvert {

const Origin& OptionSet::originOf(std::string_view key) const {
  static const Origin kBuiltIn;
  const auto found = origins.find(key);
  return found == origins.end() ? kBuiltIn : found->second;
}

bool OptionSet::isInherited(std::string_view key) const {
  return std::ranges::find(inherited, key) != inherited.end();
}

const ServiceOptions* Config::findService(std::string_view name) const {
  const auto found = std::ranges::find(services, name, &ServiceOptions::name);
  return found == services.end() ? nullptr : &*found;
}

Diagnostics restartOnlyChanges(const Config& before, const Config& after, const std::string& file) {
  Diagnostics changes;
  const auto words = [](const std::string& value) {
    return value.empty() ? std::string("not set") : value;
  };
  for (const OptionInfo& info : allOptions()) {
    if (info.scope != OptionScope::kGlobal || !info.has(kRestart)) continue;
    if (info.equal(before.global, after.global)) continue;
    Origin place = after.global.originOf(info.key);
    if (place.kind == Origin::Kind::kDefault) place = after.global.sectionOrigin;
    if (place.kind == Origin::Kind::kDefault) place = Origin::file(file, 1);
    changes.error(place, sectionLabel(after.global), std::string(info.key),
                  fmt::format("was {}, now {}: needs a restart, a reload cannot change it",
                              words(formatValue(info, before.global)),
                              words(formatValue(info, after.global))));
  }
  changes.sort();
  return changes;
}

std::string sectionLabel(const GlobalOptions&) { return "global"; }
std::string sectionLabel(const ServiceOptions& options) { return "service " + options.name; }

}  // namespace culvert
