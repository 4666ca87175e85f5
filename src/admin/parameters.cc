// SPDX-License-Identifier: GPL-3.0-or-later
// See parameters.h.
#include "admin/parameters.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "base/ascii.h"
#include "base/words.h"
#include "config/values.h"

namespace culvert {
namespace {

constexpr uint64_t kMostRows = 10'000;
constexpr std::string_view kCriteria[] = {"service", "client",  "backend",     "sni", "state",
                                          "min_age", "blocked", "blocked_for", "id"};
constexpr std::string_view kTunnelParameters[] = {
    "service",     "client", "backend", "sni",   "state", "min_age", "blocked",
    "blocked_for", "id",     "limit",   "after", "sort",  "tcp",     "all"};

struct BlockedWord {
  std::string_view name;
  BlockedSide side;
};
constexpr BlockedWord kBlockedWords[] = {{"any", BlockedSide::kAny},
                                         {"client", BlockedSide::kClient},
                                         {"backend", BlockedSide::kBackend}};
struct OrderWord {
  std::string_view name;
  TunnelOrder order;
};
constexpr OrderWord kOrderWords[] = {{"id", TunnelOrder::kId},
                                     {"age", TunnelOrder::kId},
                                     {"bytes", TunnelOrder::kBytes},
                                     {"blocked", TunnelOrder::kBlocked},
                                     {"idle", TunnelOrder::kIdle}};

tl::unexpected<Error> wrong(std::string_view name, std::string_view text,
                            std::string_view allowed) {
  return fail(
      fmt::format("{}: \"{}\" is not allowed; allowed: {}", name, printable(text, 60), allowed));
}

/// The entry of `words` with this name, or an error.
template <class Word, size_t N>
Result<const Word*> wordIn(const Word (&words)[N], std::string_view name, std::string_view text) {
  const auto found = std::ranges::find(words, text, &Word::name);
  if (found != std::end(words)) return &*found;
  std::vector<std::string_view> names;
  for (const Word& word : words) names.push_back(word.name);
  return wrong(name, text, fmt::format("{}", fmt::join(names, ", ")));
}

Result<Clock::duration> parseTime(std::string_view name, std::string_view text) {
  const auto time = parseDuration(text);
  if (!time) return fail(fmt::format("{}: {}", name, time.error().text));
  return Millis(*time);
}

Result<TunnelState> parseState(std::string_view text) {
  const auto found = std::ranges::find(kTunnelStateNames, text);
  if (found == std::end(kTunnelStateNames))
    return wrong("state", text, fmt::format("{}", fmt::join(kTunnelStateNames, ", ")));
  return static_cast<TunnelState>(found - std::begin(kTunnelStateNames));
}

/// Sets the field that belongs to the parameter.
Result<void> apply(TunnelQuery& query, const std::string& name, const std::string& text) {
  const auto store = [](auto& field, auto value) -> Result<void> {
    if (!value) return tl::unexpected(value.error());
    field = *value;
    return {};
  };
  if (name == "service") query.service = text;
  if (name == "backend") query.backend = text;
  if (name == "sni") query.sni = lower(text);
  if (name == "tcp") query.tcp = text != "0";
  if (name == "client") return store(query.client, parseNetwork(text, true));
  if (name == "state") return store(query.state, parseState(text));
  if (name == "min_age") return store(query.minAge, parseTime(name, text));
  if (name == "blocked_for") return store(query.blockedFor, parseTime(name, text));
  if (name == "id") return store(query.id, parseCount(name, text, 1, UINT64_MAX));
  if (name == "after") return store(query.after, parseCount(name, text, 0, UINT64_MAX));
  if (name == "limit") return store(query.limit, parseCount(name, text, 1, kMostRows));
  if (name == "blocked") {
    const auto word = wordIn(kBlockedWords, name, text);
    if (!word) return tl::unexpected(word.error());
    query.blocked = (*word)->side;
  }
  if (name == "sort") {
    const auto word = wordIn(kOrderWords, name, text);
    if (!word) return tl::unexpected(word.error());
    query.order = (*word)->order;
  }
  return {};
}

}  // namespace

const std::string* parameter(const Parameters& all, std::string_view name) {
  const auto found = std::ranges::find(all, name, [](const auto& one) { return one.first; });
  return found == all.end() ? nullptr : &found->second;
}

Result<void> onlyParameters(const Parameters& all, std::span<const std::string_view> allowed) {
  for (auto one = all.begin(); one != all.end(); ++one) {
    if (std::ranges::find(allowed, one->first) == allowed.end())
      return fail(
          fmt::format("\"{}\" is not a parameter; allowed: {}", printable(one->first, 60),
                      allowed.empty() ? "none" : fmt::format("{}", fmt::join(allowed, ", "))));
    if (std::any_of(all.begin(), one, [&](const auto& other) { return other.first == one->first; }))
      return fail(fmt::format("{} is there twice; allowed: once", one->first));
  }
  return {};
}

Result<TunnelQuery> parseTunnelQuery(const Parameters& all) {
  TunnelQuery query;
  if (auto known = onlyParameters(all, kTunnelParameters); !known)
    return tl::unexpected(known.error());
  for (const auto& [name, text] : all) {
    if (text.empty()) continue;  // a form sends empty fields, too
    if (auto applied = apply(query, name, text); !applied) return tl::unexpected(applied.error());
  }
  if (query.blockedFor.count() != 0 && query.blocked == BlockedSide::kNone)
    query.blocked = BlockedSide::kAny;
  return query;
}

bool restricts(const Parameters& all) {
  return std::ranges::any_of(all, [](const auto& one) {
    return !one.second.empty() && std::ranges::find(kCriteria, one.first) != std::end(kCriteria);
  });
}

Result<uint64_t> parseCount(std::string_view name, std::string_view text, uint64_t least,
                            uint64_t most) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return wrong(name, text,
                 most == UINT64_MAX ? fmt::format("a whole number from {}", least)
                                    : fmt::format("a whole number from {} to {}", least, most));
  return value;
}

}  // namespace culvert
