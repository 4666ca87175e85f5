// SPDX-License-Identifier: GPL-3.0-or-later
// See check.h.
#include "main/check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "base/standard_streams.h"
#include "certs/stapling.h"
#include "certs/ticket_source.h"
#include "config/config_dump.h"
#include "server/exit_code.h"
#include "server/preflight.h"
#include "server/preparation.h"
#include "tls/credentials/credentials.h"
#include "tls/library/tls_library.h"

namespace culvert {
namespace {

bool print(const Diagnostics& diagnostics) {
  for (const Diagnostic& d : diagnostics.list()) printLine(stderr, d.text());
  return diagnostics.hasErrors();
}

/// Returns a line for each service with its effective policy, for example "service web: policy
/// modern: TLS 1.3, ..".
std::string policyLines(const Config& config, const Runtime& runtime) {
  std::string lines;
  for (const ServiceOptions& options : config.services) {
    const RuntimeService* found = runtime.find(options.name);
    if (found == nullptr || found->service->tls == nullptr) continue;
    std::string given;
    for (const char* key : {"min-version", "max-version", "ciphers", "ciphersuites", "groups"})
      if (options.originOf(key).kind > Origin::Kind::kPolicy)
        given += fmt::format("{}{}", given.empty() ? ", except " : ", ", key);
    lines += fmt::format("service {}: policy {}{}: {}\n", options.name, options.policy, given,
                         policyText(*found->service->tls->settings));
  }
  return lines;
}

/// Returns the notes that the daemon would log about OCSP stapling.
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
    if (one.service->tls == nullptr) continue;
    for (const auto& credentials : one.service->tls->credentials->list()) {
      lines += fmt::format("service {}: {} ({})\n", one.name(), credentials->summary(),
                           credentials->validityText(now));
    }
  }
  return lines;
}

/// Describes how many objects there are and when the first of them expires, for example "2 CAs
/// (until 2027-03-01 12:00:00 UTC)".
template <class Range, class End>
std::string soonestEnd(const Range& all, std::string_view what, End endOf) {
  int64_t soonest = endOf(all.front());
  for (const auto& one : all) soonest = std::min(soonest, endOf(one));
  return fmt::format("{} {}{} (until {})", all.size(), what, all.size() == 1 ? "" : "s",
                     utcText(soonest));
}

/// Describes the client authentication of each service: how many CAs and CRLs the service has, and
/// when the first CA and the first CRL expire.
std::string clientAuthLines(const Runtime& runtime) {
  std::string lines;
  for (const RuntimeService& one : runtime.services) {
    if (one.service->tls == nullptr) continue;
    const auto& auth = one.service->tls->settings->peerAuth;
    if (auth == nullptr) continue;
    lines += fmt::format(
        "service {}: client certificates {}, {}", one.name(),
        auth->mode == VerifyClient::kRequired ? "required" : "optional",
        auth->anchors.empty()
            ? "by their keys alone"
            : soonestEnd(auth->anchors, "CA", [](const TrustAnchor& one) { return one.notAfter; }));
    if (auth->checksRevocation && auth->lists.empty()) lines += ", no CRL";
    if (!auth->lists.empty())
      lines += ", " + soonestEnd(auth->lists, "CRL",
                                 [](const RevocationList& one) { return one.nextUpdate; });
    lines += '\n';
  }
  return lines;
}

/// Describes how culvert verifies the backends of each service.
std::string backendTrustLines(const Runtime& runtime) {
  std::string lines;
  for (const RuntimeService& one : runtime.services) {
    const auto& tls = one.service->backendTls;
    if (tls == nullptr) continue;
    const auto& auth = tls->settings->peerAuth;
    std::string words = "not verified";
    if (auth != nullptr && auth->pinsOnly)
      words = "verified by their keys alone";
    else if (auth != nullptr && auth->systemBundle)
      words = fmt::format("verified by the system's {} CAs", auth->anchors.size());
    else if (auth != nullptr)
      words = "verified by " +
              soonestEnd(auth->anchors, "CA", [](const TrustAnchor& ca) { return ca.notAfter; });
    lines += fmt::format("service {}: TLS with backends, {}\n", one.name(), words);
  }
  return lines;
}

/// Returns the values that culvert uses if option `key` is empty.
std::string servedWords(std::string_view key) {
  const TlsSettings builtIn;
  if (key == "ciphers") return suiteList(builtIn.suites12());
  if (key == "ciphersuites") return suiteList(builtIn.suites13());
  if (key == "groups") return groupList(groupsHere(builtIn.allGroups()));
  return {};
}

}  // namespace

int checkConfig(const ConfigSource& source, bool strict) {
  Resolver resolver{ResolverOptions{}};  // not started, because preflight() resolves the names
  TicketSource tickets;
  Preparation made = prepare(
      source,
      {.reason = strict ? PrepareReason::kStrictCheck : PrepareReason::kCheck,
       .resolver = resolver,
       .tickets = tickets,
       .onConfig = [](Preparation& so) { return !print(std::exchange(so.diagnostics, {})); }});
  if (made.exitCode == kExitClean)
    made.diagnostics.append(staplingNotes(made.config, made.runtime));
  if (print(made.diagnostics) || made.exitCode != kExitClean) return made.exitCode;
  const GlobalOptions& global = made.config.global;
  if (!printOut(certificateLines(made.runtime) + clientAuthLines(made.runtime) +
                backendTrustLines(made.runtime) + policyLines(made.config, made.runtime)))
    return kExitFatal;
  if (!global.ticketSecretFile.empty() &&
      !printOut(fmt::format("ticket secret: {}\n", TicketSource::idsOf(made.tickets))))
    return kExitFatal;
  if (print(preflight(made.config, strict ? Severity::kError : Severity::kNote))) return kExitBind;
  const auto counted = [](size_t count, std::string_view what) {
    return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
  };
  std::string found = counted(made.runtime.services.size(), "service");
  if (!global.include.empty()) found += ", " + counted(made.config.includedFiles, "included file");
  const bool told = printOut(fmt::format("configuration is sound: {}\n", found));
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
