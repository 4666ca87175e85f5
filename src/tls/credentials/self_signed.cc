// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a new key and a certificate for that key, with wolfCrypt's certificate generation.
#include "tls/credentials/self_signed.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"

namespace culvert {

#if defined(WOLFSSL_CERT_GEN) && defined(WOLFSSL_ALT_NAMES)

namespace {

constexpr size_t kMaxDer = 16384;
constexpr int kDays = 365;
const std::vector<std::string> kLocalNames = {"localhost", "127.0.0.1", "::1"};

/// Appends a DER item: the tag, the length and the contents.
void appendDer(std::vector<uint8_t>& out, uint8_t tag, std::span<const uint8_t> contents) {
  out.push_back(tag);
  const size_t size = contents.size();
  if (size >= 0x100) out.push_back(0x82);
  if (size >= 0x100) out.push_back(static_cast<uint8_t>(size >> 8));
  if (size >= 0x80 && size < 0x100) out.push_back(0x81);
  out.push_back(static_cast<uint8_t>(size));
  out.insert(out.end(), contents.begin(), contents.end());
}

/// Encodes `names` as GeneralNames (RFC 5280 4.2.1.6), with dNSName as [2] and iPAddress as [7].
std::vector<uint8_t> generalNames(const std::vector<std::string>& names) {
  std::vector<uint8_t> list;
  for (const std::string& name : names) {
    uint8_t address[16];
    if (::inet_pton(AF_INET, name.c_str(), address) == 1) {
      appendDer(list, 0x87, std::span(address).first(4));
    } else if (::inet_pton(AF_INET6, name.c_str(), address) == 1) {
      appendDer(list, 0x87, address);
    } else {
      appendDer(list, 0x82, asBytes(name));
    }
  }
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

  /// Returns the certificate in DER, or wolfCrypt's error as text.
  Result<std::vector<uint8_t>> make(const std::vector<std::string>& names) {
    const std::vector<uint8_t> alternative = generalNames(names);
    auto cert = std::make_unique<Cert>();  // a Cert takes tens of KiB
    if (alternative.size() > sizeof(cert->altNames))
      return fail("cannot make a self-signed certificate: too many or too long names");
    int result = wc_InitRng(&rng);
    rngReady = result == 0;
    if (result == 0) {
      result = wc_ecc_init(&key);
      keyReady = result == 0;
    }
    if (result == 0) result = wc_ecc_make_key_ex(&rng, 32, &key, ECC_SECP256R1);
    if (result == 0) result = wc_InitCert(cert.get());
    if (result != 0)
      return fail("cannot make a key for a self-signed certificate: " + tlsErrorText(result));
    cert->sigType = CTC_SHA256wECDSA;
    cert->daysValid = kDays;
    cert->isCA = 1;  // clients can add the certificate to a trust store
    // All other fields stay zero. A common name may have at most 64 characters, so truncate the
    // name. The lost characters do not matter, because clients check the subject alternative names.
    std::memcpy(cert->subject.commonName, names[0].data(), std::min<size_t>(names[0].size(), 63));
    std::memcpy(cert->altNames, alternative.data(), alternative.size());
    cert->altNamesSz = static_cast<int>(alternative.size());
    std::vector<uint8_t> der(kMaxDer);
    result =
        wc_MakeCert(cert.get(), der.data(), static_cast<word32>(der.size()), nullptr, &key, &rng);
    if (result > 0)
      result = wc_SignCert(cert->bodySz, cert->sigType, der.data(), static_cast<word32>(der.size()),
                           nullptr, &key, &rng);
    if (result <= 0) return fail("cannot make a self-signed certificate: " + tlsErrorText(result));
    der.resize(static_cast<size_t>(result));
    return der;
  }
};

Result<SecretBytes> pemOf(std::span<const uint8_t> der, int type) {
  SecretBytes out(der.size() * 2 + 256);
  int size = wc_DerToPem(der.data(), static_cast<word32>(der.size()), out.data(),
                         static_cast<word32>(out.size()), type);
  if (size <= 0)
    return fail("cannot write a self-signed certificate as PEM: " + tlsErrorText(size));
  out.truncate(static_cast<size_t>(size));
  return out;
}

}  // namespace

Result<SelfSigned> makeSelfSigned(const std::vector<std::string>& names) {
  Maker maker;
  auto der = maker.make(names.empty() ? kLocalNames : names);
  if (!der) return tl::unexpected(der.error());
  auto certPem = pemOf(*der, CERT_TYPE);
  if (!certPem) return tl::unexpected(certPem.error());
  SecretBytes keyDer(1024);
  int keySize = wc_EccKeyToDer(&maker.key, keyDer.data(), static_cast<word32>(keyDer.size()));
  if (keySize <= 0)
    return fail("cannot make a key for a self-signed certificate: " + tlsErrorText(keySize));
  auto keyPem = pemOf(keyDer.span().first(static_cast<size_t>(keySize)), ECC_PRIVATEKEY_TYPE);
  if (!keyPem) return tl::unexpected(keyPem.error());
  SelfSigned out;
  out.fingerprint = fingerprintOf(*der);
  PemFile cert{kSelfSignedPath, std::move(*certPem)};
  PemFile key{kSelfSignedPath, std::move(*keyPem)};
  auto credentials = Credentials::load(cert, &key);
  if (!credentials) return fail(credentials.error().text());
  out.credentials = std::move(*credentials);
  return out;
}

#else

Result<SelfSigned> makeSelfSigned(const std::vector<std::string>&) {
  return fail(
      "this build's wolfSSL cannot make certificates (it lacks certgen or WOLFSSL_ALT_NAMES): use "
      "cert and key");
}

#endif

}  // namespace culvert
