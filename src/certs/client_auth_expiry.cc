// SPDX-License-Identifier: GPL-3.0-or-later
// See client_auth_expiry.h.
#include "certs/client_auth_expiry.h"

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
  for (const RuntimeService& one : runtime.services)
    if (const auto& auth = one.service->tls->settings->peerAuth) visit(one.name(), *auth);
}

uint64_t unitsLeft(int64_t end, int64_t now, int64_t unit) {
  return end == INT64_MAX || end <= now ? 0 : static_cast<uint64_t>((end - now) / unit);
}

}  // namespace

void ClientAuthExpiry::tell(const Runtime& runtime, int64_t since, int64_t now) {
  toldAt_ = now;
  next_ = INT64_MAX;
  // Logs an object that expires at `end`; warnings begin at `soon`.
  const auto say = [&](const std::string& service, std::string_view what, std::string_view key,
                       const std::string& which, int64_t soon, int64_t end) {
    const bool over = now > end;
    const int64_t moment = over ? end + 1 : soon;
    if (!over) next_ = std::min(next_, now < soon ? soon : end + 1);
    if (now < moment || moment <= since) return;
    logger_.log(LogLine(over ? LogLevel::kErr : LogLevel::kWarning,
                        std::string(what) + (over ? " has expired: clients that need it are refused"
                                                  : " expires soon"))
                    .add("service", service)
                    .add(key, which)
                    .add("until", utcText(end)));
  };
  std::set<std::pair<std::string, std::string>> told;  // objects already seen, because services
                                                       // often share files
  forEachAuth(runtime, [&](const std::string& service, const PeerAuth& auth) {
    for (const TrustAnchor& anchor : auth.anchors)
      if (told.emplace("", std::string(anchor.keyPin.begin(), anchor.keyPin.end())).second)
        say(service, "client CA", "client_ca", anchor.subject,
            expiryWarningFrom(anchor.notBefore, anchor.notAfter), anchor.notAfter);
    for (const RevocationList& list : auth.lists)
      if (told.emplace(list.path, list.issuer).second)
        say(service, "CRL of " + list.issuer, "crl", list.path, lastStretch(list), list.nextUpdate);
  });
}

void ClientAuthExpiry::count(const Runtime& runtime, int64_t now, CounterSnapshot& snapshot) {
  int64_t firstCa = INT64_MAX;
  int64_t firstList = INT64_MAX;
  forEachAuth(runtime, [&](const std::string&, const PeerAuth& auth) {
    for (const TrustAnchor& anchor : auth.anchors) firstCa = std::min(firstCa, anchor.notAfter);
    for (const RevocationList& list : auth.lists) firstList = std::min(firstList, list.nextUpdate);
  });
  snapshot.set(Counter::kClientCaDaysLeft, unitsLeft(firstCa, now, kDaySeconds));
  snapshot.set(Counter::kClientCaSecondsLeft, unitsLeft(firstCa, now, 1));
  snapshot.set(Counter::kRevocationListHoursLeft, unitsLeft(firstList, now, kHourSeconds));
  snapshot.set(Counter::kRevocationListSecondsLeft, unitsLeft(firstList, now, 1));
}

}  // namespace culvert
