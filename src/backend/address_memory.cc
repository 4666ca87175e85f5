// SPDX-License-Identifier: GPL-3.0-or-later
// See address_memory.h.
#include "backend/address_memory.h"

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

bool isUp(const AddressReport& report) { return report.status == AddressStatus::kUp; }

}  // namespace

const AddressMemory::Record* AddressMemory::find(const SocketAddress& address) const {
  const auto found = std::find_if(records_.begin(), records_.end(),
                                  [&](const Record& r) { return r.report.address == address; });
  return found != records_.end() ? &*found : nullptr;
}

AddressMemory::Record* AddressMemory::find(const SocketAddress& address) {
  return const_cast<Record*>(std::as_const(*this).find(address));
}

MaybeNews AddressMemory::failed(const SocketAddress& address, int sysErrno, TimePoint now) {
  return setDown({.address = address, .status = AddressStatus::kFailing, .error = sysErrno}, now);
}

MaybeNews AddressMemory::silent(const SocketAddress& address, int sysErrno, Millis waited,
                                TimePoint now) {
  return setDown(
      {.address = address, .status = AddressStatus::kSilent, .error = sysErrno, .waited = waited},
      now);
}

MaybeNews AddressMemory::setDown(AddressReport report, TimePoint now) {
  Record* record = find(report.address);
  if (record == nullptr) {
    records_.push_back(Record{.report = {.address = report.address}});
    record = &records_.back();
  }
  const bool changed = isUp(record->report);
  report.since = changed ? now : record->report.since;
  report.failures = changed ? 1 : record->report.failures + 1;
  record->report = std::move(report);
  record->restsUntil = now + kRest;
  record->touched = now;
  if (!changed) return {};
  return news(*record, record->gate.changed(false, now));
}

MaybeNews AddressMemory::answered(const SocketAddress& address, TimePoint now) {
  Record* record = find(address);
  if (record == nullptr || isUp(record->report)) return {};
  record->report.status = AddressStatus::kUp;
  record->lasted = now - record->report.since;
  record->report.since = now;
  record->touched = now;
  return news(*record, record->gate.changed(true, now));
}

/// Makes the line for the log if the gate lets it pass.
MaybeNews AddressMemory::news(const Record& record, std::optional<uint64_t> untold) {
  if (!untold) return {};
  return AddressNews{record.report, record.lasted, *untold};
}

std::vector<AddressNews> AddressMemory::overdue(TimePoint now) {
  std::vector<AddressNews> all;
  for (Record& record : records_)
    if (auto late = news(record, record.gate.due(now))) all.push_back(std::move(*late));
  // The record of a recovered address is kept until its changes no longer count for the rate limit.
  std::erase_if(records_, [now](const Record& record) {
    const bool settled = isUp(record.report) && record.gate.settled();
    return now - record.touched >= (settled ? kNewsAtOnce * kNewsInterval : kForget);
  });
  return all;
}

void AddressMemory::order(AddressSet& addresses, TimePoint now) {
  AddressSet resting;
  std::vector<TimePoint> since;
  for (auto at = addresses.begin(); at != addresses.end();) {
    Record* record = find(*at);
    if (record == nullptr || record->report.status != AddressStatus::kSilent) {
      ++at;
      continue;
    }
    if (now >= record->restsUntil) {
      if (at == addresses.begin()) record->restsUntil = now + kRest;
      ++at;
      continue;
    }
    const TimePoint silentSince = record->report.since;
    const auto place = std::find_if(since.begin(), since.end(),
                                    [&](TimePoint other) { return other < silentSince; });
    resting.insert(resting.begin() + (place - since.begin()), std::move(*at));
    since.insert(place, silentSince);
    at = addresses.erase(at);
  }
  std::move(resting.begin(), resting.end(), std::back_inserter(addresses));
}

bool AddressMemory::anyUp(const AddressSet& addresses) const {
  return std::any_of(addresses.begin(), addresses.end(), [this](const SocketAddress& address) {
    const Record* record = find(address);
    return record == nullptr || isUp(record->report);
  });
}

AddressReport AddressMemory::report(const SocketAddress& address) const {
  const Record* record = find(address);
  return record != nullptr ? record->report : AddressReport{.address = address};
}

}  // namespace culvert
