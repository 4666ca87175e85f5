// SPDX-License-Identifier: GPL-3.0-or-later
// STARTTLS of XMPP (RFC 6120 5), for streams of clients and of servers. Thread: loop.
#pragma once

#include <memory>

#include "starttls/dialog.h"

namespace culvert {

/// culvert answers the client's stream header, and requires <starttls/>. Behind TLS, the client
/// opens a new stream with the backend.
std::unique_ptr<Dialog> makeXmppServer();
/// culvert sends the client's stream header to the backend twice: before and behind TLS.
std::unique_ptr<Dialog> makeXmppClient();

}  // namespace culvert
