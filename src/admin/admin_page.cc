// SPDX-License-Identifier: GPL-3.0-or-later
#include "admin/admin_page.h"

#include <fmt/format.h>

namespace culvert {

namespace {

// The Makefile turns src/admin/page/index.html into a string literal.
constexpr std::string_view kAdminPageText =
#include "index.html.inc"
    ;

constexpr std::string_view kNonceMark = "{{nonce}}";

}  // namespace

std::string adminPage(std::string_view nonce) {
  std::string out;
  out.reserve(kAdminPageText.size() + 2 * nonce.size());
  std::string_view rest = kAdminPageText;
  for (size_t at = 0; (at = rest.find(kNonceMark)) != std::string_view::npos;) {
    out.append(rest.substr(0, at)).append(nonce);
    rest.remove_prefix(at + kNonceMark.size());
  }
  return out.append(rest);
}

std::string pageSecurityPolicy(std::string_view nonce) {
  return fmt::format(
      "default-src 'none'; script-src 'nonce-{0}'; style-src 'nonce-{0}'; connect-src 'self'; "
      "img-src data:; base-uri 'none'; "
      "form-action 'none'; frame-ancestors 'none'",
      nonce);
}

}  // namespace culvert
