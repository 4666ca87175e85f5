// SPDX-License-Identifier: GPL-3.0-or-later
// STARTTLS in NNTP (RFC 3977, RFC 4642). Thread: loop.
#pragma once

#include <memory>

#include "starttls/dialog.h"

namespace culvert {

std::unique_ptr<Dialog> makeNntpServer();
std::unique_ptr<Dialog> makeNntpClient();

}  // namespace culvert
