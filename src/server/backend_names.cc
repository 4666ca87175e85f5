// SPDX-License-Identifier: GPL-3.0-or-later
// See backend_names.h.
#include "server/backend_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>

#include "net/backend_spec.h"

namespace culvert {
namespace {

/// A host name has no colon, so it cannot be taken for an SRV name.
constexpr std::string_view kSrvMark = "srv:";

/// Calls visit(service, option, name) for each backend that is a host name or an SRV name.
template <class Visit>
void forEachName(const Config& config, Visit visit) {
  for (const ServiceOptions& service : config.services) {
    if (!service.via.empty()) continue;  // the proxy resolves the names
    for (const SourcedText& backend : service.backend) {
      const auto spec = parseBackend(backend.text);
      if (spec && !spec->srv.empty())
        visit(service, backend, spec->text());
      else if (spec && spec->address.kind == AddressKind::kHostName)
        visit(service, backend, spec->address.host);
    }
  }
}

/// The result for each name; nullopt until its look-up is finished. The look-up's thread writes the
/// results.
struct Answers {
  std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, std::optional<Result<void>>> of;
};

void lookUp(const BackendNamesOptions& options, Answers& answers) {
  HostLookup lookup(
      {options.onThreadStart,
       [&answers](const std::string& host, uint16_t, const Result<AddressSet>& found) {
         const std::lock_guard lock(answers.mutex);
         answers.of[host] = found ? Result<void>() : Result<void>(tl::unexpected(found.error()));
         answers.changed.notify_all();
       },
       [lookup = options.lookup, srv = options.srv](const std::string& host,
                                                    uint16_t port) -> Result<AddressSet> {
         if (!host.starts_with(kSrvMark)) return lookup(host, port);
         const auto records = srv(host.substr(kSrvMark.size()));
         if (!records) return tl::unexpected(records.error());
         return AddressSet();
       }});
  std::vector<std::string> hosts;  // a copy, because results arrive while the names are requested
  for (const auto& entry : answers.of) hosts.push_back(entry.first);
  for (const std::string& host : hosts) {
    const auto asked = lookup.ask(host, 0);
    if (asked) continue;
    const std::lock_guard lock(answers.mutex);
    answers.of[host] = Result<void>(tl::unexpected(asked.error()));
  }
  std::unique_lock lock(answers.mutex);
  answers.changed.wait_for(lock, options.patience, [&answers] {
    return std::all_of(answers.of.begin(), answers.of.end(),
                       [](const auto& entry) { return entry.second.has_value(); });
  });
}

}  // namespace

void checkNewBackends(const Config& config, const Config& before,
                      const BackendNamesOptions& options, Diagnostics& diagnostics) {
  Answers answers;
  forEachName(config, [&](const auto&, const auto&, const std::string& name) {
    answers.of.emplace(name, std::nullopt);
  });
  forEachName(before,
              [&](const auto&, const auto&, const std::string& name) { answers.of.erase(name); });
  if (answers.of.empty()) return;
  lookUp(options, answers);
  forEachName(config, [&](const ServiceOptions& service, const SourcedText& backend,
                          const std::string& name) {
    const auto found = answers.of.find(name);
    if (found == answers.of.end() || (found->second && *found->second)) return;
    diagnostics.error(backend.origin, sectionLabel(service), "backend",
                      found->second ? found->second->error().text
                                    : fmt::format("cannot resolve {}: no answer within {} ms", name,
                                                  options.patience.count()));
  });
}

}  // namespace culvert
