// SPDX-License-Identifier: GPL-3.0-or-later
// See peer_rules.h.
#include "tls/peer_auth/peer_rules.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/ascii.h"
#include "base/hex.h"
#include "base/words.h"
#include "tls/credentials/credentials.h"
#include "tls/library/wolfssl.h"

namespace culvert {

namespace {

constexpr std::string_view kDeep = "**";

std::string quoted(std::string_view text) { return fmt::format("\"{}\"", printable(text, 60)); }

/// Returns whether a wildcard matches the character `c`. In SPIFFE ids, a wildcard matches only
/// letters, digits and "-_." (SPIFFE-ID 2.2). In other URIs, a wildcard matches the characters that
/// RFC 3986 3.3 allows in a path segment, except "%", because other software decodes %2f and %2e to
/// "/" and ".".
bool mayStandFor(char c, bool spiffe) {
  constexpr std::string_view kPlain = "-._", kOthers = "~!$&'()*+,;=:@";
  return isAlnum(c) || kPlain.find(c) != std::string_view::npos ||
         (!spiffe && kOthers.find(c) != std::string_view::npos);
}

/// Matches `text` against a pattern in which `*` matches any number of characters that
/// mayStandFor() accepts. The CPU time grows with the length of `text` times the number of stars.
bool globMatches(std::string_view pattern, std::string_view text, bool spiffe) {
  size_t p = 0, t = 0, star = std::string_view::npos, mark = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.size() && pattern[p] == text[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      if (!mayStandFor(text[mark], spiffe)) return false;
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string_view takeSegment(std::string_view& path) {
  const size_t slash = path.find('/');
  const std::string_view segment = path.substr(0, slash);
  path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
  return segment;
}

/// Returns whether a path segment is empty or changes the meaning of other segments.
bool isOdd(std::string_view segment) {
  return segment.empty() || segment == "." || segment == "..";
}

/// Returns whether `rest` consists of one or more path segments that a wildcard may match.
bool isPlainPath(std::string_view rest, bool spiffe) {
  if (rest.empty() || rest.back() == '/') return false;
  while (!rest.empty()) {
    const std::string_view segment = takeSegment(rest);
    if (isOdd(segment)) return false;
    for (char c : segment)
      if (!mayStandFor(c, spiffe)) return false;
  }
  return true;
}

/// Returns the position at which the path begins, after `scheme://host/` or after `scheme:`.
size_t pathStart(std::string_view uri) {
  const size_t colon = uri.find(':');
  if (colon == std::string_view::npos) return std::string_view::npos;
  if (uri.substr(colon, 3) != "://") return colon + 1;
  const size_t slash = uri.find('/', colon + 3);
  return slash == std::string_view::npos ? uri.size() : slash + 1;
}

Result<void> checkUri(std::string_view item) {
  const size_t path = pathStart(item);
  if (path == std::string_view::npos || path < 2)
    return fail(quoted(item) +
                " is not a URI; expected: scheme://host/path, * within a path segment, "
                "** as the last segment");
  if (item.substr(0, path).find('*') != std::string_view::npos)
    return fail(quoted(item) + " has a wildcard in its host; * is allowed in the path only");
  std::string_view rest = item.substr(path);
  while (!rest.empty()) {
    const std::string_view segment = takeSegment(rest);
    if (segment.find(kDeep) == std::string_view::npos) continue;
    if (segment != kDeep || !rest.empty())
      return fail(quoted(item) +
                  " has ** within the path; ** is allowed only as the whole last segment");
  }
  if (std::any_of(item.begin(), item.end(), [](char c) { return c <= ' ' || c == 0x7f; }))
    return fail(quoted(item) + " has a blank or a control character");
  return {};
}

/// Returns whether the name consists of labels of letters, digits, "-" and "_". Needed because a CA
/// may certify text that is not a host name, for example with a blank, a line feed or a wildcard.
bool isHostName(std::string_view name) {
  if (name.size() > 253) return false;
  for (;;) {
    const size_t dot = name.find('.');
    const std::string_view label = name.substr(0, dot);
    if (label.empty() || label.size() > 63 || !std::all_of(label.begin(), label.end(), [](char c) {
          return isAlnum(c) || c == '-' || c == '_';
        }))
      return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

Result<void> checkDns(std::string_view item) {
  if (!isHostName(item.starts_with("*.") ? item.substr(2) : item))
    return fail(quoted(item) + " is not a DNS name; expected: NAME, or *.NAME for one more label");
  return {};
}

std::optional<std::vector<uint8_t>> addressBytes(std::string_view text) {
  std::vector<uint8_t> bytes(16);
  const std::string host(text);
  if (::inet_pton(AF_INET6, host.c_str(), bytes.data()) == 1) return bytes;
  bytes.resize(4);
  if (::inet_pton(AF_INET, host.c_str(), bytes.data()) == 1) return bytes;
  return std::nullopt;
}

bool sameStart(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b, unsigned bits) {
  if (a.size() != b.size()) return false;
  for (unsigned i = 0; i < bits; i += 8) {
    const unsigned left = std::min(bits - i, 8U);
    const auto mask = static_cast<uint8_t>(0xff << (8 - left));
    if (((a[i / 8] ^ b[i / 8]) & mask) != 0) return false;
  }
  return true;
}

std::optional<std::array<uint8_t, 32>> pinFromHex(std::string_view text) {
  std::string digits(text);
  std::erase(digits, ':');
  std::array<uint8_t, 32> pin{};
  if (!decodeHex(digits, pin)) return std::nullopt;
  return pin;
}

std::optional<std::array<uint8_t, 32>> pinFromText(std::string_view text) {
  for (std::string_view prefix : {"sha256//", "sha256/", "sha256:"}) {
    if (!text.starts_with(prefix)) continue;
    text.remove_prefix(prefix.size());
    break;
  }
  if (const auto pin = pinFromHex(text)) return pin;
  if (text.size() != 44 || text.back() != '=') return std::nullopt;
  std::array<uint8_t, 48> bytes{};
  word32 size = sizeof(bytes);
  const int result = Base64_Decode(reinterpret_cast<const byte*>(text.data()),
                                   static_cast<word32>(text.size()), bytes.data(), &size);
  if (result != 0 || size != 32) return std::nullopt;
  std::array<uint8_t, 32> pin{};
  std::copy_n(bytes.begin(), pin.size(), pin.begin());
  return pin;
}

template <class List>
bool has(const List& list, const typename List::value_type& value) {
  return std::find(list.begin(), list.end(), value) != list.end();
}

}  // namespace

bool uriMatches(std::string_view pattern, std::string_view uri) {
  const size_t path = pathStart(pattern);
  if (path == std::string_view::npos || uri.substr(0, path) != pattern.substr(0, path))
    return false;
  const bool spiffe = pattern.starts_with("spiffe://");
  pattern.remove_prefix(path);
  uri.remove_prefix(path);
  while (!pattern.empty() && !uri.empty()) {
    const bool uriGoesOn = uri.find('/') != std::string_view::npos;
    const bool patternGoesOn = pattern.find('/') != std::string_view::npos;
    const std::string_view segment = takeSegment(pattern);
    if (segment == kDeep) return isPlainPath(uri, spiffe);
    const std::string_view ours = takeSegment(uri);
    if (segment.find('*') == std::string_view::npos
            ? segment != ours
            : isOdd(ours) || !globMatches(segment, ours, spiffe))
      return false;
    if (uriGoesOn != patternGoesOn) return false;
  }
  return pattern.empty() && uri.empty();
}

Result<void> PeerRules::add(PeerRule kind, std::string_view item) {
  switch (kind) {
    case PeerRule::kCn:
      cns_.emplace_back(item);
      return {};
    case PeerRule::kOu:
      ous_.emplace_back(item);
      return {};
    case PeerRule::kDns:
      if (auto sound = checkDns(item); !sound) return sound;
      dns_.push_back(lower(item));
      return {};
    case PeerRule::kUri:
      if (auto sound = checkUri(item); !sound) return sound;
      uris_.emplace_back(item);
      return {};
    case PeerRule::kIp: {
      const size_t slash = item.find('/');
      auto address = addressBytes(item.substr(0, slash));
      if (!address)
        return fail(quoted(item) + " is not an address; expected: ADDRESS or NETWORK/BITS");
      const auto most = static_cast<unsigned>(address->size() * 8);
      unsigned bits = most;
      if (slash != std::string_view::npos) {
        const std::string_view count = item.substr(slash + 1);
        const bool number =
            !count.empty() && count.size() <= 3 && std::all_of(count.begin(), count.end(), isDigit);
        bits = 0;
        if (number)
          for (char c : count) bits = bits * 10 + static_cast<unsigned>(c - '0');
        if (!number || bits > most)
          return fail(fmt::format("{}: the prefix length must be 0 to {}", quoted(item), most));
      }
      std::vector<uint8_t> network(address->size());
      for (unsigned i = 0; i < bits; ++i)
        network[i / 8] |= static_cast<uint8_t>((*address)[i / 8] & (0x80 >> i % 8));
      if (network != *address)
        return fail(fmt::format("{} has bits set after its prefix of {}", quoted(item), bits));
      networks_.push_back({std::move(network), bits});
      return {};
    }
    case PeerRule::kSpki: {
      const auto pin = pinFromText(item);
      if (!pin)
        return fail(quoted(item) +
                    " is not a SHA-256 pin; expected: 64 hex digits or 44 characters of base64");
      pins_.push_back(*pin);
      return {};
    }
  }
  return {};
}

bool PeerRules::empty() const {
  return cns_.empty() && ous_.empty() && dns_.empty() && uris_.empty() && networks_.empty() &&
         pins_.empty();
}

namespace {

/// Returns the index of the first value that matches any of the rules, or the number of values if
/// no value matches.
template <class Values, class Rules, class Matches>
size_t firstMatch(const Values& values, const Rules& rules, Matches matches) {
  const auto found = std::find_if(values.begin(), values.end(), [&](const auto& value) {
    return std::any_of(rules.begin(), rules.end(),
                       [&](const auto& rule) { return matches(rule, value); });
  });
  return static_cast<size_t>(found - values.begin());
}

bool isSame(const std::string& rule, const std::string& value) { return rule == value; }

bool dnsMatches(const std::string& rule, const std::string& name) {
  return isHostName(name) && nameCovers(rule, name);
}

template <class Values>
void toFront(Values& values, size_t index) {
  if (index != 0 && index < values.size())
    std::rotate(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(index),
                values.begin() + static_cast<std::ptrdiff_t>(index) + 1);
}

}  // namespace

bool PeerRules::Network::holds(const Network& network, const std::vector<uint8_t>& address) {
  return sameStart(network.address, address, network.bits);
}

bool PeerRules::allows(const PeerCertificate& c) const {
  return empty() || firstMatch(c.commonNames, cns_, isSame) < c.commonNames.size() ||
         firstMatch(c.units, ous_, isSame) < c.units.size() ||
         firstMatch(c.dnsNames, dns_, dnsMatches) < c.dnsNames.size() ||
         firstMatch(c.uris, uris_, uriMatches) < c.uris.size() ||
         firstMatch(c.addresses, networks_, Network::holds) < c.addresses.size() ||
         has(pins_, c.keyPin);
}

void PeerRules::putMatchesFirst(PeerCertificate& c) const {
  toFront(c.commonNames, firstMatch(c.commonNames, cns_, isSame));
  toFront(c.units, firstMatch(c.units, ous_, isSame));
  toFront(c.dnsNames, firstMatch(c.dnsNames, dns_, dnsMatches));
  toFront(c.uris, firstMatch(c.uris, uris_, uriMatches));
  toFront(c.addresses, firstMatch(c.addresses, networks_, Network::holds));
}

}  // namespace culvert
