// SPDX-License-Identifier: GPL-3.0-or-later
// See proxy_auth.h. Parsing copies only the credentials themselves. The caller wipes the text of
// the file.
#include "proxy/proxy_auth.h"

#include <fmt/format.h>
#include <string.h>

#include <algorithm>
#include <utility>

namespace culvert {
namespace {

constexpr std::string_view kProxyAuthAllowed = "allowed: one line USER:PASSWORD";

tl::unexpected<Error> refuseProxyAuth(size_t line, std::string_view why) {
  return fail(fmt::format("line {} {}; {}", line, why, kProxyAuthAllowed));
}

bool isProxyAuthControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

/// Returns what is wrong with the line, or "". RFC 7617 section 2 excludes control characters.
std::string_view proxyAuthFault(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return "has no ':'";
  if (std::ranges::any_of(line, isProxyAuthControl)) return "has a control character";
  if (colon == 0) return "has no user before the ':'";
  if (colon + 1 == line.size()) return "has no password after the ':'";
  if (colon > ProxyCredentials::kLongest) return "has a user of more than 255 bytes";
  if (line.size() - colon - 1 > ProxyCredentials::kLongest)
    return "has a password of more than 255 bytes";
  return {};
}

}  // namespace

void wipeText(std::string& text) {
  text.resize(text.capacity());
  ::explicit_bzero(text.data(), text.size());
  text.clear();
}

WipedText::WipedText(WipedText&& other) noexcept { *this = std::move(other); }

WipedText& WipedText::operator=(WipedText&& other) noexcept {
  if (this == &other) return *this;
  wipeText(text_);
  if (other.text_.size() > text_.capacity()) {
    text_ = std::move(other.text_);  // longer than an empty text's capacity: its block moves
  } else {
    text_.assign(other.text_);
  }
  wipeText(other.text_);
  return *this;
}

Result<ProxyCredentials> ProxyCredentials::parse(std::string_view fileText) {
  if (fileText.starts_with("\xEF\xBB\xBF")) fileText.remove_prefix(3);
  std::string_view found;
  size_t foundIn = 0;
  for (size_t number = 1; !fileText.empty(); ++number) {
    const size_t end = fileText.find('\n');
    std::string_view line = fileText.substr(0, end);
    fileText.remove_prefix(end == std::string_view::npos ? fileText.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.find_first_not_of(" \t") == std::string_view::npos || line.front() == '#') continue;
    if (const std::string_view fault = proxyAuthFault(line); !fault.empty())
      return refuseProxyAuth(number, fault);
    if (foundIn != 0)
      return refuseProxyAuth(number,
                             fmt::format("has credentials, but line {} has some already", foundIn));
    found = line;
    foundIn = number;
  }
  if (foundIn == 0) return fail(fmt::format("has no credentials; {}", kProxyAuthAllowed));
  const size_t colon = found.find(':');
  return ProxyCredentials(found.substr(0, colon), found.substr(colon + 1));
}

}  // namespace culvert
