// SPDX-License-Identifier: GPL-3.0-or-later
// See check.h.
#include "main/check.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "base/append_file.h"
#include "base/paths.h"
#include "base/standard_streams.h"
#include "certs/stapling.h"
#include "certs/ticket_source.h"
#include "config/config_dump.h"
#include "log/log_sink.h"
#include "process/identity.h"
#include "server/exit_code.h"
#include "server/listener_table.h"
#include "server/service_builder.h"
#include "tls/credentials/credentials.h"
#include "tls/library/tls_library.h"

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

void noteSyslog(const GlobalOptions& global, Diagnostics& diagnostics, Severity severity) {
  if (global.log.sink != LogPlaceKind::kSyslog) return;
  if (const auto there = checkSyslog(); !there)
    diagnostics.add(severity, global.originOf("log"), sectionLabel(global), "log",
                    there.error().text);
}

/// A log file to which another user could lead culvert. True where there is something to note.
bool noteLed(const GlobalOptions& global, Diagnostics& diagnostics, Severity severity) {
  const auto identity = resolveIdentity(global.user, global.group);
  const auto sound = checkAppendPath(global.log.path, identity ? identity->uid : uid_t(-1));
  if (sound || (sound.error().sysErrno != ELOOP && sound.error().sysErrno != EPERM)) return false;
  diagnostics.add(severity, global.originOf("log"), sectionLabel(global), "log",
                  fmt::format("cannot write {}: {}", global.log.path, sound.error().text));
  return true;
}

/// The files that culvert writes; as whoever runs the check.
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
  if (global.log.sink == LogPlaceKind::kFile && !noteLed(global, diagnostics, severity))
    check(global, "log", global.log.path);
  check(global, "pid-file", global.pidFile);
  for (const ServiceOptions& service : config.services)
    check(service, "keylog-file", service.keylogFile);
}

/// What the policy of each service comes to: "service web: policy modern: TLS 1.3, ..".
std::string policyLines(const Config& config, const Runtime& runtime) {
  std::string lines;
  for (const ServiceOptions& options : config.services) {
    const RuntimeService* found = runtime.find(options.name);
    if (found == nullptr) continue;
    std::string given;
    for (const char* key : {"min-version", "max-version", "ciphers", "ciphersuites", "groups"})
      if (options.originOf(key).kind > Origin::Kind::kPolicy)
        given += fmt::format("{}{}", given.empty() ? ", but for " : ", ", key);
    lines += fmt::format("service {}: policy {}{}: {}\n", options.name, options.policy, given,
                         policyText(*found->service->tls->settings));
  }
  return lines;
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
  for (const RuntimeService& one : runtime.services) {
    for (const auto& credentials : one.service->tls->credentials->list()) {
      lines += fmt::format("service {}: {} ({})\n", one.name(), credentials->summary(),
                           credentials->validityText(now));
    }
  }
  return lines;
}

/// The soonest end of a validity among `all`: "2 CAs (until 2027-03-01 12:00:00 UTC)".
template <class Range, class End>
std::string soonestEnd(const Range& all, std::string_view what, End endOf) {
  int64_t soonest = endOf(all.front());
  for (const auto& one : all) soonest = std::min(soonest, endOf(one));
  return fmt::format("{} {}{} (until {})", all.size(), what, all.size() == 1 ? "" : "s",
                     utcText(soonest));
}

/// What clients are verified with: until when the first of the CAs is good, and the first list.
std::string clientAuthLines(const Runtime& runtime) {
  std::string lines;
  for (const RuntimeService& one : runtime.services) {
    const auto& auth = one.service->tls->settings->clientAuth;
    if (auth == nullptr) continue;
    lines += fmt::format(
        "service {}: client certificates {}, {}", one.name(),
        auth->mode == VerifyClient::kRequired ? "required" : "optional",
        auth->anchors.empty()
            ? "by their keys alone"
            : soonestEnd(auth->anchors, "CA", [](const TrustAnchor& one) { return one.notAfter; }));
    if (auth->checksRevocation && auth->lists.empty()) lines += ", no revocation list";
    if (!auth->lists.empty())
      lines += ", " + soonestEnd(auth->lists, "revocation list",
                                 [](const RevocationList& one) { return one.nextUpdate; });
    lines += '\n';
  }
  return lines;
}

/// What culvert serves here where the list is empty.
std::string servedWords(std::string_view key) {
  const TlsSettings builtIn;
  if (key == "ciphers") return suiteList(builtIn.suites12());
  if (key == "ciphersuites") return suiteList(builtIn.suites13());
  if (key == "groups") return groupList(groupsHere(builtIn.allGroups()));
  return {};
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
  const Runtime runtime = buildRuntime(loaded.config, nullptr, resolver, certificates, strict);
  const auto ticketSecrets = TicketSource().load(loaded.config.global, certificates);
  if (!certificates.hasErrors()) certificates.append(staplingNotes(loaded.config, runtime));
  if (print(certificates)) return kExitCertificate;
  if (!printOut(certificateLines(runtime) + clientAuthLines(runtime) +
                policyLines(loaded.config, runtime)))
    return kExitFatal;
  if (!loaded.config.global.ticketSecretFile.empty() &&
      !printOut(fmt::format("ticket secret: {}\n", TicketSource::idsOf(*ticketSecrets))))
    return kExitFatal;

  Diagnostics notes;
  noteUnbindable(loaded.config, notes, severity);
  noteUnresolvable(loaded.config, notes, severity);
  noteUnwritable(loaded.config, notes, severity);
  noteSyslog(loaded.config.global, notes, severity);
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
  if (auto ready = initTlsLibrary(); !ready) {
    printLine(stderr, "culvert: " + ready.error().text);
    return kExitFatal;
  }
  return printOut(dumpConfig(loaded.config, &servedWords)) ? kExitClean : kExitFatal;
}

}  // namespace culvert
