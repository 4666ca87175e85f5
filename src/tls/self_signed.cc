// SPDX-License-Identifier: GPL-3.0-or-later
// A fresh key and a certificate for it, through wolfCrypt's certificate generation.
#include "tls/self_signed.h"

#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tls/tls_error.h"
#include "tls/wolfssl.h"

namespace culvert {

#if defined(WOLFSSL_CERT_GEN) && defined(WOLFSSL_ALT_NAMES)

namespace {

constexpr size_t kMaxDer = 16384;
constexpr int kDays = 365;
constexpr std::string_view kHost = "localhost";
constexpr uint8_t kIpv4[] = {127, 0, 0, 1};
constexpr uint8_t kIpv6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

/// DER: tag, length, contents (below 128 bytes).
void appendDer(std::vector<uint8_t>& out, uint8_t tag, std::span<const uint8_t> contents) {
  out.push_back(tag);
  out.push_back(static_cast<uint8_t>(contents.size()));
  out.insert(out.end(), contents.begin(), contents.end());
}

/// GeneralNames (RFC 5280 4.2.1.6): dNSName is [2], iPAddress is [7].
std::vector<uint8_t> generalNames() {
  std::vector<uint8_t> list;
  appendDer(list, 0x82, {reinterpret_cast<const uint8_t*>(kHost.data()), kHost.size()});
  appendDer(list, 0x87, kIpv4);
  appendDer(list, 0x87, kIpv6);
  std::vector<uint8_t> out;
  appendDer(out, 0x30, list);
  return out;
}

struct Maker {
  WC_RNG rng{};
  ecc_key key{};
  bool rngReady = false;
  bool keyReady = false;
  ~Maker() {
    if (keyReady) wc_ecc_free(&key);
    if (rngReady) wc_FreeRng(&rng);
  }

  /// The DER of the certificate; wolfCrypt's error as a sentence.
  Result<std::vector<uint8_t>> make() {
    const std::vector<uint8_t> alternative = generalNames();
    auto cert = std::make_unique<Cert>();  // tens of KiB
    int result = wc_InitRng(&rng);
    rngReady = result == 0;
    if (result == 0) {
      result = wc_ecc_init(&key);
      keyReady = result == 0;
    }
    if (result == 0) result = wc_ecc_make_key_ex(&rng, 32, &key, ECC_SECP256R1);
    if (result == 0) result = wc_InitCert(cert.get());
    if (result != 0) return fail("no key for a self-signed certificate: " + tlsErrorText(result));
    cert->sigType = CTC_SHA256wECDSA;
    cert->daysValid = kDays;
    cert->isCA = 1;  // so that the certificate itself can be put into a trust store
    std::memcpy(cert->subject.commonName, kHost.data(), kHost.size());  // the rest is zero
    std::memcpy(cert->altNames, alternative.data(), alternative.size());
    cert->altNamesSz = static_cast<int>(alternative.size());
    std::vector<uint8_t> der(kMaxDer);
    result =
        wc_MakeCert(cert.get(), der.data(), static_cast<word32>(der.size()), nullptr, &key, &rng);
    if (result > 0)
      result = wc_SignCert(cert->bodySz, cert->sigType, der.data(), static_cast<word32>(der.size()),
                           nullptr, &key, &rng);
    if (result <= 0) return fail("no self-signed certificate: " + tlsErrorText(result));
    der.resize(static_cast<size_t>(result));
    return der;
  }
};

Result<SecretBytes> pemOf(std::span<const uint8_t> der, int type) {
  SecretBytes out(der.size() * 2 + 256);
  int size = wc_DerToPem(der.data(), static_cast<word32>(der.size()), out.data(),
                         static_cast<word32>(out.size()), type);
  if (size <= 0) return fail("no PEM for a self-signed certificate: " + tlsErrorText(size));
  out.truncate(static_cast<size_t>(size));
  return out;
}

}  // namespace

Result<SelfSigned> makeSelfSigned() {
  Maker maker;
  auto der = maker.make();
  if (!der) return tl::unexpected(der.error());
  auto certPem = pemOf(*der, CERT_TYPE);
  if (!certPem) return tl::unexpected(certPem.error());
  SecretBytes keyDer(1024);
  int keySize = wc_EccKeyToDer(&maker.key, keyDer.data(), static_cast<word32>(keyDer.size()));
  if (keySize <= 0) return fail("no key for a self-signed certificate: " + tlsErrorText(keySize));
  auto keyPem = pemOf(keyDer.span().first(static_cast<size_t>(keySize)), ECC_PRIVATEKEY_TYPE);
  if (!keyPem) return tl::unexpected(keyPem.error());
  SelfSigned out;
  out.fingerprint = fingerprintOf(*der);
  PemFile cert{"(self-signed)", std::move(*certPem)};
  PemFile key{"(self-signed)", std::move(*keyPem)};
  auto credentials = Credentials::load(cert, &key);
  if (!credentials) return fail(credentials.error().text());
  out.credentials = std::move(*credentials);
  return out;
}

#else

Result<SelfSigned> makeSelfSigned() {
  return fail(
      "this build's wolfSSL cannot make certificates (it lacks certgen or WOLFSSL_ALT_NAMES): use "
      "cert and key");
}

#endif

}  // namespace culvert
