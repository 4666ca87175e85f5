// SPDX-License-Identifier: GPL-3.0-or-later
// See ejection.h.
#include "backend/ejection.h"

#include <algorithm>

namespace culvert {

const Ejection::Record* Ejection::find(const SocketAddress& address) const {
  const auto found = std::find_if(records_.begin(), records_.end(),
                                  [&](const Record& one) { return one.address == address; });
  return found != records_.end() ? &*found : nullptr;
}

Ejection::Record& Ejection::recordOf(const SocketAddress& address) {
  if (const Record* known = find(address)) return const_cast<Record&>(*known);
  records_.push_back(Record{.address = address});
  return records_.back();
}

/// True if one more of the addresses may be ejected.
bool Ejection::roomForAnother(const AddressSet& all, TimePoint now) const {
  size_t different = 0;
  size_t out = 0;
  for (auto at = all.begin(); at != all.end(); ++at) {
    if (std::find(all.begin(), at, *at) != at) continue;  // two backends have the same address
    ++different;
    if (ejected(*at, now)) ++out;
  }
  return out < different / 2;
}

std::optional<Ejection::Ejected> Ejection::failed(const SocketAddress& address,
                                                  const AddressSet& all, const Limits& limits,
                                                  TimePoint now) {
  if (limits.failures == 0 || all.size() < 2) return std::nullopt;
  Record& record = recordOf(address);
  ++record.failures;
  if (record.failures < limits.failures || now < record.until) return std::nullopt;
  if (!roomForAnother(all, now)) return std::nullopt;
  record.times = std::min(record.times + 1, kMostTimes);
  const Millis time = limits.time * static_cast<int64_t>(record.times);
  record.since = now;
  record.until = now + time;
  return Ejected{record.failures, time};
}

std::optional<Ejection::Return> Ejection::succeeded(const SocketAddress& address, TimePoint now) {
  const auto found = std::find_if(records_.begin(), records_.end(),
                                  [&](const Record& one) { return one.address == address; });
  if (found == records_.end()) return std::nullopt;
  std::optional<Return> back;
  if (found->until != TimePoint{})
    back = Return{address, std::min(now, found->until) - found->since};
  records_.erase(found);
  return back;
}

std::vector<Ejection::Return> Ejection::takeReturned(TimePoint now) {
  std::vector<Return> back;
  for (Record& record : records_) {
    if (record.until == TimePoint{} || now < record.until) continue;
    back.push_back({record.address, record.until - record.since});
    record.until = {};
  }
  return back;
}

bool Ejection::ejected(const SocketAddress& address, TimePoint now) const {
  return ejectedUntil(address, now) != TimePoint{};
}

TimePoint Ejection::ejectedUntil(const SocketAddress& address, TimePoint now) const {
  const Record* record = find(address);
  return record != nullptr && now < record->until ? record->until : TimePoint{};
}

void Ejection::keepOnly(const AddressSet& all) {
  std::erase_if(records_, [&](const Record& record) {
    return std::find(all.begin(), all.end(), record.address) == all.end();
  });
}

}  // namespace culvert
