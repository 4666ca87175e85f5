// SPDX-License-Identifier: GPL-3.0-or-later
// See routes.h.
#include "admin/routes.h"

#include <fmt/format.h>

#include <algorithm>

#include "admin/backend_rows.h"
#include "admin/counter_report.h"
#include "admin/json.h"
#include "admin/metrics_page.h"
#include "admin/problems.h"
#include "event/callback.h"

namespace culvert {
namespace {

// A probe has to have its answer within a second (Kubernetes' default).
constexpr Millis kLoopPatience{700};
constexpr std::chrono::seconds kOneSecond{1};

constexpr std::string_view kGet = "GET", kPost = "POST";

/// True if `path` is `pattern`, in which `*` stands for one segment.
bool pathMatches(std::string_view pattern, std::string_view path) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == path;
  const std::string_view head = pattern.substr(0, star), tail = pattern.substr(star + 1);
  if (path.size() <= head.size() + tail.size() || !path.starts_with(head) || !path.ends_with(tail))
    return false;
  const auto middle = path.substr(head.size(), path.size() - head.size() - tail.size());
  return middle.find('/') == std::string_view::npos;
}

}  // namespace

struct Routes::Route {
  std::string_view method;  // HEAD is served like GET
  std::string_view path;
  bool both;  // also on the metrics door
  Handler handler;
};

const Routes::Route Routes::kRoutes[] = {
    {kGet, "/metrics", true, &Routes::metrics},
    {kGet, "/live", true, &Routes::live},
    {kGet, "/ready", true, &Routes::ready},
    {kGet, "/backends", true, &Routes::backends},
    {kGet, "/", false, &Routes::page},
    {kGet, "/status", false, &Routes::status},
    {kGet, "/history", false, &Routes::history},
    {kGet, "/services", false, &Routes::services},
    {kGet, "/tunnels", false, &Routes::tunnels},
    {kGet, "/certificates", false, &Routes::certificates},
    {kGet, "/explain", false, &Routes::explain},
    {kPost, "/tunnels/close", false, &Routes::closeMatching},
    {kPost, "/tunnels/*/close", false, &Routes::closeOne},
    {kPost, "/reload", false, &Routes::reload},
    {kPost, "/drain", false, &Routes::drain},
    {kPost, "/services/*/drain", false, &Routes::drainService},
    {kPost, "/log-level", false, &Routes::logLevel},
};

/// One question to all loops.
struct Routes::LiveCheck {
  std::vector<std::string> silent;  // names of the loops that have not answered
  std::function<void(Verdict)> then;
  TimePoint deadline{};
};

Routes::Routes(const AdminParts& parts, EventLoop& loop, PostBox& home)
    : parts_(parts),
      loop_(loop),
      home_(home),
      second_(loop, this, call<&Routes::onSecond>),
      liveTimer_(loop, this, call<&Routes::onLoopsLate>) {}

void Routes::handle(std::shared_ptr<HttpExchange> exchange) {
  if (view_ == nullptr) return exchange->reply(errorReply(503, "culvert is starting"));
  if (dispatch(exchange)) return;
  const bool admin = exchange->access().admin;
  exchange->reply(errorReply(
      404, admin ? "there is nothing at this path; the manual culvertctl(8) lists the paths"
                 : "there is nothing at this path; allowed: /metrics, /live, /ready, /backends"));
}

bool Routes::dispatch(const Exchange& exchange) {
  const HttpRequest& request = exchange->request();
  const bool admin = exchange->access().admin;
  const std::string_view method =
      request.method == "HEAD" ? kGet : std::string_view(request.method);
  std::string_view allowed;
  for (const Route& route : kRoutes) {
    if ((!admin && !route.both) || !pathMatches(route.path, request.path)) continue;
    if (route.method == method) {
      (this->*route.handler)(exchange);
      return true;
    }
    allowed = route.method == kGet ? "GET, HEAD" : "POST";
  }
  if (allowed.empty()) return false;
  HttpReply reply =
      errorReply(405, fmt::format("{} is not allowed here; allowed: {}", request.method, allowed));
  reply.headers.emplace_back("Allow", allowed);
  exchange->reply(std::move(reply));
  return true;
}

CounterSnapshot Routes::counters() const {
  return completeCounters(parts_.registry, parts_.logger, view_->runtime, loop_.now());
}

void Routes::metrics(const Exchange& exchange) {
  HttpReply reply = textReply(metricsPage(parts_, *view_, counters(), loop_.now()));
  reply.type = "text/plain; version=0.0.4; charset=utf-8";
  exchange->reply(std::move(reply));
}

void Routes::live(const Exchange& exchange) {
  checkLoops([exchange](const Verdict& verdict) {
    exchange->reply(verdict.ok ? textReply("live: all loops turn\n")
                               : textReply("not live: " + verdict.why + '\n', 503));
  });
}

void Routes::ready(const Exchange& exchange) {
  const Verdict verdict = readiness(*view_);
  exchange->reply(verdict.ok ? textReply("ready\n")
                             : textReply("not ready: " + verdict.why + '\n', 503));
}

void Routes::backends(const Exchange& exchange) {
  const HttpRequest& request = exchange->request();
  const std::string* service = request.param("service");
  if (request.param("json") != nullptr || request.accept.starts_with("application/json")) {
    const std::string name = service != nullptr ? *service : std::string();
    return exchange->reply(jsonReply(backendsJson(*view_, name, loop_.now())));
  }
  BackendsText text = backendsText(*view_, loop_.now());
  exchange->reply(textReply(std::move(text.text), text.sound ? 200 : 503));
}

void Routes::checkLoops(std::function<void(Verdict)> then) {
  auto check = std::make_shared<LiveCheck>();
  check->then = std::move(then);
  check->deadline = loop_.now() + kLoopPatience;
  for (Worker* worker : parts_.workers) check->silent.push_back(worker->name());
  if (!view_->draining) check->silent.emplace_back("culvert-accept");  // else it has ended
  liveChecks_.push_back(check);
  liveTimer_.armBy(liveChecks_.front()->deadline);
  const auto answer = [this, check](std::string name) {
    return [this, check, name = std::move(name)] {  // in the asked loop
      home_.post([this, check, name] {
        std::erase(check->silent, name);
        if (check->silent.empty() && std::erase(liveChecks_, check) != 0) check->then({});
      });
    };
  };
  for (Worker* worker : parts_.workers) worker->ping(answer(worker->name()));
  if (!view_->draining) parts_.pingAcceptor(answer("culvert-accept"));
}

/// Ends the questions whose loops did not answer in time.
void Routes::onLoopsLate() {
  while (!liveChecks_.empty() && liveChecks_.front()->deadline <= loop_.now()) {
    const auto check = liveChecks_.front();
    liveChecks_.erase(liveChecks_.begin());
    check->then({false, fmt::format("no answer from {} within {} ms",
                                    fmt::join(check->silent, ", "), kLoopPatience.count())});
  }
  if (!liveChecks_.empty()) liveTimer_.armBy(liveChecks_.front()->deadline);
}

void Routes::openAdmin() {
  if (recent_ != nullptr) return;
  recent_ = &parts_.logger.keepRecent();
  second_.armBy(loop_.now());
}

void Routes::onSecond() {
  second_.armBy(loop_.now() + kOneSecond);
  history_.sample(parts_.registry.snapshot(), parts_.registry.timings(),
                  std::chrono::system_clock::now());
}

std::string actorOf(const HttpPeer& peer) {
  if (peer.isUnix) return fmt::format("uid={} gid={} pid={}", peer.uid, peer.gid, peer.pid);
  return peer.address.text();
}

HttpReply jsonReply(std::string body, int status) {
  HttpReply reply;
  reply.status = status;
  reply.body = std::move(body);
  reply.body += '\n';
  return reply;
}

HttpReply errorReply(int status, std::string_view text) {
  return jsonReply(jsonText({{"error", text}}), status);
}

HttpReply textReply(std::string body, int status) {
  HttpReply reply;
  reply.status = status;
  reply.type = "text/plain; charset=utf-8";
  reply.body = std::move(body);
  return reply;
}

}  // namespace culvert
