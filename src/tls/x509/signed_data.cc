// SPDX-License-Identifier: GPL-3.0-or-later
// See signed_data.h.
#include "tls/x509/signed_data.h"

#include <array>
#include <string_view>
#include <vector>

#include "tls/library/wolfssl.h"

// clang-format off
#include <wolfssl/wolfcrypt/hash.h>
#include <wolfssl/wolfcrypt/signature.h>
// clang-format on

namespace culvert {
namespace {

using Bytes = std::span<const uint8_t>;

enum class SignatureKind : uint8_t { kRsa, kPss, kEcdsa, kEd25519 };

struct SignatureAlgorithm {
  std::string_view oid;  // in DER
  SignatureKind scheme;
  wc_HashType hash;  // unused for kPss, whose parameters name the hash
};

constexpr SignatureAlgorithm kAlgorithms[] = {
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x02", SignatureKind::kRsa, WC_HASH_TYPE_MD2},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", SignatureKind::kRsa, WC_HASH_TYPE_MD5},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", SignatureKind::kRsa, WC_HASH_TYPE_SHA},
    {"\x2b\x0e\x03\x02\x1d", SignatureKind::kRsa, WC_HASH_TYPE_SHA},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", SignatureKind::kRsa, WC_HASH_TYPE_SHA256},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", SignatureKind::kRsa, WC_HASH_TYPE_SHA384},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", SignatureKind::kRsa, WC_HASH_TYPE_SHA512},
    {"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a", SignatureKind::kPss, WC_HASH_TYPE_NONE},
    {"\x2a\x86\x48\xce\x3d\x04\x01", SignatureKind::kEcdsa, WC_HASH_TYPE_SHA},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x02", SignatureKind::kEcdsa, WC_HASH_TYPE_SHA256},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x03", SignatureKind::kEcdsa, WC_HASH_TYPE_SHA384},
    {"\x2a\x86\x48\xce\x3d\x04\x03\x04", SignatureKind::kEcdsa, WC_HASH_TYPE_SHA512},
    {"\x2b\x65\x70", SignatureKind::kEd25519, WC_HASH_TYPE_NONE},
};

struct PssParameters {
  wc_HashType hash = WC_HASH_TYPE_SHA;  // the default of RFC 8017 A.2.3
  int mgf = 0;
  int saltLength = 20;
};

wc_HashType hashOf(std::string_view oid) {
  if (oid == "\x60\x86\x48\x01\x65\x03\x04\x02\x01") return WC_HASH_TYPE_SHA256;
  if (oid == "\x60\x86\x48\x01\x65\x03\x04\x02\x02") return WC_HASH_TYPE_SHA384;
  if (oid == "\x60\x86\x48\x01\x65\x03\x04\x02\x03") return WC_HASH_TYPE_SHA512;
  return oid == "\x2b\x0e\x03\x02\x1a" ? WC_HASH_TYPE_SHA : WC_HASH_TYPE_NONE;
}

/// Returns the hash that an AlgorithmIdentifier names.
wc_HashType hashIn(Bytes identifier) {
  DerReader names(identifier);
  const auto oid = names.next(DerReader::kOid);
  return oid ? hashOf(asText(oid->body)) : WC_HASH_TYPE_NONE;
}

bool isWeak(wc_HashType hash) {
  return hash == WC_HASH_TYPE_SHA || hash == WC_HASH_TYPE_MD5 || hash == WC_HASH_TYPE_MD2;
}

/// Reads RSASSA-PSS-params. Returns nothing if a parameter is not supported. If the hash is weak,
/// fills only the hash.
std::optional<PssParameters> readPss(Bytes body) {
  PssParameters out;
  DerReader fields(body);
  if (const auto hash = fields.next(DerReader::context(0)))
    out.hash = hashIn(DerReader(hash->body).next(DerReader::kSequence).value_or(DerItem{}).body);
  if (isWeak(out.hash)) return out;
  if (const auto mask = fields.next(DerReader::context(1))) {
    DerReader generator(DerReader(mask->body).next(DerReader::kSequence).value_or(DerItem{}).body);
    (void)generator.next(DerReader::kOid);  // always MGF1, so skip it
    if (hashIn(generator.next(DerReader::kSequence).value_or(DerItem{}).body) != out.hash)
      return std::nullopt;
  }
  if (const auto salt = fields.next(DerReader::context(2))) {
    const auto number = DerReader(salt->body).next(DerReader::kInteger);
    if (!number || number->body.size() != 1 || number->body[0] > 0x7f) return std::nullopt;
    out.saltLength = number->body[0];
  }
  switch (out.hash) {
    case WC_HASH_TYPE_SHA256:
      out.mgf = WC_MGF1SHA256;
      return out;
    case WC_HASH_TYPE_SHA384:
      out.mgf = WC_MGF1SHA384;
      return out;
    case WC_HASH_TYPE_SHA512:
      out.mgf = WC_MGF1SHA512;
      return out;
    default:
      return std::nullopt;
  }
}

word32 sizeOf(Bytes bytes) { return static_cast<word32>(bytes.size()); }

struct RsaPublic {
  RsaKey key;
  bool sound;
  explicit RsaPublic(Bytes info) : sound(wc_InitRsaKey(&key, nullptr) == 0) {
    word32 at = 0;
    sound = sound && wc_RsaPublicKeyDecode(info.data(), &at, &key, sizeOf(info)) == 0;
  }
  RsaPublic(const RsaPublic&) = delete;
  RsaPublic& operator=(const RsaPublic&) = delete;
  ~RsaPublic() { wc_FreeRsaKey(&key); }
};

bool verifyRsa(const SignedData& data, wc_HashType hash, Bytes publicKey) {
  RsaPublic rsa(publicKey);
  return rsa.sound && wc_SignatureVerify(hash, WC_SIGNATURE_TYPE_RSA_W_ENC, data.body.data(),
                                         sizeOf(data.body), data.signature.data(),
                                         sizeOf(data.signature), &rsa.key, sizeof(rsa.key)) == 0;
}

bool verifyPss([[maybe_unused]] const SignedData& data,
               [[maybe_unused]] const PssParameters& parameters, [[maybe_unused]] Bytes publicKey) {
#ifdef WC_RSA_PSS
  std::array<uint8_t, 64> digest{};
  const auto size = static_cast<word32>(wc_HashGetDigestSize(parameters.hash));
  if (wc_Hash(parameters.hash, data.body.data(), sizeOf(data.body), digest.data(), size) != 0)
    return false;
  RsaPublic rsa(publicKey);
  if (!rsa.sound) return false;
  std::vector<uint8_t> bytes(data.signature.begin(), data.signature.end());
  byte* encoded = nullptr;
  const int found =
      wc_RsaPSS_VerifyInline_ex(bytes.data(), sizeOf(bytes), &encoded, parameters.hash,
                                parameters.mgf, parameters.saltLength, &rsa.key);
  return found > 0 && wc_RsaPSS_CheckPadding_ex(
                          digest.data(), size, encoded, static_cast<word32>(found), parameters.hash,
                          parameters.saltLength, wc_RsaEncryptSize(&rsa.key) * 8) == 0;
#else
  return false;
#endif
}

bool verifyEcdsa(const SignedData& data, wc_HashType hash, Bytes publicKey) {
  ecc_key key;
  if (wc_ecc_init(&key) != 0) return false;
  word32 at = 0;
  const bool sound =
      wc_EccPublicKeyDecode(publicKey.data(), &at, &key, sizeOf(publicKey)) == 0 &&
      wc_SignatureVerify(hash, WC_SIGNATURE_TYPE_ECC, data.body.data(), sizeOf(data.body),
                         data.signature.data(), sizeOf(data.signature), &key, sizeof(key)) == 0;
  wc_ecc_free(&key);
  return sound;
}

bool verifyEd25519([[maybe_unused]] const SignedData& data, [[maybe_unused]] Bytes publicKey) {
#ifdef HAVE_ED25519
  ed25519_key key;
  if (wc_ed25519_init(&key) != 0) return false;
  word32 at = 0;
  int good = 0;
  const bool done =
      wc_Ed25519PublicKeyDecode(publicKey.data(), &at, &key, sizeOf(publicKey)) == 0 &&
      wc_ed25519_verify_msg(data.signature.data(), sizeOf(data.signature), data.body.data(),
                            sizeOf(data.body), &good, &key) == 0;
  wc_ed25519_free(&key);
  return done && good == 1;
#else
  return false;
#endif
}

bool verifyWith(const SignatureAlgorithm& algorithm, const SignedData& data,
                const PssParameters& pss, Bytes publicKey) {
  switch (algorithm.scheme) {
    case SignatureKind::kRsa:
      return verifyRsa(data, algorithm.hash, publicKey);
    case SignatureKind::kPss:
      return verifyPss(data, pss, publicKey);
    case SignatureKind::kEcdsa:
      return verifyEcdsa(data, algorithm.hash, publicKey);
    case SignatureKind::kEd25519:
      return verifyEd25519(data, publicKey);
  }
  return false;
}

}  // namespace

std::optional<SignedData> readSignedData(DerReader& reader) {
  const auto body = reader.next(DerReader::kSequence);
  const auto algorithm = reader.next(DerReader::kSequence);
  const auto bits = reader.next(DerReader::kBitString);
  if (!body || !algorithm || !bits || bits->body.size() < 2 || bits->body[0] != 0)
    return std::nullopt;
  return SignedData{body->whole, algorithm->body, bits->body.subspan(1)};
}

SignatureVerdict verifySignature(const SignedData& data, Bytes publicKey) {
  DerReader fields(data.algorithm);
  const auto oid = fields.next(DerReader::kOid);
  if (!oid) return SignatureVerdict::kUnknown;
  for (const SignatureAlgorithm& algorithm : kAlgorithms) {
    if (algorithm.oid != asText(oid->body)) continue;
    std::optional<PssParameters> pss = PssParameters{};
    if (algorithm.scheme == SignatureKind::kPss)
      pss = readPss(fields.next(DerReader::kSequence).value_or(DerItem{}).body);
    if (!pss) return SignatureVerdict::kUnknown;
    if (isWeak(algorithm.scheme == SignatureKind::kPss ? pss->hash : algorithm.hash))
      return SignatureVerdict::kWeak;
    return verifyWith(algorithm, data, *pss, publicKey) ? SignatureVerdict::kSound
                                                        : SignatureVerdict::kFalse;
  }
  return SignatureVerdict::kUnknown;
}

Bytes publicKeyOf(Bytes certificate) {
  DerReader file(certificate);
  DerReader parts(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  DerReader fields(parts.next(DerReader::kSequence).value_or(DerItem{}).body);
  (void)fields.next(DerReader::context(0));  // version
  (void)fields.next(DerReader::kInteger);    // serialNumber
  for (int skipped = 0; skipped < 4; ++skipped)
    (void)fields.next(DerReader::kSequence);  // signature, issuer, validity, subject
  return fields.next(DerReader::kSequence).value_or(DerItem{}).whole;
}

}  // namespace culvert
