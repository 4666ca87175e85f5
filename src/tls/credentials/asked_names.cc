// SPDX-License-Identifier: GPL-3.0-or-later
// See asked_names.h.
#include "tls/credentials/asked_names.h"

namespace culvert {

void AskedNames::note(std::string_view name, int64_t now) {
  const std::lock_guard lock(mutex_);
  if (const auto found = last_.find(name); found != last_.end())
    found->second = now;
  else
    last_.emplace(name, now);
}

std::vector<std::string> AskedNames::recent(int64_t now) {
  const std::lock_guard lock(mutex_);
  std::erase_if(last_, [now](const auto& entry) { return entry.second + kSeconds < now; });
  std::vector<std::string> names;
  names.reserve(last_.size());
  for (const auto& [name, last] : last_) names.push_back(name);
  return names;
}

}  // namespace culvert
