// SPDX-License-Identifier: GPL-3.0-or-later
// Owners for wolfSSL's certificate manager and certificate parser. Only .cc files of src/tls
// include this header. Thread: one owner.
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

/// Adds the certificate in `der` as a trust anchor. The caller must check the dates of the
/// certificate. wolfSSL releases before 5.7 refuse an anchor that is not valid now. Returns
/// WOLFSSL_SUCCESS or an error of wolfSSL.
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

/// The certificate type for parsing an intermediate CA. wolfSSL then enforces the CA's
/// pathLenConstraint and does not treat the CA as a trust anchor.
#if LIBWOLFSSL_VERSION_HEX >= 0x05007000
inline constexpr int kChainCert = CHAIN_CERT_TYPE;
#else
inline constexpr int kChainCert = CERT_TYPE;
#endif

/// A certificate that wolfCrypt parses. An object takes several KiB, so allocate it on the heap.
class ParsedCert {
 public:
  explicit ParsedCert(std::span<const uint8_t> der) {
    wc_InitDecodedCert(&cert_, der.data(), static_cast<word32>(der.size()), nullptr);
  }
  ~ParsedCert() { wc_FreeDecodedCert(&cert_); }
  ParsedCert(const ParsedCert&) = delete;
  ParsedCert& operator=(const ParsedCert&) = delete;

  /// Parses the certificate. Returns 0 or wolfCrypt's error. Call parse() only once.
  int parse(int type, int verify, WOLFSSL_CERT_MANAGER* manager) {
    return wc_ParseCert(&cert_, type, verify, manager);
  }
  /// For functions that take a non-const pointer but only read the certificate.
  DecodedCert* get() { return &cert_; }
  const DecodedCert& operator*() const { return cert_; }
  const DecodedCert* operator->() const { return &cert_; }

  /// True if the certificate has nameConstraints, including kinds that old wolfSSL releases ignore.
  bool hasNameConstraints() const { return cert_.extNameConstraintSet != 0; }

 private:
  DecodedCert cert_;
};

}  // namespace culvert
