// SPDX-License-Identifier: GPL-3.0-or-later
// The requests of the admin door that only read.
#include <algorithm>
#include <ctime>

#include "admin/admin_page.h"
#include "admin/certificate_rows.h"
#include "admin/explain.h"
#include "admin/json.h"
#include "admin/nonce.h"
#include "admin/parameters.h"
#include "admin/routes.h"
#include "admin/service_rows.h"
#include "admin/status_json.h"

namespace culvert {

void Routes::page(const Exchange& exchange) {
  const std::string nonce = makeNonce();
  HttpReply reply;
  reply.type = "text/html; charset=utf-8";
  reply.body = adminPage(nonce);
  reply.headers.emplace_back("Content-Security-Policy", pageSecurityPolicy(nonce));
  reply.headers.emplace_back("Referrer-Policy", "no-referrer");
  exchange->reply(std::move(reply));
}

void Routes::status(const Exchange& exchange) {
  checkLoops([this, exchange](Verdict live) {
    const CounterSnapshot snapshot = counters();
    const TimingSnapshot timings = parts_.registry.timings();
    const WallTime wall = std::chrono::system_clock::now();
    exchange->reply(jsonReply(statusJson({.parts = parts_,
                                          .view = *view_,
                                          .counters = snapshot,
                                          .timings = timings,
                                          .live = std::move(live),
                                          .recent = recent_->entries(wall),
                                          .now = loop_.now(),
                                          .wall = wall})));
  });
}

void Routes::history(const Exchange& exchange) { exchange->reply(jsonReply(history_.json())); }

void Routes::services(const Exchange& exchange) {
  const auto query = parseServiceQuery(exchange->request().query);
  if (!query) return exchange->reply(errorReply(400, query.error().text));
  exchange->reply(jsonReply(servicesJson(*view_, *query, loop_.now(), std::time(nullptr))));
}

void Routes::tunnels(const Exchange& exchange) {
  const auto query = parseTunnelQuery(exchange->request().query);
  if (!query) return exchange->reply(errorReply(400, query.error().text));
  gatherTunnels(parts_.workers, home_, *query, [this, exchange](const TunnelAnswer& answer) {
    exchange->reply(jsonReply(tunnelsJson(answer, rates_, loop_.now())));
  });
}

void Routes::certificates(const Exchange& exchange) {
  const std::string* service = exchange->request().param("service");
  exchange->reply(jsonReply(certificatesJson(
      view_->runtime, service != nullptr ? *service : std::string(), std::time(nullptr))));
}

void Routes::explain(const Exchange& exchange) {
  constexpr std::string_view kAllowed[] = {"client", "sni", "alpn", "port", "transport"};
  const Parameters& query = exchange->request().query;
  if (const auto known = onlyParameters(query, kAllowed); !known)
    return exchange->reply(errorReply(400, known.error().text));
  const auto text = [&query](std::string_view name) {
    const std::string* found = parameter(query, name);
    return found != nullptr ? *found : std::string();
  };
  std::vector<ExplainListener> listeners;
  for (const AdminListener& one : view_->listeners) listeners.push_back({one.spec, one.services});
  const auto answer = explainConnection(listeners, {.client = text("client"),
                                                    .sni = text("sni"),
                                                    .alpn = text("alpn"),
                                                    .port = text("port"),
                                                    .transport = text("transport")});
  if (!answer) return exchange->reply(errorReply(400, answer.error().text));
  exchange->reply(jsonReply(jsonText({{"text", answer->text}, {"taken", answer->taken}})));
}

}  // namespace culvert
