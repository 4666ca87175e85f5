// SPDX-License-Identifier: GPL-3.0-or-later
// See service_builder.h.
#include "server/service_builder.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/escapes.h"
#include "certs/backend_builder.h"
#include "certs/certificate_loader.h"
#include "certs/client_auth_builder.h"
#include "net/backend_spec.h"
#include "net/network.h"
#include "proxy/proxy_url.h"
#include "route/route_names.h"
#include "server/route_options.h"
#include "starttls/dialog.h"
#include "tls/credentials/self_signed.h"
#include "tls/library/key_log.h"
#include "tls/library/tls_library.h"
#include "tls/ocsp/ocsp_check.h"

namespace culvert {
namespace {

template <class T>
Result<void> asCheck(const Result<T>& result) {
  if (!result) return tl::unexpected(result.error());
  return {};
}

Result<void> checkListen(std::string_view text) {
  return asCheck(parseAddress(text, AddressUse::kListen));
}
Result<void> checkBackend(std::string_view text) { return asCheck(parseBackend(text)); }
/// In all lists but match-address, `unix` stands for all clients of UNIX sockets.
Result<void> checkNetwork(std::string_view key, std::string_view text) {
  return asCheck(parseNetwork(text, key != "match-address"));
}
Result<void> checkMatchName(std::string_view text) { return asCheck(parseMatchName(text)); }
Result<void> checkCipher(std::string_view name) { return asCheck(checkCipherList(name)); }
Result<void> checkSuite(std::string_view name) { return asCheck(checkCiphersuites(name)); }
/// Returns an error if a configured group is unknown or the library lacks it. Groups of the
/// built-in list are not checked, so the library may lack some of them.
Result<void> checkGroup(std::string_view name) {
  const auto known = checkGroups(name);
  if (!known) return tl::unexpected(known.error());
  if (const auto ready = initTlsLibrary(); !ready) return ready;
  if (libraryHasGroup(known->front())) return {};
  return fail(fmt::format("wolfSSL {} as it is built here has no {}; it has: {}",
                          tlsLibraryVersion(), groupName(known->front()),
                          groupList(groupsHere(servedGroups()))));
}

/// Returns the backend of a service with `via`, whose URL is `url`.
Result<ViaProxy> readVia(std::string_view url, std::string_view backend) {
  const auto proxy = parseProxyUrl(url);
  if (!proxy) return tl::unexpected(proxy.error());
  const auto parsed = parseBackend(backend);
  if (!parsed) return tl::unexpected(parsed.error());
  if (!parsed->srv.empty()) return fail("cannot reach an SRV name through a proxy");
  const AddressSpec* spec = &parsed->address;
  if (spec->kind == AddressKind::kUnix) return fail("cannot reach a UNIX socket through a proxy");
  ViaProxy via{.scheme = proxy->scheme,
               .host = spec->kind == AddressKind::kHostName ? spec->host : spec->address.hostText(),
               .port = spec->kind == AddressKind::kHostName ? spec->port : spec->address.port(),
               .credentials = nullptr};
  const auto dialog = via.scheme == ProxyScheme::kHttp
                          ? makeHttpConnect(via.host, via.port, nullptr)
                          : makeSocks5(via.host, via.port, nullptr);
  if (!dialog) return tl::unexpected(dialog.error());
  return via;
}

Result<void> checkProxyUrl(std::string_view url, std::string_view backend) {
  return asCheck(readVia(url, backend));
}

Result<void> checkKeylogFile(std::string_view) { return KeyLog::supported(); }

std::string canonicalListen(std::string_view text) {
  const auto spec = parseAddress(text, AddressUse::kListen);
  return spec ? spec->text() : std::string(text);
}

std::string joined(const SourcedList& list) {
  std::string all;
  for (const SourcedText& item : list) all += (all.empty() ? "" : ":") + item.text;
  return all;
}

/// The names were checked when the file was read, so there is no error to report here.
std::vector<uint16_t> numbersOf(Result<std::vector<uint16_t>> checked) {
  return checked ? std::move(*checked) : std::vector<uint16_t>();
}

/// The address of the proxy, as if it were the backend.
SourcedText proxyAddress(const ServiceOptions& o) {
  const auto proxy = parseProxyUrl(o.via);
  return {proxy ? proxy->authority() : std::string(), o.originOf("via")};
}

TunnelPlan planOf(const ServiceOptions& o) {
  const bool backend = o.backendTls || !o.via.empty();
  const bool connectFirst = o.tls == ClientTls::kOff || serverSpeaksFirst(o.startTls);
  if (connectFirst) return backend ? kConnectThenHandshake : kConnectOnly;
  return backend ? kBothHandshakes : kHandshakeThenConnect;
}

std::shared_ptr<const TunnelOptions> tunnelOptions(const ServiceOptions& o) {
  auto t = std::make_shared<TunnelOptions>();
  t->handshakeTimeout = o.handshakeTimeout;
  t->idleTimeout = o.idleTimeout;
  t->stallTimeout = o.stallTimeout;
  t->halfCloseTimeout = o.halfCloseTimeout;
  t->fifoSize = o.fifoSize;
  t->truncationAsFin = o.onTruncation == TruncationEnd::kFin;
  t->backendTruncationAsFin = o.backendOnTruncation == TruncationEnd::kFin;
  t->plan = planOf(o);
  return t;
}

/// The networks were checked when the file was read.
NetworkSet networksOf(const SourcedList& list) {
  std::vector<Network> networks;
  for (const SourcedText& item : list)
    if (const auto network = parseNetwork(item.text, true)) networks.push_back(*network);
  return NetworkSet(std::move(networks));
}

ListenRules listenRules(const ServiceOptions& o) {
  return {.acceptProxy = o.acceptProxy,
          .proxies = networksOf(o.acceptProxyFrom),
          .inspectTimeout = o.inspectTimeout,
          .startTls = o.startTls};
}

PoolOptions poolOptions(const ServiceOptions& o) {
  PoolOptions made;
  made.balance = o.balance;
  made.maxTunnels = o.backendMaxTunnels;
  made.ejection = {o.ejectFailures, o.ejectTime};
  made.checked = o.healthCheck != HealthCheck::kOff;
  made.health = {o.healthRise, o.healthFall};
  return made;
}

/// The escapes were checked when the file was read, so there is no error to report here.
HealthOptions healthOptions(const ServiceOptions& o) {
  HealthOptions made;
  made.kind = o.healthCheck;
  made.interval = o.healthInterval;
  made.timeout = o.healthTimeout;
  made.fall = static_cast<unsigned>(o.healthFall);
  const bool says = o.healthCheck == HealthCheck::kSend || o.healthCheck == HealthCheck::kHttp;
  if (!says) return made;  // [defaults] may have texts for other services
  made.send = readEscapes(o.healthSend).value_or(std::string());
  made.expect = readEscapes(o.healthExpect).value_or(std::string());
  return made;
}

/// True if `set` is the certificate that makeSelfSigned() made for these names.
bool isSelfSignedFor(const CredentialSet& set, const std::vector<std::string>& names) {
  if (set.size() != 1 || set[0].certPath() != kSelfSignedPath) return false;
  return names.empty() ? set.covers("localhost")
                       : std::all_of(names.begin(), names.end(),
                                     [&](const auto& name) { return set[0].matches(name) == 2; });
}

/// Builds one service and collects its errors and warnings.
class ServiceBuilder {
 public:
  ServiceBuilder(const GlobalOptions& global, const ServiceOptions& options, const Service* before,
                 Diagnostics& diagnostics)
      : global_(global), options_(options), before_(before), diagnostics_(diagnostics) {}

  AskedNames* asked() const { return beforeTls() != nullptr ? beforeTls()->asked.get() : nullptr; }

  std::shared_ptr<const ServiceProfile> profile(Resolver& resolver, ServiceCountsTable* counts) {
    auto made = std::make_shared<ServiceProfile>();
    made->name = options_.name;
    made->tunnel = tunnelOptions(options_);
    made->connect.connectTimeout = options_.connectTimeout;
    made->connect.retry = options_.connectRetry;
    made->proxy = options_.proxyProtocol;
    made->keepRevoked = options_.onRevoked == RevokedEnd::kKeep;
    const SourcedList dialled =
        options_.via.empty() ? options_.backend : SourcedList{proxyAddress(options_)};
    std::vector<PoolTarget> targets;
    for (const SourcedText& backend : dialled) {
      const auto spec = parseBackend(backend.text);
      if (spec) targets.push_back({resolver.target(*spec), spec->weight});
    }
    made->connect.service = options_.name;
    made->connect.pool = std::make_shared<BackendPool>(
        poolOptions(options_), std::move(targets),
        before_ != nullptr ? before_->profile->connect.pool.get() : nullptr);
    addLimits(*made);
    if (counts != nullptr && measures(global_)) made->counts = counts->of(options_.name);
    return made;
  }

  /// Returns the proxy of the service, or nullptr if it has none or its credentials cannot be read.
  std::shared_ptr<const ViaProxy> via() {
    if (options_.via.empty()) return nullptr;
    auto made = readVia(options_.via, options_.backend.front().text);
    if (!made) return nullptr;  // reported when the file was read
    if (options_.viaAuthFile.empty()) return std::make_shared<const ViaProxy>(std::move(*made));
    const auto file = readSecretFile(options_.viaAuthFile);
    auto read = file ? ProxyCredentials::parse(file->text())
                     : Result<ProxyCredentials>(tl::unexpected(file.error()));
    if (!read) {
      error(options_.originOf("via-auth-file"), "via-auth-file",
            file ? options_.viaAuthFile + ": " + read.error().text : read.error().text);
      return nullptr;
    }
    made->credentials = std::make_shared<const ProxyCredentials>(std::move(*read));
    return std::make_shared<const ViaProxy>(std::move(*made));
  }

  /// Returns kOff if the library cannot staple. Then adds an error if the configuration requires
  /// stapling.
  StaplePolicy staple() {
    if (options_.tls != ClientTls::kOn) return {};
    const auto possible = staplingPossible();
    if (possible) return {options_.ocspStapling, options_.ocspResponder};
    if (options_.ocspStapling > StapleMode::kAuto)
      error(options_.originOf("ocsp-stapling"), "ocsp-stapling", possible.error().text);
    return {};
  }

  /// `units` contains the certificates, unless the service makes its own certificate.
  std::shared_ptr<const TlsEndpoint> tls(const CertificateUnits& units, bool stapling) {
    if (options_.tls != ClientTls::kOn) return nullptr;
    const TlsEndpoint* before = beforeTls();
    TlsEndpoint made{settings(stapling), credentials(units),
                     before != nullptr ? before->asked : std::make_shared<AskedNames>()};
    if (before != nullptr && *before == made) return before_->tls;
    if (const auto sound = checkEndpoint(*made.settings, *made.credentials); !sound)
      error(options_.originOf("ciphers"), "ciphers", sound.error().text);
    if (const auto text = keyTypeWarning(*made.settings, *made.credentials); !text.empty())
      diagnostics_.warning(options_.originOf("ciphers"), sectionLabel(options_), "ciphers", text);
    return std::make_shared<const TlsEndpoint>(std::move(made));
  }

 private:
  /// Open tunnels hold the objects of the limits, so a service with the same name keeps them.
  void addLimits(ServiceProfile& made) const {
    made.sources = SourceRules(networksOf(options_.allowFrom), networksOf(options_.denyFrom));
    made.limits = before_ != nullptr
                      ? before_->profile->limits
                      : std::make_shared<TunnelLimits>(TunnelLimits::Scope::kService);
    made.handshakeRate =
        before_ != nullptr ? before_->profile->handshakeRate : std::make_shared<HandshakeRate>();
    made.limitSettings = {.maxTunnels = options_.maxTunnels,
                          .maxTunnelsPerSource = options_.maxTunnelsPerSource,
                          .tunnelRate = options_.tunnelRate};
    made.handshakeRateSetting = options_.handshakeRate;
  }

  /// The endpoint that clients use now; nullptr for a new service, and one that had tls = off.
  const TlsEndpoint* beforeTls() const { return before_ != nullptr ? before_->tls.get() : nullptr; }

  std::shared_ptr<const TlsSettings> settings(bool stapling) {
    auto made = std::make_shared<TlsSettings>();
    made->service = options_.name;
    made->minVersion = options_.minVersion;
    made->maxVersion = options_.maxVersion;
    if (!options_.ciphers.empty())
      made->ciphers = numbersOf(checkCipherList(joined(options_.ciphers)));
    if (!options_.ciphersuites.empty())
      made->ciphersuites = numbersOf(checkCiphersuites(joined(options_.ciphersuites)));
    if (!options_.groups.empty()) made->groups = numbersOf(checkGroups(joined(options_.groups)));
    for (const SourcedText& protocol : options_.alpn) made->alpn.push_back(protocol.text);
    // Clients of PostgreSQL that begin with TLS at once require this protocol.
    if (options_.startTls == StartTls::kPgsql && made->alpn.empty()) made->alpn = {"postgresql"};
    made->peerAuth = buildPeerAuth(
        options_, beforeTls() != nullptr ? beforeTls()->settings->peerAuth : nullptr, diagnostics_);
    made->sessionTickets = options_.sessionTickets && made->peerAuth == nullptr;
    made->ticketLifetime = global_.ticketRotation;
    made->strictSni = options_.strictSni;
    made->staple = stapling;
    made->recordSize = static_cast<uint16_t>(options_.recordSize);
    made->keyLog = keyLog();
    warnOfCbc(*made);
    if (beforeTls() != nullptr && *beforeTls()->settings == *made) return beforeTls()->settings;
    if (const auto sound = checkTlsSettings(*made); !sound)
      error(options_.sectionOrigin, "", sound.error().text);
    return made;
  }

  std::shared_ptr<const CredentialSet> credentials(const CertificateUnits& units) {
    CredentialSet::List list = options_.selfSigned ? selfSigned() : credentialsOf(units);
    // Unchanged certificates are the same objects as before.
    if (beforeTls() != nullptr && beforeTls()->credentials->list() == list)
      return beforeTls()->credentials;
    return std::make_shared<const CredentialSet>(std::move(list));
  }

  /// Keeps a key log that is open already, so that a reload needs no privilege to create the file.
  std::shared_ptr<KeyLog> keyLog() const {
    if (options_.keylogFile.empty()) return nullptr;
    const auto old = beforeTls() != nullptr ? beforeTls()->settings->keyLog : nullptr;
    if (old != nullptr && old->path() == options_.keylogFile) return old;
    return std::make_shared<KeyLog>(options_.keylogFile);
  }

  void warnOfCbc(const TlsSettings& settings) {
    const std::vector<uint16_t> asked = cbcSuites(settings.ciphers);
    if (asked.empty() || settings.minVersion > kTls12) return;
    diagnostics_.warning(
        options_.originOf("ciphers"), sectionLabel(options_), "ciphers",
        fmt::format(
            "CBC suites are served because ciphers names them: {}; they are not AEAD suites, "
            "and new attacks on them keep appearing",
            suiteList(asked)));
  }

  CredentialSet::List selfSigned() {
    std::vector<std::string> names;
    for (const SourcedText& name : options_.serverNames) names.push_back(lower(name.text));
    if (beforeTls() != nullptr && isSelfSignedFor(*beforeTls()->credentials, names))
      return beforeTls()
          ->credentials->list();  // keep the certificate, because clients may trust it
    auto made = makeSelfSigned(names);
    if (!made) {
      error(options_.originOf("cert"), "cert", made.error().text);
      return {};
    }
    diagnostics_.warning(
        options_.sectionOrigin, sectionLabel(options_), "",
        fmt::format(
            "serves a self-signed certificate made at the start, for tests only (SHA-256 {})",
            made->fingerprint));
    return {made->credentials};
  }

  void error(const Origin& origin, std::string key, std::string what) {
    diagnostics_.error(origin, sectionLabel(options_), std::move(key), std::move(what));
  }

  const GlobalOptions& global_;
  const ServiceOptions& options_;
  const Service* before_;
  Diagnostics& diagnostics_;
};

}  // namespace

Validators serverValidators() {
  return {.listenAddress = checkListen,
          .backendAddress = checkBackend,
          .cipher = checkCipher,
          .ciphersuite = checkSuite,
          .group = checkGroup,
          .clientRule = checkPeerRule,
          .matchName = checkMatchName,
          .network = checkNetwork,
          .keylogFile = checkKeylogFile,
          .proxyUrl = checkProxyUrl,
          .canonicalListen = canonicalListen};
}

namespace {

std::vector<std::shared_ptr<KeyLog>> keyLogsOf(const Service& service) {
  std::vector<std::shared_ptr<KeyLog>> logs;
  if (service.tls && service.tls->settings->keyLog) logs.push_back(service.tls->settings->keyLog);
  if (service.backendTls && service.backendTls->settings->keyLog)
    logs.push_back(service.backendTls->settings->keyLog);
  return logs;
}

}  // namespace

void openKeyLogs(const Config& config, const Runtime& runtime, Diagnostics& diagnostics) {
  for (const ServiceOptions& options : config.services) {
    const RuntimeService* found = runtime.find(options.name);
    if (found == nullptr) continue;
    for (const auto& log : keyLogsOf(*found->service)) {
      if (const auto opened = log->open(); !opened)
        diagnostics.error(options.originOf("keylog-file"), sectionLabel(options), "keylog-file",
                          opened.error().text);
    }
  }
}

bool measures(const GlobalOptions& global) {
  return !global.metrics.empty() || !global.admin.empty();
}

Runtime buildRuntime(const Config& config, const Runtime* before, Resolver& resolver,
                     Diagnostics& diagnostics, bool strict, ServiceCountsTable* counts) {
  Runtime runtime;
  CertificateLoader loader(
      before != nullptr ? LoadReason::kReload
      : strict          ? LoadReason::kStrict
                        : LoadReason::kStart,
      before != nullptr ? knownCertificates(*before) : CertificateLoader::Known(), diagnostics);
  BackendBuilder backends(diagnostics);
  const RuntimeIndex known(before != nullptr ? *before : runtime);
  for (const ServiceOptions& options : config.services) {
    const RuntimeService* old = known.find(options.name);
    ServiceBuilder builder(config.global, options, old != nullptr ? old->service.get() : nullptr,
                           diagnostics);
    RuntimeService made;
    if (options.tls == ClientTls::kOn && !options.selfSigned)
      made.certificates =
          loader.load(options, old != nullptr ? old->certificates : CertificateUnits(),
                      builder.asked(), nullptr);
    made.clientFiles = clientFileStamps(options);
    made.backendFiles = backendFileStamps(options);
    auto service = std::make_shared<Service>();
    service->clientTls = options.tls;
    service->listen = listenRules(options);
    service->match = routeMatch(options);
    service->selective = isSelective(options);
    service->whenDown = options.whenBackendDown;
    service->backendStartTls = options.backendStartTls;
    service->health = healthOptions(options);
    service->via = builder.via();
    service->staple = builder.staple();
    service->backendTls =
        backends.build(options, old != nullptr ? old->service->backendTls : nullptr);
    service->tls = builder.tls(made.certificates, service->staple.mode != StapleMode::kOff);
    service->profile = builder.profile(resolver, counts);
    made.service = std::move(service);
    runtime.services.push_back(std::move(made));
  }
  diagnostics.sort();
  return runtime;
}

}  // namespace culvert
