// SPDX-License-Identifier: GPL-3.0-or-later
// AUTH TLS on the control connection of FTP (RFC 959, RFC 2228, RFC 4217). Data connections do not
// pass culvert. Thread: loop.
#pragma once

#include <memory>

#include "starttls/dialog.h"

namespace culvert {

std::unique_ptr<Dialog> makeFtpServer();
std::unique_ptr<Dialog> makeFtpClient();

}  // namespace culvert
