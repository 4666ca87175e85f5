// SPDX-License-Identifier: GPL-3.0-or-later
// See route_table.h.
#include "route/route_table.h"

namespace culvert {
namespace {

bool readsHello(RouteStep step) { return step == RouteStep::kName || step == RouteStep::kAlpn; }
bool readsBytes(RouteStep step) { return readsHello(step) || step == RouteStep::kTransport; }

}  // namespace

RouteTable::RouteTable(std::vector<RouteMatch> services)
    : services_(std::move(services)), nest_(services_) {
  for (size_t i = services_.size(); i > 0; --i)
    if (services_[i - 1].fallback) fallback_ = static_cast<int>(i - 1);
  for (size_t i = 0; i < nest_.size(); ++i) {
    needs_.hello = needs_.hello || readsHello(nest_.node(i).step);
    needs_.bytes = needs_.bytes || readsBytes(nest_.node(i).step);
  }
}

RouteChoice RouteTable::choiceOf(RouteTarget end, const RouteNode* last) const {
  if (!end.isNowhere()) return {end.service(), false, RouteStep::kPort};
  return {fallback_, fallback_ >= 0, last == nullptr ? RouteStep::kPort : last->step};
}

RouteChoice RouteTable::choose(const RouteFacts& facts) const {
  const RouteNode* last = nullptr;
  const RouteTarget end = nest_.walk(facts, last, [](const RouteNode&, int) { return true; });
  return choiceOf(end, last);
}

/// The steps that read bytes follow the port and the address. So the first node behind these two
/// tells whether bytes count.
std::optional<RouteChoice> RouteTable::early(const RouteFacts& facts) const {
  const RouteNode* last = nullptr;
  const RouteTarget end =
      nest_.walk(facts, last, [](const RouteNode& node, int) { return !readsBytes(node.step); });
  if (end.isNode()) return std::nullopt;
  return choiceOf(end, last);
}

std::optional<int> RouteTable::silent(const RouteFacts& facts) const {
  RouteFacts raw;
  raw.local = facts.local;
  raw.peer = facts.peer;
  const int service = choose(raw).service;
  if (service < 0) return std::nullopt;
  return service;
}

}  // namespace culvert
