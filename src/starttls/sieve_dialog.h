// SPDX-License-Identifier: GPL-3.0-or-later
// STARTTLS in ManageSieve (RFC 5804). Thread: loop.
#pragma once

#include <memory>

#include "starttls/dialog.h"

namespace culvert {

std::unique_ptr<Dialog> makeSieveServer();
std::unique_ptr<Dialog> makeSieveClient();

}  // namespace culvert
