// SPDX-License-Identifier: GPL-3.0-or-later
// See route_names.h.
#include "route/route_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/words.h"
#include "net/network.h"

namespace culvert {
namespace {

constexpr size_t kLongestHostName = 253;  // RFC 1035 2.3.4, without the final dot
constexpr size_t kLongestLabel = 63;
constexpr std::string_view kNameForms = "allowed: NAME or *.SUFFIX, such as www.example.org";

tl::unexpected<Error> refusedName(std::string_view name, std::string_view why) {
  return fail(fmt::format("\"{}\" {}; {}", printable(name, kLongestHostName), why, kNameForms));
}

bool isLetterOfName(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
}

bool hasBadLabel(std::string_view name) {
  while (true) {
    const size_t dot = std::min(name.find('.'), name.size());
    if (dot == 0 || dot > kLongestLabel) return true;
    if (dot == name.size()) return false;
    name.remove_prefix(dot + 1);
  }
}

}  // namespace

Result<std::string> parseMatchName(std::string_view text) {
  std::string name = lower(text);
  if (parseNetwork(name, false)) return refusedName(text, "is an address, not a server name");
  std::string_view rest = name;
  if (rest.starts_with("*.")) rest.remove_prefix(2);
  if (rest.find('*') != rest.npos)
    return refusedName(text, "has a * that is not the whole first label");
  if (!std::all_of(rest.begin(), rest.end(), isLetterOfName))
    return refusedName(text,
                       "has a character that a server name cannot have (write a name in "
                       "other scripts as xn--...)");
  if (rest.size() > kLongestHostName) return refusedName(text, "is longer than 253 bytes");
  if (hasBadLabel(rest))
    return refusedName(text, "has a label that is empty or longer than 63 bytes");
  return name;
}

}  // namespace culvert
