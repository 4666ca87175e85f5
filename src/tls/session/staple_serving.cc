// SPDX-License-Identifier: GPL-3.0-or-later
// See staple_serving.h.
#include "tls/session/staple_serving.h"

#include <cstring>
#include <ctime>

#include "tls/library/wolfssl.h"
#include "tls/ocsp/ocsp_check.h"
#include "tls/session/tls_context.h"

namespace culvert {

#ifdef WOLFSSL_OCSP_STATUS_CB_OK

namespace {

/// wolfSSL calls this function before it sends its certificate to a client that requested an OCSP
/// response. The function gives wolfSSL a copy of the response, which wolfSSL frees with the
/// session's handshake data. If no response is available or memory runs out, the handshake
/// continues without a response.
int statusCallback(WOLFSSL* ssl, void* slot) {
  const auto staple = static_cast<const StapleSlot*>(slot)->serving(std::time(nullptr));
  if (staple == nullptr) return WOLFSSL_OCSP_STATUS_CB_NOACK;
  const size_t size = staple->response.size();
  auto* copy = static_cast<unsigned char*>(wolfSSL_Malloc(size));
  if (copy == nullptr) return WOLFSSL_OCSP_STATUS_CB_NOACK;
  std::memcpy(copy, staple->response.data(), size);
  if (wolfSSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<int>(size)) != WOLFSSL_SUCCESS) {
    wolfSSL_Free(copy);
    return WOLFSSL_OCSP_STATUS_CB_NOACK;
  }
  static_cast<TlsIoContext*>(wolfSSL_GetIOReadCtx(ssl))->stapled = true;
  return WOLFSSL_OCSP_STATUS_CB_OK;
}

}  // namespace

Result<void> serveStaples(WOLFSSL_CTX* ctx, const StapleSlot& slot) {
  if (wolfSSL_CTX_set_tlsext_status_cb(ctx, statusCallback) != WOLFSSL_SUCCESS ||
      wolfSSL_CTX_set_tlsext_status_arg(ctx, const_cast<StapleSlot*>(&slot)) != WOLFSSL_SUCCESS)
    return fail("OCSP stapling cannot be set up");
  return {};
}

#else

Result<void> serveStaples(WOLFSSL_CTX*, const StapleSlot&) { return staplingPossible(); }

#endif

}  // namespace culvert
