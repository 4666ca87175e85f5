// SPDX-License-Identifier: GPL-3.0-or-later
// See explain_route.h.
#include "main/explain_route.h"

#include <cstdio>
#include <map>

#include "base/standard_streams.h"
#include "certs/ticket_source.h"
#include "server/exit_code.h"
#include "server/preparation.h"

namespace culvert {
namespace {

std::vector<ExplainListener> listenersOf(const Preparation& made) {
  std::map<std::string, ExplainListener> byAddress;
  const RuntimeIndex index(made.runtime);
  for (const ServiceOptions& options : made.config.services) {
    const RuntimeService* found = index.find(options.name);
    for (const SourcedText& item : options.listen) {
      const auto spec = parseAddress(item.text, AddressUse::kListen);
      if (!spec || found == nullptr) continue;
      ExplainListener& listening = byAddress[spec->text()];
      listening.spec = *spec;
      listening.services.push_back(found->service);
    }
  }
  std::vector<ExplainListener> all;
  for (auto& [address, listening] : byAddress) all.push_back(std::move(listening));
  return all;
}

}  // namespace

int explainRoute(const ConfigSource& source, const ExplainOptions& options) {
  if (const auto sound = checkExplainOptions(options); !sound) {
    printLine(stderr, "culvert: " + sound.error().text);
    return kExitUsage;
  }
  Resolver resolver{ResolverOptions{}};  // not started: no name is resolved
  TicketSource tickets;
  const Preparation made =
      prepare(source, {.reason = PrepareReason::kCheck, .resolver = resolver, .tickets = tickets});
  for (const Diagnostic& d : made.diagnostics.list())
    if (d.severity == Severity::kError) printLine(stderr, d.text());
  if (made.exitCode != kExitClean) return made.exitCode;
  const auto answer = explainConnection(listenersOf(made), options);
  if (!answer) {
    printLine(stderr, "culvert: " + answer.error().text);
    return kExitUsage;
  }
  if (!printOut(answer->text)) return kExitFatal;
  return answer->taken ? kExitClean : kExitFatal;
}

}  // namespace culvert
