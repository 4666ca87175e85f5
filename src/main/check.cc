// SPDX-License-Identifier: GPL-3.0-or-later
// See check.h.
#include "main/check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <ctime>
#include <filesystem>

#include "base/paths.h"
#include "base/standard_streams.h"
#include "config/config_dump.h"
#include "server/exit_code.h"
#include "server/identity.h"
#include "server/listener_table.h"
#include "server/service_builder.h"
#include "server/stapling.h"
#include "server/ticket_source.h"
#include "tls/tls_library.h"

namespace culvert {
namespace {

bool print(const Diagnostics& diagnostics) {
  for (const Diagnostic& d : diagnostics.list()) printLine(stderr, d.text());
  return diagnostics.hasErrors();
}

void noteUnresolvable(const Config& config, Diagnostics& diagnostics, Severity severity) {
  for (const ServiceOptions& service : config.services) {
    for (const SourcedText& backend : service.backend) {
      const auto spec = parseAddress(backend.text, AddressUse::kBackend);
      if (!spec || spec->kind != AddressKind::kHostName) continue;
      if (const auto found = resolveHost(spec->host, spec->port); !found) {
        diagnostics.add(severity, backend.origin, sectionLabel(service), "backend",
                        found.error().text);
      }
    }
  }
}

/// The files that culvert writes; as whoever runs the check.
void noteUnwritable(const GlobalOptions& global, Diagnostics& diagnostics, Severity severity) {
  const auto check = [&](const char* key, const std::string& path) {
    if (path.empty()) return;
    const bool there = ::access(path.c_str(), F_OK) == 0;
    const int error = !there                                ? cannotCreate(path)
                      : std::filesystem::is_directory(path) ? EISDIR
                      : ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0 ? 0
                                                                                   : errno;
    if (error != 0) {
      diagnostics.add(severity, global.originOf(key), sectionLabel(global), key,
                      fmt::format("cannot write {}: {}", path, errnoText(error)));
    }
  };
  if (global.log.sink == LogPlaceKind::kFile) check("log", global.log.path);
  check("pid-file", global.pidFile);
}

/// What the daemon would say of OCSP stapling.
Diagnostics staplingNotes(const Config& config, const Runtime& runtime) {
  Diagnostics diagnostics;
  const int64_t now = std::time(nullptr);
  const auto wishes = stapleWishes(runtime);
  StapleFiles files;
  auto notes = files.follow(wishes, now);
  auto shortcomings = stapleShortcomings(wishes, now);
  notes.insert(notes.end(), shortcomings.begin(), shortcomings.end());
  for (const StapleNote& note : notes) {
    const ServiceOptions* service = config.findService(note.service);
    if (note.kind == StapleNote::Kind::kRead || service == nullptr) continue;
    diagnostics.warning(service->originOf("cert"), sectionLabel(*service), "cert", note.text);
  }
  return diagnostics;
}

std::string certificateLines(const Runtime& runtime) {
  const int64_t now = std::time(nullptr);
  std::string lines;
  for (const auto& service : runtime.services) {
    for (const auto& credentials : service->tls->credentials->list()) {
      lines += fmt::format("service {}: {} ({})\n", service->profile->name, credentials->summary(),
                           credentials->validityText(now));
    }
  }
  return lines;
}

}  // namespace

int checkConfig(const ConfigSource& source, bool strict) {
  LoadOutcome loaded = source.load(serverValidators());
  const Severity severity = strict ? Severity::kError : Severity::kNote;
  if (loaded.ok()) identityOf(loaded.config.global, severity, loaded.diagnostics);
  if (print(loaded.diagnostics)) return kExitConfig;
  if (auto ready = initTlsLibrary(); !ready) {
    printLine(stderr, "culvert: " + ready.error().text);
    return kExitFatal;
  }
  Resolver resolver{ResolverOptions{}};  // never started: names are looked up below
  Diagnostics certificates;
  const Runtime runtime = buildRuntime(loaded.config, nullptr, resolver, certificates);
  const auto ticketSecrets = TicketSource().load(loaded.config.global, certificates);
  if (!certificates.hasErrors()) certificates.append(staplingNotes(loaded.config, runtime));
  if (print(certificates)) return kExitCertificate;
  if (!printOut(certificateLines(runtime))) return kExitFatal;
  if (!loaded.config.global.ticketSecretFile.empty() &&
      !printOut(fmt::format("ticket secret: {}\n", TicketSource::idsOf(*ticketSecrets))))
    return kExitFatal;

  Diagnostics notes;
  noteUnbindable(loaded.config, notes, severity);
  noteUnresolvable(loaded.config, notes, severity);
  noteUnwritable(loaded.config.global, notes, severity);
  notes.sort();
  if (print(notes)) return kExitBind;
  const size_t count = runtime.services.size();
  const bool told =
      printOut(fmt::format("configuration is sound: {} service{}\n", count, count == 1 ? "" : "s"));
  return told ? kExitClean : kExitFatal;
}

int dumpConfig(const ConfigSource& source) {
  const LoadOutcome loaded = source.load(serverValidators());
  if (print(loaded.diagnostics)) return kExitConfig;
  return printOut(dumpConfig(loaded.config)) ? kExitClean : kExitFatal;
}

}  // namespace culvert
