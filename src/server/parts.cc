// SPDX-License-Identifier: GPL-3.0-or-later
// See parts.h.
#include "server/parts.h"

#include <utility>

#include "event/callback.h"
#include "process/privileges.h"
#include "server/health_report.h"
#include "server/memory_rule.h"

namespace culvert {
namespace {

ResolverOptions resolving(Logger& logger) {
  ResolverOptions options;
  options.onThreadStart = dropThreadCapabilities;
  options.onEvent = [&logger](ResolveEvent event, const std::string& text) {
    const LogLevel level = event == ResolveEvent::kFailed     ? LogLevel::kWarning
                           : event == ResolveEvent::kResolved ? LogLevel::kInfo
                                                              : LogLevel::kNotice;
    logger.log(LogLine(level, "name resolution").add("result", text));
  };
  return options;
}

}  // namespace

ServerParts::ServerParts(ConfigSource from, bool daemonized)
    : source(std::move(from)),
      daemon(daemonized),
      counters(registry.addBlock()),
      postBox(loop, &postBox, call<&PostBox::runControl>),
      resolver(std::make_unique<Resolver>(resolving(logger))),
      staples(logger, counters),
      notify(SdNotify::fromEnvironment()),
      health(budget, dropThreadCapabilities,
             [this] { return reportingHooks(logger, registry.addBlock()); }) {}

void ServerParts::commitLimits() {
  limits.setLimits({.maxTunnels = 0,  // see TunnelBudget
                    .maxTunnelsPerSource = config.global.maxTunnelsPerSource,
                    .tunnelRate = config.global.tunnelRate});
  handshakeRate->setRate(config.global.handshakeRate);
  for (const RuntimeService& one : runtime.services) one.service->profile->commitLimits();
  if (measures(config.global)) registry.enableTimings();
}

void applyMemoryLimit(ServerParts& parts) {
  const size_t share = memoryShareOf(parts.config.global, parts.workers.size());
  for (auto& worker : parts.workers) worker->setMemoryShare(share);
}

}  // namespace culvert
