// SPDX-License-Identifier: GPL-3.0-or-later
// wolfSSL's certificate manager and certificate reader, owned. Only .cc files of tls/ include this.
// Thread: one owner.
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "tls/library/wolfssl.h"

namespace culvert {

struct CertManagerDeleter {
  void operator()(WOLFSSL_CERT_MANAGER* manager) const { wolfSSL_CertManagerFree(manager); }
};
using CertManager = std::unique_ptr<WOLFSSL_CERT_MANAGER, CertManagerDeleter>;

/// Makes what `der` holds a trust anchor; its dates are judged elsewhere (old releases refuse one
/// that is not valid now). WOLFSSL_SUCCESS or an error.
inline int addAnchor(WOLFSSL_CERT_MANAGER* manager, std::span<const uint8_t> der) {
#if LIBWOLFSSL_VERSION_HEX >= 0x05007000
  return wolfSSL_CertManagerLoadCABuffer_ex(manager, der.data(), static_cast<long>(der.size()),
                                            WOLFSSL_FILETYPE_ASN1, 0,
                                            WOLFSSL_LOAD_FLAG_DATE_ERR_OKAY);
#else
  return wolfSSL_CertManagerLoadCABuffer(manager, der.data(), static_cast<long>(der.size()),
                                         WOLFSSL_FILETYPE_ASN1);
#endif
}

/// How a CA in the middle of a path is parsed: its pathLenConstraint counts, and it is no anchor.
#if LIBWOLFSSL_VERSION_HEX >= 0x05007000
inline constexpr int kChainCert = CHAIN_CERT_TYPE;
#else
inline constexpr int kChainCert = CERT_TYPE;
#endif

/// A certificate as wolfCrypt reads it. Several KiB: on the heap.
class ParsedCert {
 public:
  explicit ParsedCert(std::span<const uint8_t> der) {
    wc_InitDecodedCert(&cert_, der.data(), static_cast<word32>(der.size()), nullptr);
  }
  ~ParsedCert() { wc_FreeDecodedCert(&cert_); }
  ParsedCert(const ParsedCert&) = delete;
  ParsedCert& operator=(const ParsedCert&) = delete;

  /// 0 or wolfCrypt's error. Once only.
  int parse(int type, int verify, WOLFSSL_CERT_MANAGER* manager) {
    return wc_ParseCert(&cert_, type, verify, manager);
  }
  /// For what reads it and does not say so.
  DecodedCert* get() { return &cert_; }
  const DecodedCert& operator*() const { return cert_; }
  const DecodedCert* operator->() const { return &cert_; }

  /// Of whatever kind: old releases drop those that they do not know.
  bool hasNameConstraints() const { return cert_.extNameConstraintSet != 0; }

 private:
  DecodedCert cert_;
};

}  // namespace culvert
