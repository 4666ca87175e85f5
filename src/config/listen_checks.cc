// SPDX-License-Identifier: GPL-3.0-or-later
// See listen_checks.h.
#include "config/listen_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/words.h"

namespace culvert {
namespace {

constexpr std::string_view kMatchKeys[] = {
    "match-name",        "match-alpn",    "match-source", "match-source-port",
    "match-source-type", "match-address", "match-port",   "match-transport"};
/// The options that all services of a listen address share.
constexpr std::string_view kListenKeys[] = {"accept-proxy", "accept-proxy-from", "inspect-timeout",
                                            "starttls"};

bool differsFromDefault(std::string_view key, const ServiceOptions& service) {
  const OptionInfo* info = findOption(OptionScope::kService, key);
  return !info->equal(service, ServiceOptions());
}

bool hasMatch(const ServiceOptions& service) {
  return std::ranges::any_of(kMatchKeys,
                             [&](auto key) { return differsFromDefault(key, service); });
}

bool greetsFirst(StartTls protocol) {
  return protocol != StartTls::kOff && protocol != StartTls::kLdap && protocol != StartTls::kXmpp &&
         protocol != StartTls::kPgsql;
}

void error(const ServiceOptions& service, std::string_view key, std::string what,
           Diagnostics& diagnostics) {
  diagnostics.error(service.originOf(key), sectionLabel(service), std::string(key),
                    std::move(what));
}

/// A service without the client's ClientHello cannot choose by what is in it.
void checkMatchOfHello(const ServiceOptions& service, Diagnostics& diagnostics) {
  for (const auto& [key, list] :
       {std::pair("match-name", &service.matchName), std::pair("match-alpn", &service.matchAlpn)}) {
    if (list->empty() || service.isInherited(key)) continue;
    if (service.tls == ClientTls::kOff)
      error(service, key, "needs a ClientHello, but with tls = off clients send none", diagnostics);
    else if (greetsFirst(service.startTls))
      error(service, key,
            "cannot choose the service: with this starttls the backend greets before the client's "
            "ClientHello",
            diagnostics);
  }
  if (service.matchTransport == MatchTransport::kRaw && service.tls != ClientTls::kOff)
    error(service, "match-transport", "is raw, but the service expects TLS; allowed: tls = off",
          diagnostics);
  if (service.matchTransport == MatchTransport::kTls && service.tls == ClientTls::kOff)
    error(service, "match-transport",
          "is tls, but with tls = off the service carries no TLS of clients; allowed: tls = on or "
          "tls = passthrough",
          diagnostics);
}

void checkAcceptProxy(const ServiceOptions& service, Diagnostics& diagnostics) {
  if (service.acceptProxy != AcceptProxy::kOff && service.acceptProxyFrom.empty())
    error(service, "accept-proxy",
          "needs accept-proxy-from, the networks of the proxies: otherwise any client could claim "
          "any address",
          diagnostics);
  if (service.acceptProxy == AcceptProxy::kOff && !service.acceptProxyFrom.empty() &&
      !service.isInherited("accept-proxy-from"))
    error(service, "accept-proxy-from", "needs accept-proxy = required or optional", diagnostics);
}

/// The services of one listen address, in the order of the configuration.
struct Sharing {
  using One = std::pair<const ServiceOptions*, const SourcedText*>;
  std::vector<One> services;
};

/// Reports a service of a shared address that takes every connection, and a second fallback.
void checkMatches(const std::string& address, const Sharing& sharing, Diagnostics& diagnostics) {
  const ServiceOptions* fallback = nullptr;
  const ServiceOptions* open = nullptr;  // the first service without match options
  bool reported = false;
  const auto report = [&](const ServiceOptions& service, const SourcedText& where,
                          const Sharing::One& other) {
    reported = true;
    diagnostics.error(
        where.origin, sectionLabel(service), "listen",
        fmt::format(
            "{} is used by [{}] already, at {}; services that share an address need a match "
            "option, such as match-name, and one may have fallback = on",
            printable(where.text, 100), sectionLabel(*other.first), other.second->origin.text()));
  };
  for (const auto& [service, where] : sharing.services) {
    if (service->fallback) {
      if (fallback != nullptr)
        error(*service, "fallback",
              fmt::format("is on in [{}] too, at {}; {} can have one fallback",
                          sectionLabel(*fallback), fallback->originOf("fallback").text(), address),
              diagnostics);
      fallback = service;
      continue;
    }
    if (hasMatch(*service)) continue;
    if (open == nullptr) {
      open = service;
      continue;
    }
    report(*service, *where, sharing.services.front());
  }
  // A single service without match options is wrong beside others that have some.
  if (open == nullptr || reported) return;
  const auto is = [&](const auto& one) { return one.first == open; };
  const auto mine = std::ranges::find_if(sharing.services, is);
  report(*open, *mine->second, *std::ranges::find_if_not(sharing.services, is));
}

/// Reports options of the address in which two of its services differ.
void checkSame(const std::string& address, const Sharing& sharing, Diagnostics& diagnostics) {
  const ServiceOptions& first = *sharing.services.front().first;
  for (const std::string_view key : kListenKeys) {
    const OptionInfo* info = findOption(OptionScope::kService, key);
    for (const auto& [service, where] : sharing.services) {
      if (info->equal(*service, first)) continue;
      const Origin& origin = service->originOf(key);
      const auto& place = origin.kind == Origin::Kind::kDefault ? where->origin : origin;
      diagnostics.error(
          place, sectionLabel(*service), std::string(key),
          fmt::format("is \"{}\", but \"{}\" in [{}], at {}; all services of {} need the same",
                      printable(formatValue(*info, *service), 60),
                      printable(formatValue(*info, first), 60), sectionLabel(first),
                      (first.originOf(key).kind == Origin::Kind::kDefault
                           ? sharing.services.front().second->origin
                           : first.originOf(key))
                          .text(),
                      address));
      break;
    }
  }
}

/// A service without TLS on either end is allowed beside TLS services only.
void checkRaw(const std::string& address, const Sharing& sharing, Diagnostics& diagnostics) {
  const bool anyTls = std::ranges::any_of(
      sharing.services, [](const auto& one) { return one.first->tls != ClientTls::kOff; });
  if (anyTls) return;
  for (const auto& [service, where] : sharing.services)
    if (carriesRaw(*service) && !service->backendTls)
      error(
          *service, "tls",
          fmt::format("is off, backend-tls is off too, and no TLS service shares {}: culvert would "
                      "encrypt nothing",
                      address),
          diagnostics);
}

}  // namespace

bool carriesRaw(const ServiceOptions& service) {
  return service.tls == ClientTls::kOff && service.matchTransport == MatchTransport::kRaw;
}

void checkListenOptions(const ServiceOptions& service, Diagnostics& diagnostics) {
  checkMatchOfHello(service, diagnostics);
  checkAcceptProxy(service, diagnostics);
  if (service.fallback && hasMatch(service))
    error(
        service, "fallback",
        "is on, and the service has match options; the fallback takes what no other service takes, "
        "so it can have none",
        diagnostics);
}

void checkSharedListens(const Config& config, const Validators& validators,
                        Diagnostics& diagnostics) {
  std::map<std::string, Sharing> listens;
  for (const ServiceOptions& service : config.services) {
    for (const SourcedText& item : service.listen) {
      const std::string address =
          validators.canonicalListen ? validators.canonicalListen(item.text) : item.text;
      if (address == "0" || address.ends_with(":0"))
        continue;  // the system chooses a different port for each listener
      Sharing& sharing = listens[address];
      if (!sharing.services.empty() && sharing.services.back().first == &service)
        diagnostics.error(
            item.origin, sectionLabel(service), "listen",
            fmt::format("{} is used by [{}] already, at {}", printable(item.text, 100),
                        sectionLabel(service), sharing.services.back().second->origin.text()));
      else
        sharing.services.emplace_back(&service, &item);
    }
  }
  for (const auto& [address, sharing] : listens) {
    checkRaw(address, sharing, diagnostics);
    if (sharing.services.size() < 2) continue;
    checkMatches(address, sharing, diagnostics);
    checkSame(address, sharing, diagnostics);
  }
}

}  // namespace culvert
