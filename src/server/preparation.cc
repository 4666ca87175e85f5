// SPDX-License-Identifier: GPL-3.0-or-later
// See preparation.h.
#include "server/preparation.h"

#include "process/privileges.h"
#include "server/backend_names.h"
#include "server/door_address.h"
#include "server/exit_code.h"
#include "server/memory_rule.h"
#include "server/route_options.h"
#include "tls/library/tls_library.h"

namespace culvert {
namespace {

/// Checks the rules that need only the configuration file itself.
void judgeConfig(Preparation& made, const PrepareContext& context, const std::string& file) {
  doorAddresses(made.config.global, made.diagnostics);  // reports wrong ones
  const size_t running = context.workers;
  checkMemoryLimit(made.config.global,
                   running != 0 ? running : workerCountOf(made.config.global).workers,
                   made.diagnostics);
  if (context.before != nullptr) {
    made.diagnostics.append(restartOnlyChanges(context.before->config, made.config, file));
    if (!made.diagnostics.hasErrors())
      checkNewBackends(made.config, context.before->config,
                       {.onThreadStart = dropThreadCapabilities}, made.diagnostics);
    return;
  }
  // If this process cannot become the user, a start fails. A check does not fail, because it often
  // runs as another user.
  made.identity =
      identityOf(made.config.global,
                 context.reason == PrepareReason::kCheck ? Severity::kNote : Severity::kError,
                 made.diagnostics);
}

/// Reads the files that the configuration names, and checks the rules about them.
void readFiles(Preparation& made, const PrepareContext& context) {
  const bool check =
      context.reason == PrepareReason::kCheck || context.reason == PrepareReason::kStrictCheck;
  const Runtime* before = context.before != nullptr ? &context.before->runtime : nullptr;
  made.runtime = buildRuntime(made.config, before, context.resolver, made.diagnostics,
                              context.reason == PrepareReason::kStrictCheck, context.counts);
  if (!check) openKeyLogs(made.config, made.runtime, made.diagnostics);
  if (auto secrets = context.tickets.load(made.config.global, made.diagnostics))
    made.tickets = std::move(*secrets);
}

}  // namespace

Preparation prepare(const ConfigSource& source, const PrepareContext& context) {
  Preparation made;
  LoadOutcome loaded = source.load(serverValidators());
  made.config = std::move(loaded.config);
  made.diagnostics = std::move(loaded.diagnostics);
  if (!made.diagnostics.hasErrors()) checkRoutes(made.config, made.diagnostics);
  if (!made.diagnostics.hasErrors()) judgeConfig(made, context, source.file());
  if (made.diagnostics.hasErrors()) {
    made.exitCode = kExitConfig;
    return made;
  }
  if (context.onConfig && !context.onConfig(made)) {
    made.exitCode = kExitConfig;
    return made;
  }
  if (const auto ready = initTlsLibrary(); !ready) {
    made.diagnostics.error(Origin::file(source.file(), 0), {}, {}, ready.error().text);
    made.exitCode = kExitFatal;
    return made;
  }
  if (const auto defect = tlsLibraryDefect(); !defect.empty() && context.before == nullptr)
    made.diagnostics.warning(Origin::file(source.file(), 0), {}, {}, defect);
  readFiles(made, context);
  if (made.diagnostics.hasErrors()) made.exitCode = kExitCertificate;
  return made;
}

}  // namespace culvert
