// SPDX-License-Identifier: GPL-3.0-or-later
// See reload_json.h.
#include "admin/reload_json.h"

namespace culvert {
namespace {

Json remarksOf(const std::vector<ReloadReport::Remark>& remarks) {
  Json list = Json::array();
  for (const auto& remark : remarks)
    list.push_back({{"file", remark.file}, {"line", remark.line}, {"text", remark.text}});
  return list;
}

}  // namespace

Json reloadDocument(const ReloadReport& report) {
  Json document;
  document["done"] = report.done;
  document["time"] = renderTime(report.time);
  if (report.draining) document["error"] = "culvert drains, so it reloads nothing";
  document["services"] = {
      {"added", report.added}, {"changed", report.changed}, {"removed", report.removed}};
  document["listeners"] = {{"added", report.listenersAdded}, {"removed", report.listenersRemoved}};
  document["global"] = report.global;
  Json certificates = Json::array();
  for (const auto& one : report.certificates)
    certificates.push_back({{"service", one.service},
                            {"subject", one.subject},
                            {"result", one.loaded ? "loaded" : "refused"},
                            {"why", one.why}});
  document["certificates"] = std::move(certificates);
  document["errors"] = remarksOf(report.errors);
  document["warnings"] = remarksOf(report.warnings);
  return document;
}

}  // namespace culvert
