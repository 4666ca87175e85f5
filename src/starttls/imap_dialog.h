// SPDX-License-Identifier: GPL-3.0-or-later
// STARTTLS in IMAP (RFC 3501 and RFC 9051, 6.2.1). Thread: loop.
#pragma once

#include <memory>

#include "starttls/dialog.h"

namespace culvert {

std::unique_ptr<Dialog> makeImapServer();
std::unique_ptr<Dialog> makeImapClient();

}  // namespace culvert
