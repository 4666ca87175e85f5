// SPDX-License-Identifier: GPL-3.0-or-later
// See preflight.h.
#include "server/preflight.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "backend/srv_lookup.h"
#include "base/append_file.h"
#include "base/paths.h"
#include "log/log_sink.h"
#include "net/backend_spec.h"
#include "net/resolve.h"
#include "process/privileges.h"
#include "server/listener_table.h"

namespace culvert {
namespace {

void noteUnresolvable(const Config& config, Diagnostics& diagnostics, Severity severity) {
  for (const ServiceOptions& service : config.services) {
    if (!service.via.empty()) continue;  // the proxy resolves the names
    for (const SourcedText& backend : service.backend) {
      const auto spec = parseBackend(backend.text);
      if (!spec) continue;
      const auto note = [&](const Error& error) {
        diagnostics.add(severity, backend.origin, sectionLabel(service), "backend", error.text);
      };
      if (!spec->srv.empty()) {
        if (const auto found = resolveSrv(spec->srv); !found) note(found.error());
      } else if (spec->address.kind == AddressKind::kHostName) {
        const auto found = resolveHost(spec->address.host, spec->address.port);
        if (!found) note(found.error());
      }
    }
  }
}

void noteSyslog(const GlobalOptions& global, Diagnostics& diagnostics, Severity severity) {
  if (global.log.sink != LogTarget::kSyslog) return;
  if (const auto there = checkSyslog(); !there)
    diagnostics.add(severity, global.originOf("log"), sectionLabel(global), "log",
                    there.error().text);
}

/// Adds a note if another user could redirect the log file through a link. Returns true if it added
/// a note.
bool noteLed(const GlobalOptions& global, Diagnostics& diagnostics, Severity severity) {
  const auto identity = resolveIdentity(global.user, global.group);
  const auto sound = checkAppendPath(global.log.path, identity ? identity->uid : uid_t(-1));
  if (sound || (sound.error().sysErrno != ELOOP && sound.error().sysErrno != EPERM)) return false;
  diagnostics.add(severity, global.originOf("log"), sectionLabel(global), "log",
                  fmt::format("cannot write {}: {}", global.log.path, sound.error().text));
  return true;
}

/// Checks the files that culvert writes, as the user who runs the check.
void noteUnwritable(const Config& config, Diagnostics& diagnostics, Severity severity) {
  const auto check = [&](const auto& options, const char* key, const std::string& path) {
    if (path.empty()) return;
    const bool there = ::access(path.c_str(), F_OK) == 0;
    const int error = !there                                ? cannotCreate(path)
                      : std::filesystem::is_directory(path) ? EISDIR
                      : ::faccessat(AT_FDCWD, path.c_str(), W_OK, AT_EACCESS) == 0 ? 0
                                                                                   : errno;
    if (error != 0) {
      diagnostics.add(
          severity, options.originOf(key), sectionLabel(options), key,
          fmt::format("cannot write {}: {}{}", path, errnoText(error), quoteNote(path)));
    }
  };
  const GlobalOptions& global = config.global;
  if (global.log.sink == LogTarget::kFile && !noteLed(global, diagnostics, severity))
    check(global, "log", global.log.path);
  check(global, "pid-file", global.pidFile);
  for (const ServiceOptions& service : config.services)
    check(service, "keylog-file", service.keylogFile);
}

}  // namespace

Diagnostics preflight(const Config& config, Severity severity) {
  Diagnostics notes;
  noteUnbindable(config, notes, severity);
  noteUnresolvable(config, notes, severity);
  noteUnwritable(config, notes, severity);
  noteSyslog(config.global, notes, severity);
  notes.sort();
  return notes;
}

}  // namespace culvert
