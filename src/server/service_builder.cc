// SPDX-License-Identifier: GPL-3.0-or-later
// See service_builder.h.
#include "server/service_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>

#include "tls/ocsp_check.h"
#include "tls/self_signed.h"

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
Result<void> checkBackend(std::string_view text) {
  return asCheck(parseAddress(text, AddressUse::kBackend));
}
Result<void> checkCipher(std::string_view name) { return asCheck(checkCipherList(name)); }
Result<void> checkSuite(std::string_view name) { return asCheck(checkCiphersuites(name)); }
Result<void> checkGroup(std::string_view name) { return asCheck(checkGroups(name)); }

std::string canonicalListen(std::string_view text) {
  const auto spec = parseAddress(text, AddressUse::kListen);
  return spec ? spec->text() : std::string(text);
}

std::string joined(const SourcedList& list) {
  std::string all;
  for (const SourcedText& item : list) all += (all.empty() ? "" : ":") + item.text;
  return all;
}

/// The names were checked when the file was read: no error is left to report here.
std::vector<uint16_t> numbersOf(Result<std::vector<uint16_t>> checked) {
  return checked ? std::move(*checked) : std::vector<uint16_t>();
}

std::shared_ptr<const TunnelOptions> tunnelOptions(const ServiceOptions& o) {
  auto t = std::make_shared<TunnelOptions>();
  t->handshakeTimeout = o.handshakeTimeout;
  t->idleTimeout = o.idleTimeout;
  t->stallTimeout = o.stallTimeout;
  t->halfCloseTimeout = o.halfCloseTimeout;
  t->fifoSize = o.fifoSize;
  t->truncationAsFin = o.onTruncation == TruncationEnd::kFin;
  return t;
}

ProxyVersion proxyVersion(ProxyHeader header) {
  switch (header) {
    case ProxyHeader::kV1:
      return ProxyVersion::kV1;
    case ProxyHeader::kV2:
      return ProxyVersion::kV2;
    case ProxyHeader::kOff:
      break;
  }
  return ProxyVersion::kOff;
}

StapleMode stapleMode(StapleSource source) {
  switch (source) {
    case StapleSource::kOff:
      return StapleMode::kOff;
    case StapleSource::kFile:
      return StapleMode::kFile;
    case StapleSource::kFetch:
      return StapleMode::kFetch;
    case StapleSource::kAuto:
      break;
  }
  return StapleMode::kAuto;
}

bool sameTls(const TlsSettings& a, const TlsSettings& b) {
  return a.service == b.service && a.minVersion == b.minVersion && a.maxVersion == b.maxVersion &&
         a.ciphers == b.ciphers && a.ciphersuites == b.ciphersuites && a.groups == b.groups &&
         a.alpn == b.alpn && a.sessionTickets == b.sessionTickets &&
         a.ticketLifetime == b.ticketLifetime && a.strictSni == b.strictSni && a.staple == b.staple;
}

/// Builds one service and remembers what is wrong with it.
class ServiceBuilder {
 public:
  ServiceBuilder(const GlobalOptions& global, const ServiceOptions& options, const Service* before,
                 Diagnostics& diagnostics)
      : global_(global), options_(options), before_(before), diagnostics_(diagnostics) {}

  std::shared_ptr<const ServiceProfile> profile(Resolver& resolver) {
    auto made = std::make_shared<ServiceProfile>();
    made->name = options_.name;
    made->tunnel = tunnelOptions(options_);
    made->connect.connectTimeout = options_.connectTimeout;
    made->connect.retry = options_.connectRetry;
    made->proxy = proxyVersion(options_.proxyProtocol);
    for (const SourcedText& backend : options_.backend) {
      const auto spec = parseAddress(backend.text, AddressUse::kBackend);
      if (spec) made->connect.targets.push_back(resolver.target(*spec));
    }
    return made;
  }

  /// Off where the library cannot; asked for by name that is an error.
  StaplePolicy staple() {
    const auto possible = staplingPossible();
    if (possible) return {stapleMode(options_.ocspStapling), options_.ocspResponder};
    if (stapleMode(options_.ocspStapling) > StapleMode::kAuto)
      error(options_.originOf("ocsp-stapling"), "ocsp-stapling", possible.error().text);
    return {};
  }

  std::shared_ptr<const TlsEndpoint> tls(bool stapling) {
    TlsEndpoint made{settings(stapling), credentials()};
    if (before_ != nullptr && *before_->tls == made) return before_->tls;
    if (const auto sound = checkEndpoint(*made.settings, *made.credentials); !sound)
      error(options_.originOf("ciphers"), "ciphers", sound.error().text);
    return std::make_shared<const TlsEndpoint>(std::move(made));
  }

 private:
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
    made->sessionTickets = options_.sessionTickets;
    made->ticketLifetime = global_.ticketRotation;
    made->strictSni = options_.strictSni;
    made->staple = stapling;
    if (before_ != nullptr && sameTls(*before_->tls->settings, *made))
      return before_->tls->settings;
    if (const auto sound = checkTlsSettings(*made); !sound)
      error(options_.sectionOrigin, "", sound.error().text);
    return made;
  }

  std::shared_ptr<const CredentialSet> credentials() {
    CredentialSet::List list = options_.selfSigned ? selfSigned() : fromFiles();
    // Unchanged contents are the same objects here.
    if (before_ != nullptr && before_->tls->credentials->list() == list)
      return before_->tls->credentials;
    return std::make_shared<const CredentialSet>(std::move(list));
  }

  CredentialSet::List selfSigned() {
    if (before_ != nullptr)
      return before_->tls->credentials->list();  // clients that trusted it go on doing so
    auto made = makeSelfSigned();
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

  CredentialSet::List fromFiles() {
    CredentialSet::List list;
    for (size_t i = 0; i < options_.cert.size(); ++i) {
      const SourcedText& cert = options_.cert[i];
      const SourcedText key = i < options_.key.size() ? options_.key[i] : SourcedText();
      auto loaded = Credentials::loadFiles(cert.text, key.text);
      if (!loaded) {
        const CredentialFaults& faults = loaded.error();
        if (!faults.cert.empty()) error(cert.origin, "cert", faults.cert);
        if (!faults.key.empty()) error(key.origin, "key", faults.key);
        continue;
      }
      std::shared_ptr<const Credentials> credentials = carriedOver(*loaded);
      for (const std::string& text : credentials->warnings()) warning(cert.origin, "cert", text);
      const int64_t now = std::time(nullptr);
      if (credentials->validity(now) != Validity::kValid) {
        warning(cert.origin, "cert",
                fmt::format("{}: {}", cert.text, credentials->validityText(now)));
      }
      list.push_back(std::move(credentials));
    }
    return list;
  }

  std::shared_ptr<const Credentials> carriedOver(std::shared_ptr<const Credentials> loaded) const {
    if (before_ == nullptr) return loaded;
    for (const auto& old : before_->tls->credentials->list()) {
      if (old->contentHash() == loaded->contentHash()) return old;
    }
    return loaded;
  }

  void error(const Origin& origin, std::string key, std::string what) {
    diagnostics_.error(origin, sectionLabel(options_), std::move(key), std::move(what));
  }
  void warning(const Origin& origin, std::string key, std::string what) {
    diagnostics_.warning(origin, sectionLabel(options_), std::move(key), std::move(what));
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
          .canonicalListen = canonicalListen};
}

const std::shared_ptr<const Service>* Runtime::find(std::string_view name) const {
  for (const auto& service : services) {
    if (service->profile->name == name) return &service;
  }
  return nullptr;
}

Runtime buildRuntime(const Config& config, const Runtime* before, Resolver& resolver,
                     Diagnostics& diagnostics) {
  Runtime runtime;
  for (const ServiceOptions& options : config.services) {
    const auto* old = before != nullptr ? before->find(options.name) : nullptr;
    ServiceBuilder builder(config.global, options, old != nullptr ? old->get() : nullptr,
                           diagnostics);
    auto service = std::make_shared<Service>();
    service->staple = builder.staple();
    service->tls = builder.tls(service->staple.mode != StapleMode::kOff);
    service->profile = builder.profile(resolver);
    runtime.services.push_back(std::move(service));
  }
  diagnostics.sort();
  return runtime;
}

}  // namespace culvert
