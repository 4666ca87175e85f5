// SPDX-License-Identifier: GPL-3.0-or-later
// STARTTLS in SMTP (RFC 5321, RFC 3207) and in LMTP (RFC 2033). Thread: loop.
#pragma once

#include <memory>
#include <string>

#include "starttls/dialog.h"

namespace culvert {

std::unique_ptr<Dialog> makeSmtpServer();
std::unique_ptr<Dialog> makeLmtpServer();
/// `hostName` is what culvert sends with EHLO or LHLO.
std::unique_ptr<Dialog> makeSmtpClient(const std::string& hostName);
std::unique_ptr<Dialog> makeLmtpClient(const std::string& hostName);

}  // namespace culvert
