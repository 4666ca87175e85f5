// SPDX-License-Identifier: GPL-3.0-or-later
// Gives wolfSSL the OCSP response to send with a certificate. Thread: loop.
#pragma once

#include "base/result.h"
#include "tls/credentials/staple.h"

struct WOLFSSL_CTX;

namespace culvert {

/// From now on a client of this context that requests an OCSP response gets the current content of
/// `slot`. `slot` must outlive the context.
Result<void> serveStaples(WOLFSSL_CTX* ctx, const StapleSlot& slot);

}  // namespace culvert
