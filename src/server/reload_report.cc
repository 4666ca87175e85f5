// SPDX-License-Identifier: GPL-3.0-or-later
// See reload_report.h.
#include "server/reload_report.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/hex.h"
#include "config/option_table.h"
#include "tls/credentials/credentials.h"
#include "tls/library/sha256.h"

namespace culvert {
namespace {

// So much of the hash is enough to tell configurations apart.
constexpr size_t kFingerprintBytes = 8;

bool sameOptions(OptionScope scope, const OptionSet& a, const OptionSet& b) {
  return std::ranges::all_of(allOptions(), [&](const OptionInfo& info) {
    return info.scope != scope || info.equal(a, b);
  });
}

std::unordered_set<std::string> addressesOf(const std::vector<BoundListener>& listeners) {
  std::unordered_set<std::string> addresses;
  for (const BoundListener& one : listeners) addresses.insert(one.address);
  return addresses;
}

void addMissing(const std::vector<BoundListener>& from, const std::vector<BoundListener>& in,
                std::vector<std::string>& out) {
  auto known = addressesOf(in);
  for (const BoundListener& one : from)
    if (known.insert(one.address).second) out.push_back(one.address);
}

}  // namespace

void compareConfigs(const Config& before, const Config& after, ReloadReport& report) {
  std::unordered_map<std::string_view, const ServiceOptions*> old;
  for (const ServiceOptions& service : before.services) old.emplace(service.name, &service);
  for (const ServiceOptions& service : after.services) {
    const auto found = old.find(service.name);
    if (found == old.end()) {
      report.added.push_back(service.name);
      continue;
    }
    if (!sameOptions(OptionScope::kService, *found->second, service))
      report.changed.push_back(service.name);
    old.erase(found);
  }
  for (const ServiceOptions& service : before.services)
    if (old.contains(service.name)) report.removed.push_back(service.name);
  for (const OptionInfo& info : allOptions())
    if (info.scope == OptionScope::kGlobal && !info.equal(before.global, after.global))
      report.global.emplace_back(info.key);
}

void compareCertificates(const Runtime& before, const Runtime& after, ReloadReport& report) {
  std::unordered_set<const Credentials*> known;
  for (const RuntimeService& one : before.services)
    for (const auto& unit : one.certificates) known.insert(unit->credentials.get());
  for (const RuntimeService& one : after.services)
    for (const auto& unit : one.certificates) {
      if (!unit->refusal.empty()) {
        report.certificates.push_back({one.name(), unit->files.cert, false, unit->refusal});
      } else if (unit->credentials != nullptr && !known.contains(unit->credentials.get())) {
        report.certificates.push_back({one.name(), unit->credentials->leaf().subject, true, {}});
      }
    }
}

void compareListeners(const std::vector<BoundListener>& before,
                      const std::vector<BoundListener>& after, ReloadReport& report) {
  addMissing(after, before, report.listenersAdded);
  addMissing(before, after, report.listenersRemoved);
}

void addRemarks(const Diagnostics& diagnostics, ReloadReport& report) {
  for (const Diagnostic& one : diagnostics.list()) {
    if (one.severity == Severity::kNote) continue;
    auto& list = one.severity == Severity::kError ? report.errors : report.warnings;
    const bool inFile = one.origin.kind == Origin::Kind::kFile;
    list.push_back(
        {inFile ? one.origin.name : std::string(), inFile ? one.origin.line : 0u, one.text()});
  }
}

std::string fingerprintOf(const Config& config) {
  Sha256Hasher hasher;
  const auto addAll = [&hasher](OptionScope scope, const OptionSet& options) {
    for (const OptionInfo& info : allOptions())
      if (info.scope == scope)
        hasher.add(std::string(info.key) + '=' + formatValue(info, options) + '\n');
  };
  addAll(OptionScope::kGlobal, config.global);
  for (const ServiceOptions& service : config.services) {
    hasher.add('[' + service.name + "]\n");
    addAll(OptionScope::kService, service);
  }
  const Sha256Digest digest = hasher.finish();
  return encodeHex(std::span(digest).first(kFingerprintBytes));
}

}  // namespace culvert
