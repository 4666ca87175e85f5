// SPDX-License-Identifier: GPL-3.0-or-later
// See route_explain.h.
#include "route/route_explain.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/words.h"

namespace culvert {
namespace {

std::string offeredText(const std::vector<std::string_view>& alpn) {
  std::vector<std::string> texts;
  for (const std::string_view protocol : alpn) texts.push_back(printable(protocol, 255));
  return texts.empty() ? "none" : fewOf(texts, "and");
}

std::string addressWords(const SocketAddress& address) {
  return address.isUnix() ? "a UNIX socket" : address.hostText();
}

std::string clientWords(RouteStep step, const RouteFacts& facts) {
  switch (step) {
    case RouteStep::kPort:
      if (facts.local.isUnix()) return "the client connects to a UNIX socket";
      return fmt::format("the client connects to port {}", facts.local.port());
    case RouteStep::kAddress:
      return fmt::format("the client connects to {}", addressWords(facts.local));
    case RouteStep::kName:
      if (facts.serverName.empty()) return "the client sends no name";
      return fmt::format("the client asks for {}", printable(facts.serverName, 255));
    case RouteStep::kTransport:
      return facts.tls ? "the client begins with TLS" : "the client does not begin with TLS";
    case RouteStep::kAlpn:
      return fmt::format("the client offers {}", offeredText(facts.alpn));
    case RouteStep::kSourceType:
      return facts.isLocal() ? "the client is on this host" : "the client is on another host";
    case RouteStep::kSource:
      return fmt::format("the client comes from {}", addressWords(facts.peer));
    case RouteStep::kSourcePort:
      return fmt::format("the client has port {}", facts.peer.port());
  }
  return {};
}

/// Follows the services that are left through the walk. Thread: any, for one explanation.
class RouteTrace {
 public:
  RouteTrace(const RouteTable& table, const RouteFacts& facts)
      : services_(table.services()), facts_(facts), losses_(services_.size()) {
    for (size_t i = 0; i < services_.size(); ++i)
      if (!services_[i].fallback) left_.push_back(i);
  }

  void pass(const RouteNode& node, int branch) {
    std::optional<RouteValue> taken;
    if (branch >= 0) taken = node.value(static_cast<size_t>(branch));
    std::vector<size_t> left;
    for (const size_t service : left_) {
      const auto values = valuesOf(services_[service], node.step);
      const bool goesOn =
          taken ? std::find(values.begin(), values.end(), *taken) != values.end() : values.empty();
      if (goesOn)
        left.push_back(service);
      else
        losses_[service] = {static_cast<int>(service), node.step,
                            lossText(node.step, services_[service], taken)};
    }
    left_ = std::move(left);
  }

  std::vector<RouteLoss> lossesBeside(const RouteChoice& choice) {
    for (const size_t service : left_)
      losses_[service].text = "another service with the same criteria comes first";
    for (size_t i = 0; i < services_.size(); ++i)
      if (services_[i].fallback)
        losses_[i].text = choice.fallback ? "another fallback comes first"
                                          : "it takes only what no other service takes";
    std::vector<RouteLoss> others;
    for (size_t i = 0; i < losses_.size(); ++i) {
      losses_[i].service = static_cast<int>(i);
      if (losses_[i].service != choice.service) others.push_back(std::move(losses_[i]));
    }
    return others;
  }

 private:
  std::string lossText(RouteStep step, const RouteMatch& match,
                       const std::optional<RouteValue>& taken) const {
    const auto values = valuesOf(match, step);
    const bool covered = std::any_of(values.begin(), values.end(), [&](const RouteValue& value) {
      return isCovered(step, value, facts_);
    });
    const std::string wanted = values.empty() ? fmt::format("takes any {}", routeStepName(step))
                                              : "wants " + fewOf(routeTexts(match, step), "or");
    std::string why;
    if (!values.empty() && !covered)
      why = clientWords(step, facts_);
    else if (step == RouteStep::kAlpn)
      why = fmt::format("the client prefers {}, which another service wants",
                        routeText(step, *taken));
    else
      why = fmt::format("another service wants {}", routeText(step, *taken));
    return fmt::format("lost at the {}: it {}, {}", routeStepName(step), wanted, why);
  }

  const std::vector<RouteMatch>& services_;
  const RouteFacts& facts_;
  std::vector<size_t> left_;
  std::vector<RouteLoss> losses_;
};

std::string outcomeText(const RouteChoice& choice) {
  if (choice.service >= 0 && !choice.fallback) return "its criteria match best";
  const std::string lost =
      fmt::format("no service is left at the {}", routeStepName(choice.lostAt));
  return choice.fallback ? lost + ", so the fallback takes the connection" : lost;
}

}  // namespace

RouteExplanation explainRoute(const RouteTable& table, const RouteFacts& facts) {
  RouteTrace trace(table, facts);
  const RouteNode* last = nullptr;
  table.nest().walk(facts, last, [&](const RouteNode& node, int branch) {
    trace.pass(node, branch);
    return true;
  });
  RouteExplanation explanation;
  explanation.choice = table.choose(facts);
  explanation.text = outcomeText(explanation.choice);
  explanation.losses = trace.lossesBeside(explanation.choice);
  return explanation;
}

}  // namespace culvert
