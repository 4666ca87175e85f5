// SPDX-License-Identifier: GPL-3.0-or-later
// See key_info.h.
#include "tls/x509/key_info.h"

#include <fmt/format.h>

#include <bit>
#include <optional>
#include <string_view>

#include "tls/library/wolfssl.h"
#include "tls/x509/der_reader.h"
#include "tls/x509/oid.h"

namespace culvert {

namespace {

using Bytes = std::span<const uint8_t>;

constexpr unsigned kLongestRsa = RSA_MAX_SIZE;  // the limit of this wolfSSL build
constexpr std::string_view kPssOid = "1.2.840.113549.1.1.10";

struct Curve {
  std::string_view oid;
  std::string_view name;
  unsigned bits;
  bool served;
};
constexpr Curve kCurves[] = {
    {"1.2.840.10045.3.1.7", "P-256", 256, true},
    {"1.3.132.0.34", "P-384", 384, true},
    {"1.3.132.0.35", "P-521", 521, true},
    {"1.2.840.10045.3.1.1", "P-192", 192, false},
    {"1.3.132.0.33", "P-224", 224, false},
    {"1.3.132.0.10", "secp256k1", 256, false},
    {"1.3.132.0.31", "secp192k1", 192, false},
    {"1.3.132.0.32", "secp224k1", 224, false},
    {"1.3.36.3.3.2.8.1.1.1", "brainpoolP160r1", 160, false},
    {"1.3.36.3.3.2.8.1.1.3", "brainpoolP192r1", 192, false},
    {"1.3.36.3.3.2.8.1.1.5", "brainpoolP224r1", 224, false},
    {"1.3.36.3.3.2.8.1.1.7", "brainpoolP256r1", 256, false},
    {"1.3.36.3.3.2.8.1.1.8", "brainpoolP256t1", 256, false},
    {"1.3.36.3.3.2.8.1.1.9", "brainpoolP320r1", 320, false},
    {"1.3.36.3.3.2.8.1.1.11", "brainpoolP384r1", 384, false},
    {"1.3.36.3.3.2.8.1.1.12", "brainpoolP384t1", 384, false},
    {"1.3.36.3.3.2.8.1.1.13", "brainpoolP512r1", 512, false},
    {"1.3.36.3.3.2.8.1.1.14", "brainpoolP512t1", 512, false},
    {"1.2.156.10197.1.301", "SM2", 256, false},
};

/// An AlgorithmIdentifier: the object identifier, and the item with its parameters.
struct KeyAlgorithm {
  std::string oid;
  std::optional<DerItem> parameters;
};

std::optional<KeyAlgorithm> keyAlgorithmOf(const std::optional<DerItem>& item) {
  if (!item) return std::nullopt;
  DerReader parts(item->body);
  const auto oid = parts.next(DerReader::kOid);
  if (!oid) return std::nullopt;
  return KeyAlgorithm{dottedOid(oid->body), parts.next()};
}

std::string faultOf(std::string_view text) {
  return fmt::format(
      "{} cannot be used (RSA up to {} bits, ECDSA P-256, P-384 and P-521, and Ed25519 can)", text,
      kLongestRsa);
}

KeyInfo ecdsaInfo(const std::optional<DerItem>& parameters) {
  KeyInfo out{.type = KeyType::kEcdsa};
  if (!parameters || parameters->tag != DerReader::kOid) {
    out.text = "ECDSA with explicit parameters";
    out.fault = faultOf(out.text);
    return out;
  }
  const std::string oid = dottedOid(parameters->body);
  out.text = "ECDSA on the curve " + oid;
  bool served = false;
  for (const Curve& curve : kCurves) {
    if (curve.oid != oid) continue;
    out.text = fmt::format("ECDSA {}", curve.name);
    out.bits = curve.bits;
    served = curve.served;
  }
  if (!served) out.fault = faultOf(out.text);
  return out;
}

unsigned bitsOf(Bytes integer) {
  while (!integer.empty() && integer[0] == 0) integer = integer.subspan(1);
  if (integer.empty()) return 0;
  return static_cast<unsigned>(8 * (integer.size() - 1)) +
         static_cast<unsigned>(std::bit_width(integer[0]));
}

/// Describes an RSA key. `key` is an RSAPublicKey or, if `secret` is true, an RSAPrivateKey, which
/// starts with a version.
KeyInfo rsaInfo(Bytes key, bool secret) {
  DerReader file(key);
  DerReader numbers(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  if (secret) (void)numbers.next(DerReader::kInteger);
  KeyInfo out{.type = KeyType::kRsa};
  out.bits = bitsOf(numbers.next(DerReader::kInteger).value_or(DerItem{}).body);
  out.text = fmt::format("RSA-{}", out.bits);
  if (out.bits > kLongestRsa) out.fault = faultOf(out.text);
  return out;
}

/// Returns the TLS number of the hash in an AlgorithmIdentifier, or 0 for a hash that is not
/// SHA-256, SHA-384 or SHA-512.
uint16_t hashNumber(const std::optional<DerItem>& algorithm) {
  const auto hash = keyAlgorithmOf(algorithm);
  if (!hash) return 0;
  if (hash->oid == "2.16.840.1.101.3.4.2.1") return 4;
  if (hash->oid == "2.16.840.1.101.3.4.2.2") return 5;
  if (hash->oid == "2.16.840.1.101.3.4.2.3") return 6;
  return 0;
}

/// Returns the TLS signature scheme for the RSASSA-PSS-params (RFC 4055 3.1) of a key, or 0 if no
/// scheme fits. A TLS scheme uses one hash for the message and the mask, and a salt as long as the
/// hash (RFC 8446 4.2.3).
uint16_t schemeFor(Bytes params) {
  DerReader fields(params);
  const auto inside = [&fields](uint8_t n) {
    const auto field = fields.next(DerReader::context(n));
    return field ? DerReader(field->body).next() : std::nullopt;
  };
  const uint16_t hash = hashNumber(inside(0));
  const auto mask = keyAlgorithmOf(inside(1));
  const auto salt = inside(2);
  const unsigned length = !salt || salt->body.size() != 1 ? 20 : salt->body[0];
  if (hash == 0 || !mask || hashNumber(mask->parameters) != hash) return 0;
  if (length > 16U * (hash - 2U)) return 0;
  return static_cast<uint16_t>(0x0805 + hash);
}

void makePss(KeyInfo& info, const std::optional<DerItem>& parameters) {
  info.pss = true;
  info.text = fmt::format("RSA-PSS-{}", info.bits);
  if (!info.fault.empty()) info.fault = faultOf(info.text);
  if (!parameters || parameters->tag != DerReader::kSequence) return;
  info.pssScheme = schemeFor(parameters->body);
  if (info.pssScheme == 0)
    info.fault = info.text + " has parameters that do not match any TLS signature scheme";
}

/// Describes a key. `key` is the key in the structure that `algorithm` defines.
KeyInfo infoOf(const KeyAlgorithm& algorithm, Bytes key, bool secret) {
  const std::string& oid = algorithm.oid;
  if (oid == "1.2.840.113549.1.1.1") return rsaInfo(key, secret);
  if (oid == kPssOid) {
    KeyInfo info = rsaInfo(key, secret);
    makePss(info, algorithm.parameters);
    return info;
  }
  if (oid == "1.2.840.10045.2.1") return ecdsaInfo(algorithm.parameters);
  if (oid == "1.3.101.112") {
    KeyInfo info{.type = KeyType::kEd25519, .bits = 256, .text = "Ed25519"};
#ifndef HAVE_ED25519
    info.fault = "this build's wolfSSL does not support Ed25519";
#endif
    return info;
  }
  if (oid == "1.3.101.113")
    return {.type = KeyType::kEd448, .bits = 456, .text = "Ed448", .fault = faultOf("Ed448")};
  KeyInfo info;
  info.text = oid == "1.2.840.10040.4.1"                  ? "DSA"
              : oid.starts_with("2.16.840.1.101.3.4.3.1") ? "ML-DSA"
                                                          : "a key of type " + oid;
  info.fault = faultOf(info.text);
  return info;
}

/// A private key in PKCS#8 (RFC 5208 5), which contains a version, an algorithm and a key.
struct WrappedKey {
  KeyAlgorithm algorithm;
  Bytes key;
};

std::optional<WrappedKey> unwrap(Bytes der) {
  DerReader file(der);
  DerReader parts(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  const auto version = parts.next(DerReader::kInteger);
  auto algorithm = keyAlgorithmOf(parts.next(DerReader::kSequence));
  const auto key = parts.next(DerReader::kOctets);
  if (!version || !algorithm || !key) return std::nullopt;
  return WrappedKey{std::move(*algorithm), key->body};
}

/// Describes a private key that is not in PKCS#8. SEC1 (RFC 5915 3) has the curve in [0]. PKCS#1
/// has a second number after the version.
KeyInfo bareKeyInfo(Bytes der) {
  DerReader file(der);
  DerReader parts(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  (void)parts.next(DerReader::kInteger);
  if (parts.peek() == DerReader::kInteger) return rsaInfo(der, true);
  const auto secret = parts.next(DerReader::kOctets);
  if (!secret) return {};
  if (const auto curve = parts.next(DerReader::context(0)))
    return ecdsaInfo(DerReader(curve->body).next());
  // SEC1 does not require the curve (RFC 5915 3). Without the curve, the key length identifies the
  // curve.
  for (const Curve& curve : kCurves)
    if (curve.served && secret->body.size() == (curve.bits + 7) / 8)
      return {
          .type = KeyType::kEcdsa, .bits = curve.bits, .text = fmt::format("ECDSA {}", curve.name)};
  return {};
}

bool decodes(KeyType type, Bytes der) {
  word32 index = 0;
  const auto size = static_cast<word32>(der.size());
  int result = ASN_PARSE_E;
  switch (type) {
    case KeyType::kRsa: {
      RsaKey key;
      wc_InitRsaKey(&key, nullptr);
      result = wc_RsaPrivateKeyDecode(der.data(), &index, &key, size);
      wc_FreeRsaKey(&key);
      break;
    }
    case KeyType::kEcdsa: {
      ecc_key key;
      wc_ecc_init(&key);
      result = wc_EccPrivateKeyDecode(der.data(), &index, &key, size);
      wc_ecc_free(&key);
      break;
    }
#ifdef HAVE_ED25519
    case KeyType::kEd25519: {
      ed25519_key key;
      wc_ed25519_init(&key);
      result = wc_Ed25519PrivateKeyDecode(der.data(), &index, &key, size);
      wc_ed25519_free(&key);
      break;
    }
#endif
    default:
      break;
  }
  return result == 0;
}

}  // namespace

KeyInfo readPublicKey(Bytes spki) {
  DerReader file(spki);
  DerReader parts(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  const auto algorithm = keyAlgorithmOf(parts.next(DerReader::kSequence));
  const auto key = parts.next(DerReader::kBitString);
  if (!algorithm || !key || key->body.empty())
    return {.text = "unknown kind of key", .fault = faultOf("a malformed key")};
  return infoOf(*algorithm, key->body.subspan(1), false);
}

Bytes subjectKeyOf(Bytes certificate) {
  DerReader file(certificate);
  DerReader whole(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  DerReader fields(whole.next(DerReader::kSequence).value_or(DerItem{}).body);
  (void)fields.next(DerReader::context(0));  // version
  (void)fields.next(DerReader::kInteger);
  for (int i = 0; i < 4; ++i)  // signature, issuer, validity, subject
    if (!fields.next(DerReader::kSequence)) return {};
  return fields.next(DerReader::kSequence).value_or(DerItem{}).whole;
}

Bytes insideOfPssKey(Bytes der) {
  const auto wrapped = unwrap(der);
  return wrapped && wrapped->algorithm.oid == kPssOid ? wrapped->key : Bytes();
}

Result<KeyInfo> readPrivateKey(Bytes der) {
  const auto wrapped = unwrap(der);
  KeyInfo info = wrapped ? infoOf(wrapped->algorithm, wrapped->key, true) : bareKeyInfo(der);
  if (!info.fault.empty()) return fail("has an unsupported type: " + info.fault);
  const Bytes inside = insideOfPssKey(der);
  if (!decodes(info.type, inside.empty() ? der : inside))
    return fail("is not a supported private key (ECDSA P-256, P-384, P-521, RSA and Ed25519 are)");
  return info;
}

}  // namespace culvert
