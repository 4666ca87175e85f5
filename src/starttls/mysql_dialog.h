// SPDX-License-Identifier: GPL-3.0-or-later
// The SSLRequest of MySQL and MariaDB (MySQL Internals, "Connection Phase"; MariaDB, "Connecting").
// The server speaks first, so both roles need the greeting of the backend before TLS. Thread: loop.
#pragma once

#include <memory>

#include "starttls/dialog.h"

namespace culvert {

/// culvert adds CLIENT_SSL to the backend's greeting and requires an SSLRequest of the client.
std::unique_ptr<Dialog> makeMysqlServer();
/// culvert removes CLIENT_SSL from the backend's greeting, and sends an SSLRequest before the
/// client's HandshakeResponse.
std::unique_ptr<Dialog> makeMysqlClient();

}  // namespace culvert
