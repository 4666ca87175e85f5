// SPDX-License-Identifier: GPL-3.0-or-later
// See certificate_keeper.h.
#include "certs/certificate_keeper.h"

#include <algorithm>
#include <ctime>
#include <unordered_set>

namespace culvert {
namespace {

constexpr int64_t kDay = 86400;

// If many certificates change or expire together, only this many get a log line each.
constexpr size_t kMostLines = 20;

template <class Visit>
void forEachServed(const Runtime& runtime, Visit visit) {
  for (const RuntimeService& one : runtime.services) {
    if (one.service->tls == nullptr) continue;
    for (const auto& credentials : one.service->tls->credentials->list())
      visit(one.name(), *credentials);
  }
}

std::unordered_set<const Credentials*> servedBy(const Runtime& runtime) {
  std::unordered_set<const Credentials*> all;
  forEachServed(runtime, [&](const std::string&, const Credentials& one) { all.insert(&one); });
  return all;
}

bool clientsRefuse(const Credentials& one, int64_t now) {
  return one.validity(now) != Validity::kValid || !one.flaws().empty();
}

int64_t warningFrom(const Credentials& one) {
  return expiryWarningFrom(one.leaf().notBefore, one.validUntil());
}

/// When the certificate expired, or else when culvert began to warn of its expiry; INT64_MAX if
/// neither has happened.
int64_t momentOf(const Credentials& one, int64_t now) {
  if (now > one.validUntil()) return one.validUntil() + 1;
  return now >= warningFrom(one) ? warningFrom(one) : INT64_MAX;
}

LogLevel levelOf(Severity severity) {
  return severity == Severity::kError     ? LogLevel::kErr
         : severity == Severity::kWarning ? LogLevel::kWarning
                                          : LogLevel::kNotice;
}

}  // namespace

void CertificateKeeper::start(const Config& config, const Runtime& runtime) {
  if (auto started = watch_.start(); !started) {
    logger_.log(
        LogLine(LogLevel::kWarning, "cannot watch certificate files: checking them only every 30 s")
            .add("error", started.error().text));
  }
  follow(config, runtime);
}

void CertificateKeeper::follow(const Config& config, const Runtime& runtime) {
  watchFiles(config, runtime);
  tellAll(runtime);
}

void CertificateKeeper::watchFiles(const Config& config, const Runtime& runtime) {
  const size_t blind = watch_.follow(config, runtime);
  if (blind > blind_) {
    logger_.log(
        LogLine(LogLevel::kWarning, "cannot watch some directories: checking them only every 30 s")
            .add("directories", blind)
            .add("see", "fs.inotify.max_user_watches"));
  }
  blind_ = blind;
}

void CertificateKeeper::refresh(const Config& config, Runtime& runtime,
                                const std::function<void(const Runtime&)>& putInForce) {
  Diagnostics diagnostics;
  CertificateRefresh refresh = refreshCertificates(config, runtime, diagnostics);
  for (const Diagnostic& d : diagnostics.list()) logger_.log(levelOf(d.severity), d.text());
  counters_.add(Counter::kCertificatesRefused, refresh.refused);
  std::swap(runtime, refresh.runtime);
  const Served before = servedBy(refresh.runtime);
  if (refresh.changed) {
    putInForce(refresh.runtime);
    logTaken(before, runtime);
  }
  if (refresh.clientsTaken != 0) {
    logger_.log(LogLine(LogLevel::kNotice, "CAs and CRLs for client certificates loaded")
                    .add("services", refresh.clientsTaken));
  }
  if (refresh.backendsTaken != 0) {
    logger_.log(LogLine(LogLevel::kNotice, "files for TLS with backends loaded")
                    .add("services", refresh.backendsTaken));
  }
  watchFiles(config, runtime);
  if (refresh.changed)
    tellTaken(before, runtime, refresh.clientsTaken + refresh.backendsTaken != 0);
  if (refresh.lookAgain) watch_.lookSoon();
}

void CertificateKeeper::logTaken(const Served& before, const Runtime& now) {
  size_t lines = 0;
  forEachServed(now, [&](const std::string& service, const Credentials& one) {
    if (before.contains(&one)) return;
    counters_.add(Counter::kCertificatesTaken);
    if (++lines > kMostLines) return;
    logger_.log(LogLine(LogLevel::kNotice, "certificate loaded")
                    .add("service", service)
                    .add("cert", one.certPath())
                    .add("certificate", one.summary())
                    .add("validity", one.validityText(std::time(nullptr))));
  });
}

template <class Wanted>
void CertificateKeeper::tellValidity(const Runtime& runtime, int64_t now, Wanted wanted) {
  toldAt_ = now;
  next_ = INT64_MAX;
  size_t lines = 0;
  forEachServed(runtime, [&](const std::string& service, const Credentials& one) {
    if (now < warningFrom(one))
      next_ = std::min(next_, warningFrom(one));
    else if (now <= one.validUntil())
      next_ = std::min(next_, one.validUntil() + 1);
    if (wanted(one) && ++lines <= kMostLines) tell(service, one, now);
  });
  if (lines > kMostLines) {
    logger_.log(
        LogLine(LogLevel::kWarning, "more certificates expire soon, have expired or are refused")
            .add("count", lines - kMostLines));
  }
}

void CertificateKeeper::tellAll(const Runtime& runtime) {
  const int64_t now = std::time(nullptr);
  allAt_ = now;
  tellValidity(runtime, now, [now](const Credentials& one) {
    return clientsRefuse(one, now) || momentOf(one, now) != INT64_MAX;
  });
  peerAuth_.tellAll(runtime, now);
}

void CertificateKeeper::tellTaken(const Served& before, const Runtime& runtime, bool clients) {
  const int64_t now = std::time(nullptr);
  const int64_t since = toldAt_;
  tellValidity(runtime, now, [&](const Credentials& one) {
    const int64_t moment = momentOf(one, now);
    if (before.contains(&one)) return moment > since && moment <= now;
    return clientsRefuse(one, now) || moment != INT64_MAX;
  });
  if (clients) peerAuth_.tellAll(runtime, now);
}

void CertificateKeeper::tellNew(const Runtime& runtime) {
  const int64_t now = std::time(nullptr);
  const int64_t since = toldAt_;
  tellValidity(runtime, now, [=](const Credentials& one) {
    const int64_t moment = momentOf(one, now);
    return moment > since && moment <= now;
  });
}

void CertificateKeeper::tell(const std::string& service, const Credentials& one, int64_t now) {
  const auto say = [&](LogLevel level, const char* what, std::string_view key,
                       const std::string& why) {
    logger_.log(
        LogLine(level, what).add("service", service).add("cert", one.certPath()).add(key, why));
  };
  const Validity validity = one.validity(now);
  if (validity != Validity::kValid)
    say(LogLevel::kErr,
        validity == Validity::kExpired ? "serving an expired certificate"
                                       : "serving a certificate that is not yet valid",
        "validity", one.validityText(now));
  else if (momentOf(one, now) != INT64_MAX)
    say(LogLevel::kWarning, "certificate expires soon", "validity", one.validityText(now));
  for (const CertificateFlaw& flaw : one.flaws())
    say(LogLevel::kErr, "serving a certificate that clients refuse", "reason", flaw.text);
}

void CertificateKeeper::onTick(const Runtime& runtime) {
  const int64_t now = std::time(nullptr);
  if (now >= allAt_ + kDay) return tellAll(runtime);
  if (now >= next_) {
    tellNew(runtime);
    watch_.lookSoon();  // a refused certificate may now be better than the expired certificate
  }
  peerAuth_.tellNew(runtime, now);
}

void CertificateKeeper::count(const Runtime& runtime, CounterSnapshot& snapshot) {
  const int64_t now = std::time(nullptr);
  uint64_t served = 0;
  uint64_t invalid = 0;
  int64_t first = INT64_MAX;
  forEachServed(runtime, [&](const std::string&, const Credentials& one) {
    ++served;
    if (clientsRefuse(one, now)) ++invalid;
    first = std::min(first, one.validUntil());
  });
  snapshot.set(Counter::kCertificates, served);
  snapshot.set(Counter::kCertificatesInvalid, invalid);
  const auto left = served == 0 || first <= now ? 0 : static_cast<uint64_t>(first - now);
  snapshot.set(Counter::kCertificateDaysLeft, left / kDay);
  snapshot.set(Counter::kCertificateSecondsLeft, left);
  ClientAuthExpiry::count(runtime, now, snapshot);
}

}  // namespace culvert
