// SPDX-License-Identifier: GPL-3.0-or-later
// See backend_spec.h.
#include "net/backend_spec.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"

namespace culvert {
namespace {

constexpr std::string_view kSrv = "srv:";
constexpr std::string_view kWeight = "weight=";

Result<unsigned> parseWeight(std::string_view text) {
  const auto wrong = [text] {
    return fail(
        fmt::format("\"{}\" is not a weight; allowed behind an address: weight=1 to weight={}",
                    text, BackendSpec::kMostWeight));
  };
  if (!text.starts_with(kWeight)) return wrong();
  const std::string_view digits = text.substr(kWeight.size());
  if (digits.empty() || digits.size() > 3 || !std::all_of(digits.begin(), digits.end(), isDigit))
    return wrong();
  unsigned weight = 0;
  for (const char c : digits) weight = weight * 10 + static_cast<unsigned>(c - '0');
  if (weight == 0 || weight > BackendSpec::kMostWeight) return wrong();
  return weight;
}

/// Checks `_NAME._tcp.DOMAIN` and returns it in lower case.
Result<std::string> parseSrv(std::string_view name) {
  const auto wrong = [name] {
    return fail(fmt::format("\"{}\" is not an SRV name; allowed: srv:_NAME._tcp.DOMAIN", name));
  };
  const size_t dot = name.find('.');
  if (!name.starts_with('_') || dot == std::string_view::npos || dot < 2) return wrong();
  std::string all = lower(name);
  constexpr std::string_view kTcp = "_tcp.";
  if (!std::string_view(all).substr(dot + 1).starts_with(kTcp)) return wrong();
  const std::string domain = all.substr(dot + 1 + kTcp.size());
  // Checks the labels of the domain as those of a host name.
  const auto host = parseAddress(domain + ":1", AddressUse::kBackend);
  if (!host || host->kind != AddressKind::kHostName || name.size() > 253) return wrong();
  const std::string_view service = std::string_view(all).substr(1, dot - 1);
  if (!std::all_of(service.begin(), service.end(), [](char c) { return isAlnum(c) || c == '-'; }))
    return wrong();
  return all;
}

}  // namespace

std::string BackendSpec::text() const {
  return srv.empty() ? address.text() : std::string(kSrv) + srv;
}

std::string BackendSpec::srvDomain() const {
  const size_t service = srv.find('.');
  const size_t protocol = srv.find('.', service + 1);
  return protocol == std::string::npos ? std::string() : srv.substr(protocol + 1);
}

Result<BackendSpec> parseBackend(std::string_view text) {
  BackendSpec spec;
  const size_t blank = text.find_first_of(" \t");
  if (blank != std::string_view::npos) {
    const size_t at = text.find_first_not_of(" \t", blank);
    const auto weight = parseWeight(at == std::string_view::npos ? "" : text.substr(at));
    if (!weight) return tl::unexpected(weight.error());
    spec.weight = *weight;
    text = text.substr(0, blank);
  }
  if (text.starts_with(kSrv)) {
    auto srv = parseSrv(text.substr(kSrv.size()));
    if (!srv) return tl::unexpected(srv.error());
    spec.srv = std::move(*srv);
    return spec;
  }
  auto address = parseAddress(text, AddressUse::kBackend);
  if (!address) {
    std::string why = address.error().text;
    if (why.ends_with("unix:/path")) why += ", srv:_NAME._tcp.DOMAIN";
    return fail(why);
  }
  spec.address = std::move(*address);
  return spec;
}

}  // namespace culvert
