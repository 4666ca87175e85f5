// SPDX-License-Identifier: GPL-3.0-or-later
// See runtime.h.
#include "service/runtime.h"

#include <algorithm>

namespace culvert {

const RuntimeService* Runtime::find(std::string_view name) const {
  const auto found = std::ranges::find(services, name, &RuntimeService::name);
  return found != services.end() ? &*found : nullptr;
}

RuntimeIndex::RuntimeIndex(const Runtime& runtime) {
  for (const RuntimeService& one : runtime.services) byName_.emplace(one.name(), &one);
}

const RuntimeService* RuntimeIndex::find(std::string_view name) const {
  const auto found = byName_.find(name);
  return found != byName_.end() ? found->second : nullptr;
}

std::vector<std::shared_ptr<const Service>> changedTrust(const Runtime& before,
                                                         const Runtime& now) {
  std::vector<std::shared_ptr<const Service>> changed;
  const RuntimeIndex index(before);
  for (const RuntimeService& one : now.services) {
    const RuntimeService* old = index.find(one.name());
    if (one.service->tls == nullptr || old == nullptr || old->service->tls == nullptr) continue;
    const auto& auth = one.service->tls->settings->peerAuth;
    if (auth != nullptr && old->service->tls->settings->peerAuth != auth)
      changed.push_back(one.service);
  }
  return changed;
}

}  // namespace culvert
