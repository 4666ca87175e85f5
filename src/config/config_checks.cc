// SPDX-License-Identifier: GPL-3.0-or-later
// Checks that compare several options or services with each other.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "base/ascii.h"
#include "base/escapes.h"
#include "base/words.h"
#include "config/alpn_names.h"
#include "config/config_builder.h"
#include "config/listen_checks.h"
#include "config/option_table.h"

namespace culvert {

namespace {

bool byPolicy(const ServiceOptions& service, std::string_view key) {
  return service.originOf(key).kind == Origin::Kind::kPolicy;
}

void checkVersions(const ServiceOptions& service, Diagnostics& diagnostics) {
  const std::string label = sectionLabel(service);
  const bool twelve = service.minVersion <= 0x0303, thirteen = service.maxVersion >= 0x0304;
  if (service.minVersion > service.maxVersion) {
    const std::string floor =
        byPolicy(service, "min-version") ? " of policy " + service.policy : std::string();
    diagnostics.error(service.originOf("max-version"), label, "max-version",
                      "1.2 is below min-version 1.3" + floor);
    return;
  }
  if (!twelve && !service.ciphers.empty())
    diagnostics.warning(
        service.originOf("ciphers"), label, "ciphers",
        fmt::format(
            "has no effect: these are suites of TLS 1.2, and min-version is "
            "1.3{} (TLS 1.3 uses ciphersuites)",
            byPolicy(service, "min-version") ? " by policy " + service.policy : std::string()));
  if (!thirteen && !service.ciphersuites.empty())
    diagnostics.warning(service.originOf("ciphersuites"), label, "ciphersuites",
                        "has no effect: these are suites of TLS 1.3, and max-version is 1.2 (TLS "
                        "1.2 uses ciphers)");
}

void checkKeylog(const ServiceOptions& service, const Validators& validators,
                 Diagnostics& diagnostics) {
  if (service.keylogFile.empty() || validators.keylogFile == nullptr) return;
  const Origin& origin = service.originOf("keylog-file");
  if (const auto possible = validators.keylogFile(service.keylogFile); !possible)
    diagnostics.error(origin, sectionLabel(service), "keylog-file", possible.error().text);
  else
    diagnostics.warning(
        origin, sectionLabel(service), "keylog-file",
        fmt::format("the secrets of every TLS session go to {}: a person who reads it can decrypt "
                    "the traffic",
                    printable(service.keylogFile, 200)));
}

void checkCertificates(const ServiceOptions& service, Diagnostics& diagnostics) {
  if (service.keyPassphraseFile.size() > std::max<size_t>(service.cert.size(), 1)) {
    diagnostics.error(
        service.keyPassphraseFile.back().origin, sectionLabel(service), "key-passphrase-file",
        fmt::format("{} files for {} certificates; give one for all, or one for each: the first "
                    "belongs to the first cert and so on",
                    service.keyPassphraseFile.size(), service.cert.size()));
  }
  if (service.key.size() <= service.cert.size()) return;
  diagnostics.error(
      service.key[service.cert.size()].origin, sectionLabel(service), "key",
      fmt::format("{} keys for {} certificate{}; the first key belongs to the first cert and so on",
                  service.key.size(), service.cert.size(), service.cert.size() == 1 ? "" : "s"));
}

void checkStapling(const ServiceOptions& service, Diagnostics& diagnostics) {
  const bool fetches =
      service.ocspStapling == StapleMode::kAuto || service.ocspStapling == StapleMode::kFetch;
  if (service.ocspResponder.empty() || fetches) return;
  diagnostics.warning(service.originOf("ocsp-responder"), sectionLabel(service), "ocsp-responder",
                      "has no effect: with this ocsp-stapling nothing is fetched");
}

void checkRepeats(const ServiceOptions& service, Diagnostics& diagnostics) {
  const std::pair<std::string_view, const SourcedList*> lists[] = {
      {"alpn", &service.alpn},
      {"ciphers", &service.ciphers},
      {"ciphersuites", &service.ciphersuites},
      {"groups", &service.groups},
      {"cert", &service.cert},
      {"server-names", &service.serverNames},
  };
  for (const auto& [key, list] : lists) {
    std::unordered_set<std::string_view> seen;
    for (const SourcedText& item : *list) {
      if (seen.insert(item.text).second) continue;
      diagnostics.error(item.origin, sectionLabel(service), std::string(key),
                        fmt::format("\"{}\" is in the list twice", printable(item.text, 60)));
    }
  }
}

/// Warns about ALPN names that are not registered. Clients offer registered names, and culvert
/// refuses a client that offers none of the names in the option `alpn`.
void checkAlpn(const ServiceOptions& service, Diagnostics& diagnostics) {
  for (const SourcedText& item : service.alpn) {
    if (isRegisteredAlpn(item.text)) continue;
    diagnostics.warning(
        item.origin, sectionLabel(service), "alpn",
        fmt::format("\"{}\" is not a protocol name that IANA lists; allowed: names such as h2, "
                    "http/1.1, with a comma between two{}",
                    printable(item.text, 60), didYouMean(alpnMeant(item.text))));
  }
}

/// True if this option already has an error. The caller then skips checks that would report further
/// errors with the same cause.
bool isBroken(std::string_view key, const ServiceOptions& service, const Diagnostics& diagnostics) {
  return std::ranges::any_of(diagnostics.list(), [&](const Diagnostic& one) {
    return one.severity == Severity::kError && one.key == key &&
           one.section == sectionLabel(service);
  });
}

/// Reports a crl option that is given but empty, because the operator probably wants revocation to
/// be checked.
void checkCrl(const ServiceOptions& service, Diagnostics& diagnostics) {
  const Origin& origin = service.originOf("crl");
  if (!service.crl.empty() || origin.kind == Origin::Kind::kDefault ||
      isBroken("crl", service, diagnostics))
    return;
  diagnostics.error(
      origin, sectionLabel(service), "crl",
      "is empty: culvert would accept revoked certificates; leave the key out if that "
      "is intended");
}

/// Reports an error if allow keys are given but contain no rule. Without rules culvert accepts
/// every verified certificate, which an operator who wrote an allow key does not want.
void checkAllowRules(const ServiceOptions& service, Diagnostics& diagnostics) {
  for (const SourcedList* list : {&service.allowCn, &service.allowOu, &service.allowDns,
                                  &service.allowUri, &service.allowIp, &service.allowSpki})
    if (!list->empty()) return;
  for (std::string_view key :
       {"allow-cn", "allow-ou", "allow-dns", "allow-uri", "allow-ip", "allow-spki"}) {
    const Origin& origin = service.originOf(key);
    if (origin.kind == Origin::Kind::kDefault || isBroken(key, service, diagnostics)) continue;
    diagnostics.error(origin, sectionLabel(service), std::string(key),
                      "is empty, and no other allow key has a value: culvert would accept every "
                      "verified certificate; leave the allow keys out if that is intended");
    return;
  }
}

/// Checks a service without client-ca. Such a service can identify clients only by their keys
/// (allow-spki), and only if it requires a certificate.
void checkPinsAlone(const ServiceOptions& service, Diagnostics& diagnostics) {
  const std::string label = sectionLabel(service);
  if (isBroken("client-ca", service, diagnostics)) return;
  if (service.allowSpki.empty() || service.verifyClient != VerifyClient::kRequired)
    return diagnostics.error(service.originOf("verify-client"), label, "verify-client",
                             "needs client-ca, the CAs whose certificates are trusted; only "
                             "required with allow-spki (key pins alone) works without it");
  if (const Origin& origin = service.originOf("client-ca");
      origin.kind != Origin::Kind::kDefault && !service.isInherited("client-ca"))
    diagnostics.error(
        origin, label, "client-ca",
        "is empty: then only the keys of allow-spki would count; leave the key out if "
        "that is intended");
  for (std::string_view key :
       {"crl", "allow-cn", "allow-ou", "allow-dns", "allow-uri", "allow-ip"}) {
    const Origin& origin = service.originOf(key);
    if (origin.kind == Origin::Kind::kDefault) continue;
    diagnostics.error(origin, label, std::string(key),
                      "needs client-ca: without it only the keys of allow-spki count");
  }
}

void checkClientAuth(const ServiceOptions& service, Diagnostics& diagnostics) {
  const std::string label = sectionLabel(service);
  if (isBroken("verify-client", service, diagnostics)) return;
  if (service.verifyClient == VerifyClient::kOff) {
    for (std::string_view key : {"client-ca", "verify-depth", "crl", "on-revoked", "allow-cn",
                                 "allow-ou", "allow-dns", "allow-uri", "allow-ip", "allow-spki"}) {
      const Origin& origin = service.originOf(key);
      if (origin.kind == Origin::Kind::kDefault || service.isInherited(key)) continue;
      // Accept the default value without a warning, because --dump-config writes it too.
      if (key == "verify-depth" && service.verifyDepth == ServiceOptions().verifyDepth) continue;
      if (key == "on-revoked" && service.onRevoked == ServiceOptions().onRevoked) continue;
      // If verify-client is given, the operator has turned it off on purpose, so only warn. If
      // verify-client is not given, the operator expects this option to have an effect, so report
      // an error.
      const bool meant = service.originOf("verify-client").kind != Origin::Kind::kDefault;
      diagnostics.add(meant ? Severity::kWarning : Severity::kError, origin, label,
                      std::string(key),
                      meant ? "has no effect with verify-client = off"
                            : "needs verify-client = required or optional, which is off");
    }
    return;
  }
  if (service.clientCa.empty()) checkPinsAlone(service, diagnostics);
  checkCrl(service, diagnostics);
  checkAllowRules(service, diagnostics);
  if (service.sessionTickets)
    diagnostics.error(
        service.originOf("session-tickets"), label, "session-tickets",
        "cannot be on with verify-client: a resumed session has no certificate, so it "
        "would skip the certificate, revocation and allow-rule checks; allowed: off");
}

/// Reports the keys of an end that speaks no TLS. A key from [defaults] is accepted without a word,
/// and so is a default value, because --dump-config writes it.
void refuseKeysOf(OptionFlags end, const ServiceOptions& service, std::string_view why,
                  Diagnostics& diagnostics) {
  for (const OptionInfo& info : allOptions()) {
    if (info.scope != OptionScope::kService || !info.has(end)) continue;
    const Origin& origin = service.originOf(info.key);
    const bool own = origin.kind != Origin::Kind::kDefault &&
                     origin.kind != Origin::Kind::kPolicy && !service.isInherited(info.key);
    if (!own || info.equal(service, ServiceOptions())) continue;
    diagnostics.error(origin, sectionLabel(service), std::string(info.key), std::string(why));
  }
}

void checkBackendTrust(const ServiceOptions& service, Diagnostics& diagnostics) {
  const std::string label = sectionLabel(service);
  const auto given = [&](std::string_view key) {
    return service.originOf(key).kind != Origin::Kind::kDefault && !service.isInherited(key);
  };
  if (!service.backendVerify) {
    diagnostics.warning(service.originOf("backend-verify"), label, "backend-verify",
                        "is off: culvert accepts any certificate, so whoever is on the path to the "
                        "backend can read and change everything");
    for (std::string_view key : {"backend-ca", "backend-crl", "backend-spki"})
      if (given(key))
        diagnostics.error(service.originOf(key), label, std::string(key),
                          "has no effect with backend-verify = off");
    return;
  }
  if (!service.backendCrl.empty() && service.backendCa.empty())
    diagnostics.error(service.originOf("backend-crl"), label, "backend-crl",
                      "needs backend-ca: the issuers of the lists have to be in it");
  if (given("backend-spki") && service.backendSpki.empty())
    diagnostics.error(service.originOf("backend-spki"), label, "backend-spki",
                      "is empty: culvert would accept every key; leave the key out if that is "
                      "intended");
  const bool pinsOnly = !service.backendSpki.empty() && service.backendCa.empty();
  for (const SourcedText& backend : service.backend)
    if (backend.text.starts_with("unix:") && service.backendName.empty() && !pinsOnly)
      diagnostics.error(backend.origin, label, "backend",
                        "is a UNIX socket, so it has no name that a certificate can have; "
                        "backend-name says which name to expect");
}

void checkVia(const ServiceOptions& service, const Validators& validators,
              Diagnostics& diagnostics) {
  const std::string label = sectionLabel(service);
  if (service.via.empty()) {
    if (!service.viaAuthFile.empty() && !service.isInherited("via-auth-file"))
      diagnostics.error(service.originOf("via-auth-file"), label, "via-auth-file", "needs via");
    return;
  }
  if (service.backend.size() > 1) {
    diagnostics.error(service.backend[1].origin, label, "backend",
                      "is the second backend; with via a service can have only one");
    return;
  }
  if (service.backend.empty() || validators.proxyUrl == nullptr) return;
  if (const auto sound = validators.proxyUrl(service.via, service.backend.front().text); !sound)
    diagnostics.error(service.originOf("via"), label, "via", sound.error().text);
}

/// Without health checks, nothing tells that a backend is up again while culvert serves no client.
void checkWhenDown(const ServiceOptions& service, Diagnostics& diagnostics) {
  if (service.whenBackendDown == WhenDown::kWait || service.healthCheck != HealthCheck::kOff)
    return;
  diagnostics.error(
      service.originOf("when-backend-down"), sectionLabel(service), "when-backend-down",
      "needs a health-check: without one culvert would not notice that a backend is up "
      "again; allowed without: wait");
}

/// Warns of a PROXY header that leaves before the client has proved who it is.
void checkEarlyHeader(const ServiceOptions& service, Diagnostics& diagnostics) {
  const bool greets = service.startTls != StartTls::kOff && service.startTls != StartTls::kLdap &&
                      service.startTls != StartTls::kXmpp && service.startTls != StartTls::kPgsql;
  if (!greets || service.proxyProtocol != ProxyVersion::kV2 ||
      service.verifyClient == VerifyClient::kOff)
    return;
  diagnostics.warning(service.originOf("proxy-protocol"), sectionLabel(service), "proxy-protocol",
                      "the header leaves before the TLS handshake, because with this starttls the "
                      "backend greets first: it has no fields about TLS and the certificate");
}

/// Checks the texts of a health check that has them.
void checkHealthTexts(const ServiceOptions& service, Diagnostics& diagnostics) {
  const std::string label = sectionLabel(service);
  const auto send = readEscapes(service.healthSend), expect = readEscapes(service.healthExpect);
  if (!send)
    diagnostics.error(service.originOf("health-send"), label, "health-send", send.error().text);
  if (!expect)
    diagnostics.error(service.originOf("health-expect"), label, "health-expect",
                      expect.error().text);
  if (!send || !expect || service.healthCheck != HealthCheck::kHttp) return;
  const bool path =
      send->empty() || (send->front() == '/' && std::all_of(send->begin(), send->end(), [](char c) {
                          return static_cast<unsigned char>(c) > 0x20 && c != 0x7f;
                        }));
  if (!path)
    diagnostics.error(service.originOf("health-send"), label, "health-send",
                      "is not a path; with health-check = http allowed: / and what follows it, "
                      "without blanks");
  const bool status =
      expect->empty() || (expect->size() == 3 && (*expect)[0] >= '1' && (*expect)[0] <= '5' &&
                          std::all_of(expect->begin(), expect->end(), isDigit));
  if (!status)
    diagnostics.error(
        service.originOf("health-expect"), label, "health-expect",
        "is not a status; with health-check = http allowed: 100 to 599, for example 200");
}

/// Checks `health-check` and its keys.
void checkHealth(const ServiceOptions& service, Diagnostics& diagnostics) {
  const std::string label = sectionLabel(service);
  const HealthCheck kind = service.healthCheck;
  const bool says = kind == HealthCheck::kSend || kind == HealthCheck::kHttp;
  for (std::string_view key : {"health-send", "health-expect"}) {
    const Origin& origin = service.originOf(key);
    const std::string& text = key == "health-send" ? service.healthSend : service.healthExpect;
    if (says || text.empty() || service.isInherited(key)) continue;
    diagnostics.error(origin, label, std::string(key), "needs health-check = send or http");
  }
  if (says) checkHealthTexts(service, diagnostics);
  if (kind == HealthCheck::kOff) return;
  if (kind == HealthCheck::kTls && !service.backendTls)
    diagnostics.error(service.originOf("health-check"), label, "health-check",
                      "is tls, which needs backend-tls = on; allowed without it: tcp, send, http, "
                      "redis, pgsql, smtp");
  const bool login = service.backendTls && (service.backendStartTls == StartTls::kMysql ||
                                            service.backendStartTls == StartTls::kXmpp);
  if (login && kind != HealthCheck::kTcp)
    diagnostics.error(
        service.originOf("health-check"), label, "health-check",
        "cannot pass backend-starttls: with mysql and xmpp it needs the first bytes of "
        "a client; allowed: tcp");
}

/// Checks `tls` and `backend-tls`, and the keys of each end.
void checkEnds(const ServiceOptions& service, Diagnostics& diagnostics) {
  const std::string label = sectionLabel(service);
  if (service.tls == ClientTls::kOff && !service.backendTls && !carriesRaw(service)) {
    diagnostics.error(service.originOf("tls"), label, "tls",
                      "is off, and backend-tls is off too: culvert would encrypt nothing; allowed: "
                      "tls = on, tls = passthrough, backend-tls = on (client mode), or "
                      "match-transport = raw on a listen address that a TLS service shares");
    return;
  }
  if (service.tls == ClientTls::kPassthrough && service.backendTls)
    diagnostics.error(service.originOf("backend-tls"), label, "backend-tls",
                      "cannot be on with tls = passthrough, which carries the client's own TLS to "
                      "the backend");
  if (service.tls != ClientTls::kOn)
    refuseKeysOf(kClientEnd, service,
                 service.tls == ClientTls::kOff
                     ? "is a key of TLS with clients, but tls = off"
                     : "is a key of TLS with clients, but with tls = passthrough TLS ends at the "
                       "backend",
                 diagnostics);
  if (!service.backendTls)
    refuseKeysOf(kBackendEnd, service, "needs backend-tls = on", diagnostics);
  else
    checkBackendTrust(service, diagnostics);
}

}  // namespace

void checkWhole(const Config& config, const Validators& validators, Diagnostics& diagnostics) {
  for (const ServiceOptions& service : config.services) {
    checkEnds(service, diagnostics);
    checkVia(service, validators, diagnostics);
    checkEarlyHeader(service, diagnostics);
    checkHealth(service, diagnostics);
    checkVersions(service, diagnostics);
    checkKeylog(service, validators, diagnostics);
    checkCertificates(service, diagnostics);
    checkStapling(service, diagnostics);
    checkRepeats(service, diagnostics);
    checkAlpn(service, diagnostics);
    if (service.tls == ClientTls::kOn) checkClientAuth(service, diagnostics);
    checkWhenDown(service, diagnostics);
    checkListenOptions(service, diagnostics);
  }
  checkSharedListens(config, validators, diagnostics);
  if (!config.global.group.empty() && config.global.user.empty())
    diagnostics.warning(config.global.originOf("group"), sectionLabel(config.global), "group",
                        "has no effect without user");
}

}  // namespace culvert
