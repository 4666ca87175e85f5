// SPDX-License-Identifier: GPL-3.0-or-later
// STLS in POP3 (RFC 1939, RFC 2449, RFC 2595). Thread: loop.
#pragma once

#include <memory>

#include "starttls/dialog.h"

namespace culvert {

std::unique_ptr<Dialog> makePop3Server();
std::unique_ptr<Dialog> makePop3Client();

}  // namespace culvert
