// SPDX-License-Identifier: GPL-3.0-or-later
// The requests that change something. Each is logged with who asked.
#include <fmt/format.h>

#include "admin/json.h"
#include "admin/parameters.h"
#include "admin/reload_json.h"
#include "admin/routes.h"
#include "base/words.h"
#include "config/values.h"

namespace culvert {
namespace {

/// The segment of the path between the second and the third slash.
std::string secondSegment(const HttpRequest& request) {
  const size_t begin = request.path.find('/', 1) + 1;
  return request.path.substr(begin, request.path.find('/', begin) - begin);
}

std::optional<LogLevel> levelNamed(std::string_view name) {
  const auto found = std::ranges::find(kLogLevelNames, name);
  if (found == kLogLevelNames.end()) return std::nullopt;
  return static_cast<LogLevel>(found - kLogLevelNames.begin());
}

/// Answers 400 and returns true if the request has a parameter that is not in `allowed`.
bool hasUnknown(const std::shared_ptr<HttpExchange>& exchange,
                std::initializer_list<std::string_view> allowed) {
  const auto known = onlyParameters(exchange->request().query, allowed);
  if (!known) exchange->reply(errorReply(400, known.error().text));
  return !known;
}

}  // namespace

void Routes::closeOne(const Exchange& exchange) {
  if (hasUnknown(exchange, {})) return;
  const std::string text = secondSegment(exchange->request());
  const auto id = parseCount("the id of a tunnel", text, 1, UINT64_MAX);
  if (!id) return exchange->reply(errorReply(400, id.error().text));
  TunnelQuery query;
  query.id = *id;
  close(exchange, std::move(query), "id=" + text, true);
}

void Routes::closeMatching(const Exchange& exchange) {
  const HttpRequest& request = exchange->request();
  auto query = parseTunnelQuery(request.query);
  if (!query) return exchange->reply(errorReply(400, query.error().text));
  const std::string* all = request.param("all");
  if (!restricts(request.query) && (all == nullptr || *all != "1"))
    return exchange->reply(
        errorReply(400, "no criterion is given; allowed: a filter such as service=NAME, or all=1"));
  std::string what;
  for (const auto& [name, value] : request.query)
    if (!value.empty()) what += (what.empty() ? "" : " ") + name + '=' + value;
  close(exchange, std::move(*query), std::move(what), false);
}

void Routes::close(const Exchange& exchange, TunnelQuery query, std::string what, bool one) {
  closeTunnels(parts_.workers, home_, query,
               [this, exchange, what = std::move(what), one](uint64_t closed) {
                 if (one && closed == 0)
                   return exchange->reply(errorReply(404, "there is no tunnel with " + what));
                 parts_.logger.log(LogLine(LogLevel::kNotice, "admin: tunnels closed")
                                       .add("by", actorOf(exchange->peer()))
                                       .add("which", what)
                                       .add("closed", closed));
                 exchange->reply(jsonReply(jsonText({{"closed", closed}})));
               });
}

void Routes::reload(const Exchange& exchange) {
  if (hasUnknown(exchange, {})) return;
  exchange->setPatience(Millis(60'000));  // certificates and names may be slow to load
  parts_.control.reload(actorOf(exchange->peer()), [this, exchange](ReloadReport report) {
    home_.post([exchange, report = std::move(report)] {
      exchange->reply(jsonReply(reloadJson(report), report.done       ? 200
                                                    : report.draining ? 409
                                                                      : 422));
    });
  });
}

void Routes::drain(const Exchange& exchange) {
  if (hasUnknown(exchange, {})) return;
  parts_.control.drain(actorOf(exchange->peer()), [this, exchange] {
    home_.post([this, exchange] {
      exchange->reply(jsonReply(jsonText({{"draining", true}, {"tunnels", parts_.budget.open()}})));
    });
  });
}

void Routes::drainService(const Exchange& exchange) {
  if (hasUnknown(exchange, {})) return;
  const std::string name = secondSegment(exchange->request());
  parts_.control.drainService(
      actorOf(exchange->peer()), name, [this, exchange, name](std::optional<ServiceDrain> drained) {
        home_.post([this, exchange, name, drained = std::move(drained)] {
          if (!drained)
            return exchange->reply(
                errorReply(404, fmt::format("there is no service \"{}\"", printable(name, 60))));
          TunnelQuery query;
          query.service = name;
          query.limit = 1;
          query.order = TunnelOrder::kBytes;  // an order that visits, and so counts, all of them
          gatherTunnels(
              parts_.workers, home_, query, [exchange, name, drained](TunnelAnswer answer) {
                exchange->reply(jsonReply(jsonText({{"service", name},
                                                    {"tunnels", answer.matched},
                                                    {"listeners_closed", drained->closed},
                                                    {"listeners_shared", drained->shared}})));
              });
        });
      });
}

void Routes::logLevel(const Exchange& exchange) {
  if (hasUnknown(exchange, {"level", "for"})) return;
  const HttpRequest& request = exchange->request();
  const std::string* word = request.param("level");
  const std::string name = word != nullptr ? *word : std::string();
  const auto level = levelNamed(name);
  if (!level && name != "default")
    return exchange->reply(
        errorReply(400, fmt::format("level: \"{}\" is not allowed; allowed: {}, default",
                                    printable(name, 60), fmt::join(kLogLevelNames, ", "))));
  Millis time{0};
  if (const std::string* text = request.param("for")) {
    const auto parsed = parseDuration(*text);
    if (!parsed) return exchange->reply(errorReply(400, "for: " + parsed.error().text));
    time = Millis(*parsed);
  }
  parts_.control.setLogLevel(
      actorOf(exchange->peer()), level, time, [this, exchange](LogLevelState state) {
        home_.post([exchange, state] {
          Json answer{{"level", logLevelName(state.level)}, {"until", nullptr}};
          if (state.until) answer["until"] = renderTime(*state.until);
          exchange->reply(jsonReply(jsonText(answer)));
        });
      });
}

}  // namespace culvert
