// SPDX-License-Identifier: GPL-3.0-or-later
// See http_access.h.
#include "http/http_access.h"

#include <array>

#include "base/ascii.h"

namespace culvert {
namespace {

constexpr std::array<std::string_view, 3> kOwnHosts = {"localhost", "127.0.0.1", "[::1]"};

bool isUnixDoor(const HttpAccess& access) { return access.boundText.starts_with("unix:"); }

bool hostIsOurs(const std::string& host, const HttpAccess& access) {
  // A client leaves out the default port of http.
  const bool bare = host.empty() || host.ends_with(']') || host.find(':') == std::string::npos;
  const std::string named = bare ? host + ":80" : host;
  if (named == access.boundText) return true;
  const std::string port = access.boundText.substr(access.boundText.rfind(':'));
  for (const std::string_view own : kOwnHosts)
    if (named == std::string(own) + port) return true;
  return false;
}

}  // namespace

std::optional<HttpRefusal> refusalOf(const HttpRequest& request, const HttpAccess& access) {
  const std::string host = lower(request.host);
  if (access.admin && !isUnixDoor(access) && !hostIsOurs(host, access))
    return HttpRefusal{421, "the Host header names another server; allowed: " + access.boundText +
                                ", and localhost, 127.0.0.1 or [::1] with its port"};
  if (!request.origin.empty() && lower(request.origin) != "http://" + host)
    return HttpRefusal{403,
                       "the request comes from another site; allowed: an Origin that is the "
                       "server itself, or none"};
  if (request.method != "POST") return std::nullopt;
  if (!access.admin) return HttpRefusal{405, "POST is not allowed here; allowed: GET, HEAD"};
  if (!request.adminHeader) return HttpRefusal{403, "a change needs the header Culvert-Admin: 1"};
  return std::nullopt;
}

}  // namespace culvert
