// SPDX-License-Identifier: GPL-3.0-or-later
// Which requests an HTTP door serves at all: the rules against web pages that use the browser of an
// operator (cross-site requests, DNS rebinding). Pure. Thread: any.
#pragma once

#include <optional>
#include <string>

#include "http/http_request.h"

namespace culvert {

/// What a door is. `boundText` is the text of its address: ADDRESS:PORT, *:PORT or unix:PATH.
struct HttpAccess {
  bool admin = false;  ///< full control; false: only metrics and probes
  std::string boundText;
};

struct HttpRefusal {
  int status;
  std::string why;
};

/// Returns why the request is refused, or nothing. On TCP, an admin door requires as Host its own
/// address, or a name of this host that no DNS server can change, with its port. An Origin has to be
/// the door itself. A POST needs the header Culvert-Admin: 1, which no simple cross-site request has.
std::optional<HttpRefusal> refusalOf(const HttpRequest& request, const HttpAccess& access);

}  // namespace culvert
