// SPDX-License-Identifier: GPL-3.0-or-later
// Gives wolfSSL the OCSP response that it sends with a certificate. Thread: loop.
#pragma once

#include "base/result.h"
#include "tls/credentials/staple.h"

struct WOLFSSL_CTX;

namespace culvert {

/// Makes all sessions of this context send the current response of `slot` to clients that request
/// an OCSP response. `slot` must outlive the context.
Result<void> serveStaples(WOLFSSL_CTX* ctx, const StapleSlot& slot);

}  // namespace culvert
