// SPDX-License-Identifier: GPL-3.0-or-later
// See certificate_refresh.h.
#include "certs/certificate_refresh.h"

#include <algorithm>

#include "certs/backend_builder.h"
#include "certs/certificate_loader.h"
#include "certs/client_auth_builder.h"

namespace culvert {
namespace {

/// Returns settings with the current contents of client-ca and crl, or `settings` if nothing has
/// changed.
std::shared_ptr<const TlsSettings> refreshClients(
    const ServiceOptions& options, const std::shared_ptr<const TlsSettings>& settings,
    std::vector<FileStamp>& stamps, CertificateRefresh& refresh, Diagnostics& diagnostics) {
  if (settings->peerAuth == nullptr) return settings;
  std::vector<FileStamp> now = clientFileStamps(options);
  if (now == stamps) return settings;
  if (!std::all_of(now.begin(), now.end(),
                   [](const FileStamp& stamp) { return stamp.settled(); })) {
    refresh.lookAgain = true;
    return settings;
  }
  stamps = std::move(now);
  Diagnostics said;
  auto auth = buildPeerAuth(options, settings->peerAuth, said);
  diagnostics.append(said);
  if (said.hasErrors()) {
    ++refresh.refused;
    const auto first = std::ranges::find(said.list(), Severity::kError, &Diagnostic::severity);
    diagnostics.error(first->origin, first->section, first->key,
                      "changed files are not loaded; what is in use stays");
    return settings;
  }
  if (auth == settings->peerAuth) return settings;
  ++refresh.clientsTaken;
  auto made = std::make_shared<TlsSettings>(*settings);
  made->peerAuth = std::move(auth);
  return made;
}

/// Returns the BackendTls with the current contents of its files, or the one in use.
std::shared_ptr<const BackendTls> refreshBackend(const ServiceOptions& options,
                                                 const std::shared_ptr<const BackendTls>& inUse,
                                                 std::vector<FileStamp>& stamps,
                                                 BackendBuilder& builder, Diagnostics& said,
                                                 CertificateRefresh& refresh) {
  std::vector<FileStamp> now = backendFileStamps(options);
  if (inUse == nullptr || now == stamps) return inUse;
  if (!std::all_of(now.begin(), now.end(),
                   [](const FileStamp& stamp) { return stamp.settled(); })) {
    refresh.lookAgain = true;
    return inUse;
  }
  stamps = std::move(now);
  const size_t errors = said.errors();
  auto made = builder.build(options, inUse);
  if (made == nullptr) {
    refresh.refused += static_cast<unsigned>(said.errors() - errors);
    said.error(options.originOf("backend-tls"), sectionLabel(options), "backend-tls",
               "changed files are not loaded; what is in use stays");
    return inUse;
  }
  if (made != inUse) ++refresh.backendsTaken;
  return made;
}

/// Renews the client's end of a service. Returns the endpoint in use if nothing has changed.
std::shared_ptr<const TlsEndpoint> refreshEndpoint(const ServiceOptions& options,
                                                   RuntimeService& one, CertificateLoader& loader,
                                                   CertificateRefresh& refresh,
                                                   Diagnostics& diagnostics) {
  const auto& inUse = one.service->tls;
  if (inUse == nullptr) return nullptr;
  TlsEndpoint endpoint = *inUse;
  endpoint.settings =
      refreshClients(options, endpoint.settings, one.clientFiles, refresh, diagnostics);
  if (!options.selfSigned) {
    one.certificates =
        loader.load(options, one.certificates, endpoint.asked.get(), endpoint.settings.get());
    CredentialSet::List list = credentialsOf(one.certificates);
    if (list != endpoint.credentials->list())
      endpoint.credentials = std::make_shared<const CredentialSet>(std::move(list));
  }
  return endpoint == *inUse ? inUse : std::make_shared<const TlsEndpoint>(std::move(endpoint));
}

}  // namespace

CertificateRefresh refreshCertificates(const Config& config, const Runtime& before,
                                       Diagnostics& diagnostics) {
  CertificateRefresh refresh;
  refresh.runtime = before;
  CertificateLoader loader(LoadReason::kWatch, knownCertificates(before), diagnostics);
  Diagnostics backendSaid;
  BackendBuilder backends(backendSaid);
  for (size_t i = 0; i < config.services.size(); ++i) {
    const ServiceOptions& options = config.services[i];
    RuntimeService& one = refresh.runtime.services[i];
    auto endpoint = refreshEndpoint(options, one, loader, refresh, diagnostics);
    auto backend = refreshBackend(options, one.service->backendTls, one.backendFiles, backends,
                                  backendSaid, refresh);
    if (endpoint == one.service->tls && backend == one.service->backendTls) continue;
    auto renewed = std::make_shared<Service>(*one.service);
    renewed->tls = std::move(endpoint);
    renewed->backendTls = std::move(backend);
    one.service = std::move(renewed);
    refresh.changed = true;
  }
  diagnostics.append(backendSaid);
  refresh.lookAgain = refresh.lookAgain || loader.lookAgain();
  refresh.refused += loader.refused();
  diagnostics.sort();
  return refresh;
}

}  // namespace culvert
