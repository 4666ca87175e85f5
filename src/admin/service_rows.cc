// SPDX-License-Identifier: GPL-3.0-or-later
// See service_rows.h.
#include "admin/service_rows.h"

#include <unordered_map>

#include "admin/certificate_rows.h"
#include "admin/json.h"
#include "admin/problems.h"

namespace culvert {
namespace {

constexpr uint64_t kMostServices = 10'000;
constexpr int64_t kSecondsADay = 86'400;
constexpr std::string_view kServiceParameters[] = {"service", "after", "limit"};

using Addresses = std::unordered_map<std::string_view, std::vector<std::string_view>>;

/// The addresses on which each service listens now.
Addresses listeningByService(const AdminView& view) {
  Addresses all;
  for (const AdminListener& listener : view.listeners)
    if (!listener.away)
      for (const auto& service : listener.services)
        all[service->profile->name].push_back(listener.address);
  return all;
}

const char* tlsWord(ClientTls tls) {
  switch (tls) {
    case ClientTls::kOn:
      return "on";
    case ClientTls::kOff:
      return "off";
    case ClientTls::kPassthrough:
      break;
  }
  return "passthrough";
}

void addCounts(Json& row, const ServiceProfile& profile) {
  if (profile.counts == nullptr) return;
  const ServiceTotals totals = profile.counts->totals();
  for (size_t i = 0; i < kServiceCountCount; ++i) {
    const auto count = static_cast<ServiceCount>(i);
    row[std::string(serviceCountInfo(count).name)] = totals.get(count);
  }
}

Json serviceRow(const AdminView& view, const RuntimeService& one, const Addresses& listening,
                TimePoint now, int64_t wall) {
  const Service& service = *one.service;
  const ServiceVerdict verdict = judgeService(view, service, now);
  Json row;
  row["service"] = one.name();
  row["state"] = serviceStateName(verdict.condition);
  row["why"] = verdict.why;
  const auto found = listening.find(one.name());
  row["listening"] = Json::array();
  if (found != listening.end())
    for (const std::string_view address : found->second) row["listening"].push_back(address);
  row["tls"] = tlsWord(service.clientTls);
  row["backend_tls"] = service.backendTls != nullptr;
  row["starttls"] = kStartTlsNames[static_cast<size_t>(service.listen.startTls)];
  addCounts(row, *service.profile);
  row["backends_up"] = verdict.backends.up;
  row["backends"] = verdict.backends.all;
  row["certificates"] = certificateCount(one);
  row["days_left"] = nullptr;
  if (const auto left = secondsLeft(one, wall)) row["days_left"] = *left / kSecondsADay;
  return row;
}

}  // namespace

Result<ServiceQuery> parseServiceQuery(const Parameters& all) {
  ServiceQuery query;
  if (auto known = onlyParameters(all, kServiceParameters); !known)
    return tl::unexpected(known.error());
  if (const auto* name = parameter(all, "service")) query.service = *name;
  if (const auto* name = parameter(all, "after")) query.after = *name;
  if (const auto* text = parameter(all, "limit")) {
    const auto limit = parseCount("limit", *text, 1, kMostServices);
    if (!limit) return tl::unexpected(limit.error());
    query.limit = *limit;
  }
  return query;
}

std::string servicesJson(const AdminView& view, const ServiceQuery& query, TimePoint now,
                         int64_t wall) {
  const Addresses listening = listeningByService(view);
  Json rows = Json::array();
  bool skipping = !query.after.empty(), more = false;
  for (const RuntimeService& one : view.runtime.services) {
    if (skipping) {
      skipping = one.name() != query.after;
      continue;
    }
    if (!query.service.empty() && one.name() != query.service) continue;
    if (rows.size() == query.limit) {
      more = true;
      break;
    }
    rows.push_back(serviceRow(view, one, listening, now, wall));
  }
  return jsonText({{"services", std::move(rows)}, {"more", more}});
}

}  // namespace culvert
