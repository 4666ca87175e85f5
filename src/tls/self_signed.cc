// SPDX-License-Identifier: GPL-3.0-or-later
// A fresh key and a certificate for it, through wolfCrypt's certificate generation.
#include "tls/self_signed.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "base/ascii.h"
#include "tls/tls_error.h"
#include "tls/wolfssl.h"

namespace culvert {

#if defined(WOLFSSL_CERT_GEN) && defined(WOLFSSL_ALT_NAMES)

namespace {

constexpr size_t kMaxDer = 16384;
constexpr size_t kMaxNames = 64;
constexpr size_t kMaxCommonName = 63;  // CTC_NAME_SIZE with its end

/// DER: tag, length, contents.
void appendDer(std::vector<uint8_t>& out, uint8_t tag, std::span<const uint8_t> contents) {
  out.push_back(tag);
  size_t size = contents.size();
  if (size >= 256) {
    out.insert(out.end(), {0x82, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)});
  } else if (size >= 128) {
    out.insert(out.end(), {0x81, static_cast<uint8_t>(size)});
  } else {
    out.push_back(static_cast<uint8_t>(size));
  }
  out.insert(out.end(), contents.begin(), contents.end());
}

/// GeneralNames (RFC 5280 4.2.1.6): dNSName is [2], iPAddress is [7].
Result<std::vector<uint8_t>> generalNames(std::span<const std::string> names) {
  std::vector<uint8_t> list;
  for (const std::string& name : names) {
    in6_addr address{};
    if (::inet_pton(AF_INET, name.c_str(), &address) == 1) {
      appendDer(list, 0x87, {reinterpret_cast<const uint8_t*>(&address), 4});
    } else if (::inet_pton(AF_INET6, name.c_str(), &address) == 1) {
      appendDer(list, 0x87, {reinterpret_cast<const uint8_t*>(&address), 16});
    } else {
      bool fine =
          !name.empty() && name.size() <= 253 && std::all_of(name.begin(), name.end(), [](char c) {
            return isAlnum(c) || c == '-' || c == '.' || c == '_' || c == '*';
          });
      if (!fine)
        return fail(fmt::format("\"{}\" is no host name or address for a certificate", name));
      appendDer(list, 0x82, {reinterpret_cast<const uint8_t*>(name.data()), name.size()});
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

  /// The DER of the certificate; wolfCrypt's error as a sentence.
  Result<std::vector<uint8_t>> make(std::span<const std::string> names, unsigned days) {
    auto alternative = generalNames(names);
    if (!alternative) return tl::unexpected(alternative.error());
    if (alternative->size() > CTC_MAX_ALT_SIZE) return fail("too many names for a certificate");
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
    cert->daysValid = static_cast<int>(days);
    cert->isCA = 1;  // so that the certificate itself can be put into a trust store
    std::string common =
        names.front().size() <= kMaxCommonName ? names.front() : "culvert self-signed";
    std::strncpy(cert->subject.commonName, common.c_str(), CTC_NAME_SIZE - 1);
    std::memcpy(cert->altNames, alternative->data(), alternative->size());
    cert->altNamesSz = static_cast<int>(alternative->size());
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

Result<SelfSigned> makeSelfSigned(std::span<const std::string> names, unsigned days) {
  static const std::vector<std::string> kDefaults = {"localhost", "127.0.0.1", "::1"};
  if (names.empty()) names = kDefaults;
  if (names.size() > kMaxNames) return fail("too many names for a certificate");
  Maker maker;
  auto der = maker.make(names, days);
  if (!der) return tl::unexpected(der.error());
  auto certPem = pemOf(*der, CERT_TYPE);
  if (!certPem) return tl::unexpected(certPem.error());
  SecretBytes keyDer(1024);
  int keySize = wc_EccKeyToDer(&maker.key, keyDer.data(), static_cast<word32>(keyDer.size()));
  if (keySize <= 0) return fail("no key for a self-signed certificate: " + tlsErrorText(keySize));
  auto keyPem = pemOf(keyDer.span().first(static_cast<size_t>(keySize)), ECC_PRIVATEKEY_TYPE);
  if (!keyPem) return tl::unexpected(keyPem.error());
  SelfSigned out;
  out.certificatePem = std::string(certPem->text());
  out.fingerprint = fingerprintOf(*der);
  PemFile cert{"(self-signed)", std::move(*certPem)};
  PemFile key{"(self-signed)", std::move(*keyPem)};
  auto credentials = Credentials::load(cert, &key);
  if (!credentials) return fail(credentials.error().text());
  out.credentials = std::move(*credentials);
  return out;
}

#else

Result<SelfSigned> makeSelfSigned(std::span<const std::string>, unsigned) {
  return fail(
      "this build's wolfSSL cannot make certificates (it lacks certgen or WOLFSSL_ALT_NAMES): use "
      "cert and key");
}

#endif

}  // namespace culvert
