// SPDX-License-Identifier: GPL-3.0-or-later
// See backend_rows.h.
#include "admin/backend_rows.h"

#include <nlohmann/json.hpp>

#include "admin/json.h"
#include "worker/backend_report.h"

namespace culvert {
namespace {

Json backendRow(const Service& service, const BackendState& state, TimePoint now) {
  const BackendWords words = backendWords(*service.profile->connect.pool, state);
  Json row;
  row["service"] = service.profile->name;
  row["backend"] = state.address.isSet() ? state.address.text() : state.name;
  row["name"] = state.name;
  row["state"] = words.status;
  row["tunnels"] = state.open;
  row["weight"] = state.share.weight;
  row["check"] = words.check;
  row["error"] = words.error;
  row["since_s"] = nullptr;
  if (words.since != TimePoint{})
    row["since_s"] = std::chrono::duration_cast<std::chrono::seconds>(now - words.since).count();
  return row;
}

}  // namespace

std::string backendsJson(const AdminView& view, std::string_view service, TimePoint now) {
  Json rows = Json::array();
  for (const RuntimeService& one : view.runtime.services) {
    if (!service.empty() && one.name() != service) continue;
    for (const BackendState& state : one.service->profile->connect.pool->report(now))
      rows.push_back(backendRow(*one.service, state, now));
  }
  return jsonText({{"backends", std::move(rows)}});
}

BackendsText backendsText(const AdminView& view, TimePoint now) {
  BackendsText all;
  for (const RuntimeService& one : view.runtime.services) {
    const BackendPool& pool = *one.service->profile->connect.pool;
    bool anyUp = false;
    for (const BackendState& state : pool.report(now)) {
      const BackendWords words = backendWords(pool, state);
      anyUp = anyUp || words.status == "up";
      all.text += one.name() + ' ' + (state.address.isSet() ? state.address.text() : state.name);
      all.text += ' ' + std::string(words.status);
      if (!words.error.empty()) all.text += ": " + words.error;
      all.text += '\n';
    }
    if (anyUp) continue;
    all.sound = false;
    all.text += one.name() + " has no backend that is up\n";
  }
  return all;
}

BackendCount countBackends(const Service& service, TimePoint now) {
  BackendCount count;
  const BackendPool& pool = *service.profile->connect.pool;
  for (const BackendState& state : pool.report(now)) {
    ++count.all;
    BackendWords words = backendWords(pool, state);
    if (words.status == "up")
      ++count.up;
    else if (count.error.empty())
      count.error =
          (state.address.isSet() ? state.address.text() : state.name) + ": " + words.error;
  }
  return count;
}

}  // namespace culvert
