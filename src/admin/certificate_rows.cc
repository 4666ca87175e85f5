// SPDX-License-Identifier: GPL-3.0-or-later
// See certificate_rows.h.
#include "admin/certificate_rows.h"

#include <algorithm>
#include <chrono>

#include "admin/json.h"
#include "base/hex.h"
#include "log/log_render.h"

namespace culvert {
namespace {

constexpr int64_t kSecondsPerDay = 86'400;

Json datedRow(const std::string& service, std::string_view kind, const std::string& subject,
              int64_t notBefore, int64_t notAfter, int64_t now) {
  Json row;
  row["service"] = service;
  row["kind"] = kind;
  row["subject"] = subject;
  row["not_before"] = rfc3339(notBefore);
  row["not_after"] = rfc3339(notAfter);
  row["seconds_left"] = std::max<int64_t>(notAfter - now, 0);
  row["days_left"] = std::max<int64_t>((notAfter - now) / kSecondsPerDay, 0);
  return row;
}

std::string stapleWord(const Credentials& one, int64_t now) {
  const auto held = one.staple().held();
  if (held == nullptr) return "none";
  if (held->validUntil < now) return "expired";
  return held->revoked ? "revoked" : "good";
}

Json servedRow(const std::string& service, std::string_view kind, const Credentials& one,
               int64_t now) {
  const CertificateInfo& leaf = one.leaf();
  Json row = datedRow(service, kind, leaf.subject, leaf.notBefore, one.validUntil(), now);
  row["issuer"] = leaf.issuer;
  Json names = Json::array();
  for (const auto& name : leaf.dnsNames) names.push_back(name);
  for (const auto& address : leaf.addresses) names.push_back(address);
  row["names"] = std::move(names);
  row["serial"] = encodeHex(leaf.serial);
  row["fingerprint"] = leaf.fingerprint;
  row["key"] = leaf.keyText;
  row["ocsp"] = stapleWord(one, now);
  row["refused"] = "";
  row["files"] = Json::array({one.certPath()});
  return row;
}

void addPeerAuth(Json& rows, const std::string& service, std::string_view caKind,
                 const PeerAuth& auth, int64_t now) {
  for (const TrustAnchor& anchor : auth.anchors)
    rows.push_back(
        datedRow(service, caKind, anchor.subject, anchor.notBefore, anchor.notAfter, now));
  for (const RevocationList& list : auth.lists) {
    Json row = datedRow(service, "crl", list.issuer, list.thisUpdate, list.nextUpdate, now);
    row["files"] = Json::array({list.path});
    rows.push_back(std::move(row));
  }
}

/// Calls `visit` with each certificate that the service serves, and with its unit; a self-signed one
/// has none.
template <class Visit>
void forEachServedOf(const RuntimeService& one, Visit visit) {
  for (const auto& unit : one.certificates)
    if (unit->credentials != nullptr) visit(*unit->credentials, unit.get());
  const TlsEndpoint* tls = one.service->tls.get();
  if (tls == nullptr || !one.certificates.empty()) return;
  for (size_t i = 0; i < tls->credentials->size(); ++i) visit((*tls->credentials)[i], nullptr);
}

void addService(Json& rows, const RuntimeService& one, int64_t now) {
  forEachServedOf(one, [&](const Credentials& served, const CertificateUnit* unit) {
    Json row = servedRow(one.name(), "server", served, now);
    if (unit != nullptr) {
      row["refused"] = unit->refusal;
      row["files"] = Json::array({unit->files.cert});
      if (!unit->files.key.empty()) row["files"].push_back(unit->files.key);
    }
    rows.push_back(std::move(row));
  });
  const Service& service = *one.service;
  if (service.tls != nullptr && service.tls->settings->peerAuth != nullptr)
    addPeerAuth(rows, one.name(), "client-ca", *service.tls->settings->peerAuth, now);
  if (service.backendTls == nullptr) return;
  if (service.backendTls->credentials != nullptr)
    rows.push_back(servedRow(one.name(), "backend-cert", *service.backendTls->credentials, now));
  const auto& auth = service.backendTls->settings->peerAuth;
  if (auth != nullptr && !auth->systemBundle)
    addPeerAuth(rows, one.name(), "backend-ca", *auth, now);
}

}  // namespace

std::string certificatesJson(const Runtime& runtime, std::string_view service, int64_t now) {
  Json rows = Json::array();
  for (const RuntimeService& one : runtime.services)
    if (service.empty() || one.name() == service) addService(rows, one, now);
  return jsonText({{"certificates", std::move(rows)}});
}

std::optional<int64_t> secondsLeft(const RuntimeService& service, int64_t now) {
  std::optional<int64_t> first;
  forEachServedOf(service, [&](const Credentials& served, const CertificateUnit*) {
    const int64_t left = std::max<int64_t>(served.validUntil() - now, 0);
    first = std::min(first.value_or(left), left);
  });
  return first;
}

size_t certificateCount(const RuntimeService& service) {
  size_t count = 0;
  forEachServedOf(service, [&](const Credentials&, const CertificateUnit*) { ++count; });
  return count;
}

std::string rfc3339(int64_t seconds) { return renderTime(WallTime(std::chrono::seconds(seconds))); }

}  // namespace culvert
