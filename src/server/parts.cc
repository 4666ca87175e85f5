// SPDX-License-Identifier: GPL-3.0-or-later
// See parts.h.
#include "server/parts.h"

#include <utility>

#include "event/callback.h"
#include "process/privileges.h"

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
      notify(SdNotify::fromEnvironment()) {}

}  // namespace culvert
