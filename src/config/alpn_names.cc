// SPDX-License-Identifier: GPL-3.0-or-later
// The names in IANA's registry "TLS Application-Layer Protocol Negotiation (ALPN) Protocol IDs".
#include "config/alpn_names.h"

#include <algorithm>

#include "base/words.h"
#include "config/values.h"

namespace culvert {

namespace {

constexpr std::string_view kRegistered[] = {
    "h2",
    "http/1.1",
    "http/1.0",
    "http/0.9",
    "h2c",
    "h3",
    "spdy/1",
    "spdy/2",
    "spdy/3",
    "stun.turn",
    "webrtc",
    "stun.nat-discovery",
    "c-webrtc",
    "ftp",
    "imap",
    "pop3",
    "managesieve",
    "coap",
    "co",
    "xmpp-client",
    "xmpp-server",
    "acme-tls/1",
    "mqtt",
    "dot",
    "ntske/1",
    "sunrpc",
    "smb",
    "irc",
    "nntp",
    "nnsp",
    "doq",
    "sip/2",
    "tds/8.0",
    "dicom",
    "postgresql",
    "radius/1.0",
    "radius/1.1",
    "netperfmeter/control",
    "netperfmeter/data",
};

/// Splits `name` at separators other than a comma and joins the parts with commas: "h2;imap" gives
/// "h2, imap". Returns "" if any part is not a registered name.
std::string splitAtOthers(std::string_view name) {
  std::string list;
  while (!name.empty()) {
    const size_t end = name.find_first_of(";:|+&");
    const std::string_view item = trim(name.substr(0, end));
    if (!isRegisteredAlpn(item)) return {};
    list += (list.empty() ? "" : ", ") + std::string(item);
    name.remove_prefix(end == std::string_view::npos ? name.size() : end + 1);
  }
  return list;
}

}  // namespace

bool isRegisteredAlpn(std::string_view name) {
  return std::ranges::find(kRegistered, name) != std::end(kRegistered);
}

std::string alpnMeant(std::string_view name) {
  if (std::string list = splitAtOthers(name); !list.empty()) return list;
  return std::string(nearestName(name, kRegistered));
}

}  // namespace culvert
