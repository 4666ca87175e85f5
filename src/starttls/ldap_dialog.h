// SPDX-License-Identifier: GPL-3.0-or-later
// The StartTLS operation of LDAP (RFC 4511 4.14, RFC 4513 3.1). No message passes to the far side
// before TLS. Thread: loop.
#pragma once

#include <memory>

#include "starttls/dialog.h"

namespace culvert {

/// culvert performs StartTLS for the client, and answers every other request with
/// confidentialityRequired.
std::unique_ptr<Dialog> makeLdapServer();
/// culvert sends the StartTLS request to the backend.
std::unique_ptr<Dialog> makeLdapClient();

}  // namespace culvert
