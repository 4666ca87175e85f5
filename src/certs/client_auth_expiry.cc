// SPDX-License-Identifier: GPL-3.0-or-later
// See client_auth_expiry.h.
#include "certs/client_auth_expiry.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "service/runtime.h"
#include "tls/credentials/credentials.h"

namespace culvert {
namespace {

constexpr int64_t kHourSeconds = 3600;
constexpr int64_t kDaySeconds = 24 * kHourSeconds;

/// Returns when the last quarter of a CRL's validity begins, which is when culvert begins to warn.
/// A fixed period would not fit, because some CRLs are valid for hours and others for months.
int64_t lastStretch(const RevocationList& list) {
  return list.nextUpdate - (list.nextUpdate - list.thisUpdate) / 4;
}

template <class Visit>
void forEachAuth(const Runtime& runtime, Visit visit) {
  for (const RuntimeService& one : runtime.services) {
    const Service& service = *one.service;
    if (service.tls != nullptr && service.tls->settings->peerAuth != nullptr)
      visit(one.name(), *service.tls->settings->peerAuth);
    if (service.backendTls != nullptr && service.backendTls->settings->peerAuth != nullptr &&
        !service.backendTls->settings->peerAuth->systemBundle)
      visit(one.name(), *service.backendTls->settings->peerAuth);
  }
}

uint64_t unitsLeft(int64_t end, int64_t now, int64_t unit) {
  return end == INT64_MAX || end <= now ? 0 : static_cast<uint64_t>((end - now) / unit);
}

}  // namespace

void ClientAuthExpiry::tell(const Runtime& runtime, int64_t since, int64_t now) {
  toldAt_ = now;
  next_ = INT64_MAX;
  // Logs an object that expires at `end`; warnings begin at `soon`.
  const auto say = [&](const std::string& service, std::string_view what, std::string_view effect,
                       std::string_view key, const std::string& which, int64_t soon, int64_t end) {
    const bool over = now > end;
    const int64_t moment = over ? end + 1 : soon;
    if (!over) next_ = std::min(next_, now < soon ? soon : end + 1);
    if (now < moment || moment <= since) return;
    logger_.log(LogLine(over ? LogLevel::kErr : LogLevel::kWarning,
                        over ? fmt::format("{} has expired: {}", what, effect)
                             : fmt::format("{} expires soon", what))
                    .add("service", service)
                    .add(key, which)
                    .add("until", utcText(end)));
  };
  std::set<std::pair<std::string, std::string>> told;  // objects already seen, because services
                                                       // often share files
  forEachAuth(runtime, [&](const std::string& service, const PeerAuth& auth) {
    const PeerWords& words = wordsOf(auth.purpose);
    const std::string peer(words.peer);
    const std::string effect = fmt::format("{} that need it are refused", words.peers);
    for (const TrustAnchor& anchor : auth.anchors)
      if (told.emplace(peer, std::string(anchor.keyPin.begin(), anchor.keyPin.end())).second)
        say(service, peer + " CA", effect, peer + "_ca", anchor.subject,
            expiryWarningFrom(anchor.notBefore, anchor.notAfter), anchor.notAfter);
    for (const RevocationList& list : auth.lists)
      if (told.emplace(list.path, list.issuer).second)
        say(service, "CRL of " + list.issuer, effect, "crl", list.path, lastStretch(list),
            list.nextUpdate);
  });
  for (const RuntimeService& one : runtime.services) {
    const BackendTls* backend = one.service->backendTls.get();
    if (backend == nullptr || backend->credentials == nullptr) continue;
    const Credentials& own = *backend->credentials;
    if (told.emplace("backend-cert", own.certPath()).second)
      say(one.name(), "backend-cert", "backends that verify it refuse culvert", "cert",
          own.certPath(), expiryWarningFrom(own.leaf().notBefore, own.validUntil()),
          own.validUntil());
  }
}

void ClientAuthExpiry::count(const Runtime& runtime, int64_t now, CounterSnapshot& snapshot) {
  int64_t firstCa = INT64_MAX;
  int64_t firstList = INT64_MAX;
  forEachAuth(runtime, [&](const std::string&, const PeerAuth& auth) {
    for (const RevocationList& list : auth.lists) firstList = std::min(firstList, list.nextUpdate);
    if (auth.purpose != PeerPurpose::kClients) return;
    for (const TrustAnchor& anchor : auth.anchors) firstCa = std::min(firstCa, anchor.notAfter);
  });
  snapshot.set(Counter::kClientCaDaysLeft, unitsLeft(firstCa, now, kDaySeconds));
  snapshot.set(Counter::kClientCaSecondsLeft, unitsLeft(firstCa, now, 1));
  snapshot.set(Counter::kRevocationListHoursLeft, unitsLeft(firstList, now, kHourSeconds));
  snapshot.set(Counter::kRevocationListSecondsLeft, unitsLeft(firstList, now, 1));
}

}  // namespace culvert
