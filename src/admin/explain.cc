// SPDX-License-Identifier: GPL-3.0-or-later
// See explain.h.
#include "admin/explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/words.h"
#include "config/values.h"
#include "net/network.h"
#include "route/route_explain.h"
#include "tls/credentials/credentials.h"

namespace culvert {
namespace {

// A client of another host (RFC 5737), if --client is not given.
constexpr std::string_view kSomeClient = "192.0.2.1";

/// The connection, checked.
struct Asked {
  SocketAddress client;
  std::string sni;
  std::vector<std::string> alpn;
  int port = -1;
  MatchTransport transport = MatchTransport::kAny;
};

Result<SocketAddress> parseClient(const std::string& text) {
  if (text == "unix") return SocketAddress::unixPath("/client");
  if (const auto alone = parseNetwork(text, false); alone && alone->bits == 128) {
    const bool v4 = text.find(':') == std::string::npos;
    const auto spec = parseAddress(v4 ? text + ":1" : "[" + text + "]:1", AddressUse::kBackend);
    SocketAddress address = spec->address;
    address.setPort(0);
    return address;
  }
  const auto spec = parseAddress(text, AddressUse::kBackend);
  if (spec && spec->kind == AddressKind::kLiteral) return spec->address;
  return fail(
      fmt::format("--client: \"{}\" is not an address; allowed: ADDRESS, ADDRESS:PORT, unix",
                  printable(text, 60)));
}

Result<Asked> parseAsked(const ExplainOptions& options) {
  Asked asked;
  auto client = parseClient(options.client.empty() ? std::string(kSomeClient) : options.client);
  if (!client) return tl::unexpected(client.error());
  asked.client = std::move(*client);
  asked.sni = lower(options.sni);
  for (std::string_view rest = options.alpn; !rest.empty();) {
    const size_t comma = rest.find(',');
    asked.alpn.emplace_back(trim(rest.substr(0, comma)));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  if (!options.port.empty()) {
    const auto port = parseNumber(options.port);
    if (!port || *port < 1 || *port > 65535)
      return fail(fmt::format("--port: \"{}\" is not a port; allowed: 1 to 65535",
                              printable(options.port, 60)));
    asked.port = static_cast<int>(*port);
  }
  if (options.transport == "raw")
    asked.transport = MatchTransport::kRaw;
  else if (options.transport == "tls")
    asked.transport = MatchTransport::kTls;
  else if (!options.transport.empty())
    return fail(fmt::format("--transport: \"{}\" is not allowed; allowed: tls, raw",
                            printable(options.transport, 60)));
  return asked;
}

std::string certificateLine(const Service& service, const std::string& sni) {
  if (service.tls == nullptr) return {};
  ClientHello hello;
  hello.serverName = sni;
  const auto& set = *service.tls->credentials;
  const size_t chosen = set.select(hello, *service.tls->settings, 0x0304);
  return fmt::format("  certificate: {}\n", set[chosen].summary());
}

std::string backendLine(const Service& service) {
  std::string line;
  for (const auto& [target, weight] : service.profile->connect.pool->targets())
    line += (line.empty() ? "" : ", ") + target->text();
  return fmt::format("  backend: {}{}\n", line, service.backendTls ? " (TLS)" : "");
}

RouteFacts factsOf(const Asked& asked, const ExplainListener& listening) {
  RouteFacts facts;
  facts.local = listening.spec.address;
  facts.peer = asked.client;
  const bool anyTls = std::ranges::any_of(listening.services, [](const auto& service) {
    return service->clientTls != ClientTls::kOff;
  });
  facts.tls =
      asked.transport == MatchTransport::kAny ? anyTls : asked.transport == MatchTransport::kTls;
  if (facts.tls) {
    facts.serverName = asked.sni;
    facts.alpn.assign(asked.alpn.begin(), asked.alpn.end());
  }
  return facts;
}

/// Appends the answer for one listen address. Returns true if a service takes the connection.
bool explainListening(const std::string& address, const ExplainListener& listening,
                      const Asked& asked, std::string& out) {
  const auto entrance = makeEntrance(listening.services);
  const RouteFacts facts = factsOf(asked, listening);
  out +=
      fmt::format("{}: a {} client from {}{}{}\n", address, facts.tls ? "TLS" : "raw",
                  asked.client.isUnix() ? "a UNIX socket" : asked.client.hostText(),
                  facts.serverName.empty() ? "" : fmt::format(" for {}", facts.serverName),
                  facts.alpn.empty() ? "" : fmt::format(", ALPN {}", fmt::join(facts.alpn, ", ")));
  RouteExplanation explained;
  explained.choice.service = 0;
  if (entrance->routes != nullptr)
    explained = explainRoute(*entrance->routes, facts);
  else
    explained.text = "it is alone on the address and has no match option";
  const int chosen = explained.choice.service;
  if (chosen >= 0) {
    const Service& service = *listening.services[static_cast<size_t>(chosen)];
    out += fmt::format("  service: {} ({})\n", service.profile->name, explained.text);
    out += certificateLine(service, facts.tls ? asked.sni : "") + backendLine(service);
  } else {
    out += fmt::format("  no service ({})\n", explained.text);
  }
  for (const RouteLoss& loss : explained.losses)
    out += fmt::format("  not {}: {}\n",
                       listening.services[static_cast<size_t>(loss.service)]->profile->name,
                       loss.text);
  return chosen >= 0;
}

}  // namespace

Result<void> checkExplainOptions(const ExplainOptions& options) {
  const auto asked = parseAsked(options);
  if (!asked) return tl::unexpected(asked.error());
  return {};
}

Result<ExplainAnswer> explainConnection(const std::vector<ExplainListener>& listeners,
                                        const ExplainOptions& options) {
  const auto asked = parseAsked(options);
  if (!asked) return tl::unexpected(asked.error());
  ExplainAnswer answer;
  bool any = false;
  for (const ExplainListener& listening : listeners) {
    const bool isUnix = listening.spec.kind == AddressKind::kUnix;
    if (asked->port >= 0 && (isUnix || listening.spec.port != asked->port)) continue;
    any = true;
    if (!explainListening(listening.spec.text(), listening, *asked, answer.text))
      answer.taken = false;
  }
  if (!any) return fail(fmt::format("no service listens on port {}", options.port));
  return answer;
}

}  // namespace culvert
