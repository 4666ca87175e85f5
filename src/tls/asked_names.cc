// SPDX-License-Identifier: GPL-3.0-or-later
// See asked_names.h.
#include "tls/asked_names.h"

namespace culvert {

namespace {

constexpr int64_t kForgetEvery = 3600;  // seconds: a full table is not gone through for each name

}  // namespace

void AskedNames::note(std::string_view name, int64_t now) {
  const std::lock_guard lock(mutex_);
  if (const auto found = last_.find(name); found != last_.end()) {
    found->second = now;
    return;
  }
  if (last_.size() >= kMost) forgetOld(now);
  if (last_.size() < kMost) last_.emplace(name, now);
}

void AskedNames::forgetOld(int64_t now) {
  if (now < forgotAt_ + kForgetEvery) return;
  forgotAt_ = now;
  std::erase_if(last_, [now](const auto& entry) { return entry.second + kSeconds < now; });
}

std::vector<std::string> AskedNames::recent(int64_t now) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> names;
  for (const auto& [name, last] : last_)
    if (last + kSeconds >= now) names.push_back(name);
  return names;
}

}  // namespace culvert
