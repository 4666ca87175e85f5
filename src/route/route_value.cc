// SPDX-License-Identifier: GPL-3.0-or-later
// See route_value.h.
#include "route/route_value.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/words.h"

namespace culvert {
namespace {

constexpr size_t kLongestRouteText = 256;
constexpr size_t kMostListed = 4;

template <class Values>
std::vector<RouteValue> routeValues(const Values& values) {
  return std::vector<RouteValue>(values.begin(), values.end());
}

template <class Choice>
std::vector<RouteValue> chosenValue(Choice choice) {
  if (choice == Choice::kAny) return {};
  return {RouteValue(static_cast<uint16_t>(choice))};
}

std::string numberText(RouteStep step, uint16_t number) {
  if (step == RouteStep::kTransport)
    return number == static_cast<uint16_t>(MatchTransport::kTls) ? "tls" : "raw";
  if (step == RouteStep::kSourceType)
    return number == static_cast<uint16_t>(SourceType::kLocal) ? "local" : "external";
  return fmt::format("{}", number);
}

bool numberCovers(RouteStep step, uint16_t number, const RouteFacts& facts) {
  switch (step) {
    case RouteStep::kPort:
      return facts.local.port() == number;
    case RouteStep::kSourcePort:
      return facts.peer.port() == number;
    case RouteStep::kTransport:
      return facts.tls == (number == static_cast<uint16_t>(MatchTransport::kTls));
    default:
      return facts.isLocal() == (number == static_cast<uint16_t>(SourceType::kLocal));
  }
}

}  // namespace

std::vector<RouteValue> valuesOf(const RouteMatch& match, RouteStep step) {
  switch (step) {
    case RouteStep::kPort:
      return routeValues(match.ports);
    case RouteStep::kAddress:
      return routeValues(match.addresses);
    case RouteStep::kName:
      return routeValues(match.names);
    case RouteStep::kTransport:
      return chosenValue(match.transport);
    case RouteStep::kAlpn:
      return routeValues(match.alpn);
    case RouteStep::kSourceType:
      return chosenValue(match.sourceType);
    case RouteStep::kSource:
      return routeValues(match.sources);
    case RouteStep::kSourcePort:
      return routeValues(match.sourcePorts);
  }
  return {};
}

bool suffixCovers(std::string_view wildcard, std::string_view name) {
  return wildcard.starts_with("*.") && name.size() >= wildcard.size() &&
         name.ends_with(wildcard.substr(1));
}

bool isCovered(RouteStep step, const RouteValue& value, const RouteFacts& facts) {
  if (const auto* number = std::get_if<uint16_t>(&value)) return numberCovers(step, *number, facts);
  if (const auto* network = std::get_if<Network>(&value))
    return network->contains(step == RouteStep::kAddress ? facts.local : facts.peer);
  const std::string_view text = std::get<std::string_view>(value);
  if (step == RouteStep::kName)
    return text == facts.serverName || suffixCovers(text, facts.serverName);
  return std::find(facts.alpn.begin(), facts.alpn.end(), text) != facts.alpn.end();
}

std::string routeText(RouteStep step, const RouteValue& value) {
  if (const auto* number = std::get_if<uint16_t>(&value)) return numberText(step, *number);
  if (const auto* network = std::get_if<Network>(&value)) return network->text();
  return printable(std::get<std::string_view>(value), kLongestRouteText);
}

std::string_view routeStepName(RouteStep step) {
  constexpr std::string_view kNames[kRouteSteps] = {"port", "address",     "name",   "transport",
                                                    "ALPN", "source type", "source", "source port"};
  return kNames[static_cast<size_t>(step)];
}

std::vector<std::string> routeTexts(const RouteMatch& match, RouteStep step) {
  std::vector<std::string> texts;
  for (const RouteValue& value : valuesOf(match, step)) texts.push_back(routeText(step, value));
  return texts;
}

std::string fewOf(std::span<const std::string> texts, std::string_view joint) {
  const size_t shown = std::min(texts.size(), kMostListed);
  std::string all;
  for (size_t i = 0; i < shown; ++i) {
    if (i > 0) all += i + 1 == texts.size() ? fmt::format(" {} ", joint) : ", ";
    all += texts[i];
  }
  if (shown < texts.size()) all += fmt::format(" {} {} more", joint, texts.size() - shown);
  return all;
}

}  // namespace culvert
