// SPDX-License-Identifier: GPL-3.0-or-later
// The SSLRequest of PostgreSQL's protocol, version 3 (PostgreSQL documentation, "SSL Session
// Encryption"). Thread: loop.
#pragma once

#include <memory>

#include "starttls/dialog.h"

namespace culvert {

/// culvert accepts the client's SSLRequest, and refuses a StartupMessage without TLS.
std::unique_ptr<Dialog> makePgsqlServer();
/// culvert sends an SSLRequest to the backend. Behind TLS, culvert declines the encryption that the
/// client requests inside the tunnel, and removes SCRAM-SHA-256-PLUS from the backend's offer.
/// If the client has TLS with culvert too, libpq needs channel_binding=disable. Otherwise libpq
/// reports that it supports channel binding, and the backend refuses the login as a downgrade.
std::unique_ptr<Dialog> makePgsqlClient();

}  // namespace culvert
