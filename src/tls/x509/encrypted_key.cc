// SPDX-License-Identifier: GPL-3.0-or-later
// See encrypted_key.h. A Scheme describes how a key is encrypted: how the cipher's key is derived
// from the passphrase, and which cipher is used.
#include "tls/x509/encrypted_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <optional>
#include <vector>

#include "base/ascii.h"
#include "base/big_endian.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "base/utf8.h"
#include "base/words.h"
#include "tls/library/md5.h"
#include "tls/library/wolfssl.h"
#include "tls/x509/der_reader.h"
#include "tls/x509/oid.h"

namespace culvert {

namespace {

using Bytes = std::span<const uint8_t>;

enum class Kdf : uint8_t { kMd5, kPbkdf1Md5, kPbkdf1Sha1, kPkcs12, kPbkdf2, kScrypt };
enum class Cipher : uint8_t { kOther, kAes, kTripleDes, kDes };

struct CipherInfo {
  std::string_view oid;  // identifier in PBES2
  std::string_view dek;  // name in a DEK-Info header
  std::string_view name;
  Cipher kind;
  size_t keySize;
};
// culvert does not support the ciphers of kind kOther. Their names are for error messages.
constexpr CipherInfo kCiphers[] = {
    {"2.16.840.1.101.3.4.1.2", "AES-128-CBC", "AES-128-CBC", Cipher::kAes, 16},
    {"2.16.840.1.101.3.4.1.22", "AES-192-CBC", "AES-192-CBC", Cipher::kAes, 24},
    {"2.16.840.1.101.3.4.1.42", "AES-256-CBC", "AES-256-CBC", Cipher::kAes, 32},
    {"1.2.840.113549.3.7", "DES-EDE3-CBC", "3DES", Cipher::kTripleDes, 24},
    {"1.3.14.3.2.7", "DES-CBC", "DES", Cipher::kDes, 8},
    {"2.16.840.1.101.3.4.1.3", "AES-128-OFB", "AES-128-OFB", Cipher::kOther, 0},
    {"2.16.840.1.101.3.4.1.4", "AES-128-CFB", "AES-128-CFB", Cipher::kOther, 0},
    {"2.16.840.1.101.3.4.1.23", "AES-192-OFB", "AES-192-OFB", Cipher::kOther, 0},
    {"2.16.840.1.101.3.4.1.24", "AES-192-CFB", "AES-192-CFB", Cipher::kOther, 0},
    {"2.16.840.1.101.3.4.1.43", "AES-256-OFB", "AES-256-OFB", Cipher::kOther, 0},
    {"2.16.840.1.101.3.4.1.44", "AES-256-CFB", "AES-256-CFB", Cipher::kOther, 0},
    {"1.2.840.113549.3.2", "RC2-CBC", "RC2", Cipher::kOther, 0},
    {"1.2.392.200011.61.1.1.1.2", "CAMELLIA-128-CBC", "Camellia-128-CBC", Cipher::kOther, 0},
    {"1.2.392.200011.61.1.1.1.3", "CAMELLIA-192-CBC", "Camellia-192-CBC", Cipher::kOther, 0},
    {"1.2.392.200011.61.1.1.1.4", "CAMELLIA-256-CBC", "Camellia-256-CBC", Cipher::kOther, 0},
    {"1.2.410.200046.1.1.2", "ARIA-128-CBC", "ARIA-128-CBC", Cipher::kOther, 0},
    {"1.2.410.200046.1.1.7", "ARIA-192-CBC", "ARIA-192-CBC", Cipher::kOther, 0},
    {"1.2.410.200046.1.1.12", "ARIA-256-CBC", "ARIA-256-CBC", Cipher::kOther, 0},
    {"1.2.410.200004.1.4", "SEED-CBC", "SEED", Cipher::kOther, 0},
    {"1.2.156.10197.1.104.2", "SM4-CBC", "SM4", Cipher::kOther, 0},
    {"1.3.6.1.4.1.188.7.1.1.2", "IDEA-CBC", "IDEA", Cipher::kOther, 0},
    {"1.3.6.1.4.1.3029.1.2", "BF-CBC", "Blowfish", Cipher::kOther, 0},
    {"1.2.840.113533.7.66.10", "CAST5-CBC", "CAST5", Cipher::kOther, 0},
};

struct PrfInfo {
  std::string_view oid;
  std::string_view name;
  int hash;  // wolfCrypt's number of the hash, or -1 if not supported
};
constexpr PrfInfo kPrfs[] = {
    {"1.2.840.113549.2.7", "SHA-1", WC_HASH_TYPE_SHA},
    {"1.2.840.113549.2.8", "SHA-224", WC_HASH_TYPE_SHA224},
    {"1.2.840.113549.2.9", "SHA-256", WC_HASH_TYPE_SHA256},
    {"1.2.840.113549.2.10", "SHA-384", WC_HASH_TYPE_SHA384},
    {"1.2.840.113549.2.11", "SHA-512", WC_HASH_TYPE_SHA512},
#ifdef WOLFSSL_SHA3
    {"2.16.840.1.101.3.4.2.13", "SHA3-224", WC_HASH_TYPE_SHA3_224},
    {"2.16.840.1.101.3.4.2.14", "SHA3-256", WC_HASH_TYPE_SHA3_256},
    {"2.16.840.1.101.3.4.2.15", "SHA3-384", WC_HASH_TYPE_SHA3_384},
    {"2.16.840.1.101.3.4.2.16", "SHA3-512", WC_HASH_TYPE_SHA3_512},
#endif
    {"1.2.840.113549.2.6", "MD5", -1},
    {"1.2.840.113549.2.12", "SHA-512/224", -1},
    {"1.2.840.113549.2.13", "SHA-512/256", -1},
};

// Limits for the decryption of one key at start: a few seconds of CPU time and 128 MiB of memory.
constexpr uint64_t kMostIterations = 10'000'000;
constexpr uint64_t kMostScryptMemory = uint64_t{128} << 20;
constexpr uint64_t kLongestScryptBlock = 8;  // wolfCrypt's limit

struct Scheme {
  std::string text;     ///< for example "PBES2: PBKDF2 with SHA-256, AES-256-CBC"
  bool known = true;    ///< culvert supports the scheme
  bool legacy = false;  ///< openssl needs its legacy provider to open the key
  Kdf kdf = Kdf::kPbkdf2;
  int hash = WC_HASH_TYPE_SHA;
  Cipher cipher = Cipher::kOther;
  size_t keySize = 0;
  std::vector<uint8_t> salt;
  std::vector<uint8_t> iv;
  uint64_t iterations = 1;
  uint64_t blockSize = 0;  ///< block size of scrypt; `iterations` is its N
  uint64_t parallel = 0;
  SecretBytes sealed;
};

bool canDecrypt([[maybe_unused]] Cipher cipher) {
#ifdef NO_DES3
  return cipher == Cipher::kAes;
#else
  return cipher != Cipher::kOther;
#endif
}

void setCipher(Scheme& scheme, const CipherInfo& cipher) {
  scheme.cipher = cipher.kind;
  scheme.keySize = cipher.keySize;
  scheme.text += cipher.name;
  scheme.known = scheme.known && canDecrypt(cipher.kind);
}

uint64_t numberOf(const std::optional<DerItem>& item) {
  if (!item || item->tag != DerReader::kInteger || item->body.size() > 8) return UINT64_MAX;
  return bigEndian(item->body);
}

std::vector<uint8_t> bytesOf(const std::optional<DerItem>& item) {
  if (!item || item->tag != DerReader::kOctets) return {};
  return {item->body.begin(), item->body.end()};
}

/// An AlgorithmIdentifier: the object identifier, and the item with its parameters.
struct Algorithm {
  std::string oid;
  std::optional<DerItem> parameters;
  DerReader fields() const { return DerReader(parameters ? parameters->body : Bytes()); }
};

Algorithm algorithmOf(const std::optional<DerItem>& item) {
  DerReader parts(item ? item->body : Bytes());
  const auto oid = parts.next(DerReader::kOid);
  return {oid ? dottedOid(oid->body) : std::string(), parts.next()};
}

void readPbkdf2(DerReader fields, Scheme& scheme) {
  scheme.kdf = Kdf::kPbkdf2;
  scheme.salt = bytesOf(fields.next());
  scheme.iterations = numberOf(fields.next());
  (void)fields.next(DerReader::kInteger);  // skip the key length, because the cipher determines it
  std::string oid = "1.2.840.113549.2.7";
  if (const auto prf = fields.next(DerReader::kSequence)) oid = algorithmOf(prf).oid;
  std::string name = oid;
  scheme.hash = -1;
  for (const PrfInfo& prf : kPrfs) {
    if (prf.oid != oid) continue;
    scheme.hash = prf.hash;
    name = prf.name;
  }
  scheme.known = scheme.hash != -1;
  scheme.text += fmt::format("PBKDF2 with {}, ", name);
  if (scheme.iterations <= kMostIterations) return;
  scheme.known = false;
  scheme.text += fmt::format("more than {} iterations, ", kMostIterations);
}

void readScrypt(DerReader fields, Scheme& scheme) {
  scheme.kdf = Kdf::kScrypt;
  scheme.salt = bytesOf(fields.next());
  scheme.iterations = numberOf(fields.next());
  scheme.blockSize = numberOf(fields.next());
  scheme.parallel = numberOf(fields.next());
  scheme.text += fmt::format("scrypt (N={}, r={}, p={}), ", scheme.iterations, scheme.blockSize,
                             scheme.parallel);
#ifdef HAVE_SCRYPT
  scheme.known = std::has_single_bit(scheme.iterations) && scheme.iterations > 1 &&
                 scheme.blockSize >= 1 && scheme.blockSize <= kLongestScryptBlock &&
                 scheme.iterations <= kMostScryptMemory / 128 / scheme.blockSize &&
                 scheme.parallel >= 1 && scheme.parallel <= 16;
#else
  scheme.known = false;
#endif
}

/// Reads the parameters of PBES2 (RFC 8018 A.4).
void readPbes2(DerReader fields, Scheme& scheme) {
  scheme.text = "PBES2: ";
  const Algorithm kdf = algorithmOf(fields.next(DerReader::kSequence));
  const Algorithm cipher = algorithmOf(fields.next(DerReader::kSequence));
  if (kdf.oid == "1.2.840.113549.1.5.12") {
    readPbkdf2(kdf.fields(), scheme);
  } else if (kdf.oid == "1.3.6.1.4.1.11591.4.11") {
    readScrypt(kdf.fields(), scheme);
  } else {
    scheme.known = false;
    scheme.text += kdf.oid + ", ";
  }
  scheme.iv = bytesOf(cipher.parameters);
  for (const CipherInfo& info : kCiphers)
    if (info.oid == cipher.oid) return setCipher(scheme, info);
  scheme.known = false;
  scheme.text += cipher.oid;
}

struct OldScheme {
  std::string_view oid;
  std::string_view name;
  Kdf kdf;
  Cipher cipher;
  size_t keySize;
};
constexpr OldScheme kOldSchemes[] = {
    {"1.2.840.113549.1.5.3", "PBE-MD5-DES", Kdf::kPbkdf1Md5, Cipher::kDes, 8},
    {"1.2.840.113549.1.5.10", "PBE-SHA1-DES", Kdf::kPbkdf1Sha1, Cipher::kDes, 8},
    {"1.2.840.113549.1.12.1.3", "PBE-SHA1-3DES", Kdf::kPkcs12, Cipher::kTripleDes, 24},
    {"1.2.840.113549.1.12.1.4", "PBE-SHA1-2DES", Kdf::kPkcs12, Cipher::kTripleDes, 16},
    {"1.2.840.113549.1.5.1", "PBE-MD2-DES", Kdf::kPkcs12, Cipher::kOther, 0},
    {"1.2.840.113549.1.5.4", "PBE-MD2-RC2-64", Kdf::kPkcs12, Cipher::kOther, 0},
    {"1.2.840.113549.1.5.6", "PBE-MD5-RC2-64", Kdf::kPkcs12, Cipher::kOther, 0},
    {"1.2.840.113549.1.5.11", "PBE-SHA1-RC2-64", Kdf::kPkcs12, Cipher::kOther, 0},
    {"1.2.840.113549.1.12.1.1", "PBE-SHA1-RC4-128", Kdf::kPkcs12, Cipher::kOther, 0},
    {"1.2.840.113549.1.12.1.2", "PBE-SHA1-RC4-40", Kdf::kPkcs12, Cipher::kOther, 0},
    {"1.2.840.113549.1.12.1.5", "PBE-SHA1-RC2-128", Kdf::kPkcs12, Cipher::kOther, 0},
    {"1.2.840.113549.1.12.1.6", "PBE-SHA1-RC2-40", Kdf::kPkcs12, Cipher::kOther, 0},
};

/// Reads PBES1 (RFC 8018 A.3) and PKCS#12 (RFC 7292 C) schemes. One identifier names the derivation
/// and the cipher. The parameters are a salt and an iteration count.
void readPbes1(const Algorithm& algorithm, Scheme& scheme) {
  scheme.known = false;
  scheme.text = algorithm.oid;
  DerReader fields = algorithm.fields();
  scheme.salt = bytesOf(fields.next());
  scheme.iterations = numberOf(fields.next());
  for (const OldScheme& old : kOldSchemes) {
    if (old.oid != algorithm.oid) continue;
    scheme.text = old.name;
    scheme.kdf = old.kdf;
    scheme.cipher = old.cipher;
    scheme.keySize = old.keySize;
    scheme.legacy = old.cipher != Cipher::kTripleDes;
    scheme.known = canDecrypt(old.cipher) && scheme.iterations <= kMostIterations;
  }
}

/// Reads an EncryptedPrivateKeyInfo (RFC 5208 6).
Result<Scheme> readPkcs8(const PemBlock& block) {
  auto der = decodePem(block);
  if (!der) return tl::unexpected(der.error());
  DerReader file(der->span());
  DerReader parts(file.next(DerReader::kSequence).value_or(DerItem{}).body);
  const Algorithm algorithm = algorithmOf(parts.next(DerReader::kSequence));
  const auto sealed = parts.next(DerReader::kOctets);
  if (algorithm.oid.empty() || !sealed) return fail("the encrypted private key is malformed");
  Scheme scheme;
  if (algorithm.oid == "1.2.840.113549.1.5.13")
    readPbes2(algorithm.fields(), scheme);
  else
    readPbes1(algorithm, scheme);
  scheme.sealed = SecretBytes(sealed->body);
  return scheme;
}

/// Reads OpenSSL's traditional format, with a header such as "DEK-Info: AES-256-CBC,00112233...".
/// The key is derived in one iteration from the passphrase and a salt. The salt is the first 8
/// bytes of the IV.
Result<Scheme> readOldForm(const PemBlock& block) {
  constexpr std::string_view kField = "DEK-Info:";
  size_t at = block.headers.find(kField);
  if (at == std::string_view::npos) return fail("the encrypted private key has no DEK-Info line");
  std::string_view line = block.headers.substr(at + kField.size());
  line = line.substr(0, line.find_first_of("\r\n"));
  while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
  while (!line.empty() && line.back() == ' ') line.remove_suffix(1);
  const size_t comma = line.find(',');
  const std::string_view name = line.substr(0, comma);
  const auto iv =
      comma == std::string_view::npos ? std::nullopt : decodeHex(line.substr(comma + 1));
  auto der = decodePem(block);
  if (!der) return tl::unexpected(der.error());
  Scheme scheme;
  scheme.text = "OpenSSL's traditional format: ";
  scheme.kdf = Kdf::kMd5;
  scheme.sealed = std::move(*der);
  scheme.iv = iv.value_or(std::vector<uint8_t>());
  scheme.salt.assign(scheme.iv.begin(),
                     scheme.iv.begin() + std::min<long>(8, std::ssize(scheme.iv)));
  for (const CipherInfo& info : kCiphers) {
    if (!equalNoCase(info.dek, name)) continue;
    setCipher(scheme, info);
    return scheme;
  }
  scheme.known = false;
  scheme.text += printable(name, 40);
  return scheme;
}

Result<Scheme> schemeOf(const PemBlock& block) {
  auto scheme = block.encrypted ? readOldForm(block) : readPkcs8(block);
  if (!scheme || scheme->known) return scheme;
  return fail(fmt::format(
      "the private key is encrypted with {}, which is not supported; convert it: openssl pkcs8{} "
      "-topk8 -v2 aes-256-cbc -in FILE -out NEWFILE",
      scheme->text, scheme->legacy ? " -provider legacy -provider default" : ""));
}

/// Converts `text` to big-endian UTF-16 with a terminating zero (RFC 7292 B.1). Reads bytes that
/// are not UTF-8 as Latin-1.
SecretBytes wideText(std::string_view text) {
  SecretBytes out(2 * text.size() + 2);
  size_t size = 0;
  const auto put = [&](uint32_t unit) {
    putBigEndian(unit, {out.data() + size, 2});
    size += 2;
  };
  while (!text.empty()) {
    const Utf8CodePoint c = readUtf8(text);
    if (c.value >= 0x10000) {
      put(0xd800 + ((c.value - 0x10000) >> 10));
      put(0xdc00 + ((c.value - 0x10000) & 0x3ff));
    } else {
      put(c.value);
    }
    text.remove_prefix(std::max<size_t>(c.bytes, 1));
  }
  put(0);
  out.truncate(size);
  return out;
}

/// Derives a key like OpenSSL's EVP_BytesToKey() with MD5 and one iteration.
bool deriveOld(const Scheme& scheme, std::string_view pass, SecretBytes& key) {
  const Bytes phrase = asBytes(pass);
  Md5Digest digest{};
  for (size_t at = 0; at < key.size(); at += digest.size()) {
    digest = md5Of({at == 0 ? Bytes() : Bytes(digest), phrase, scheme.salt});
    std::copy_n(digest.begin(), std::min(digest.size(), key.size() - at), key.data() + at);
  }
  wipe(digest.data(), digest.size());
  return scheme.salt.size() == 8;
}

/// Derives with PBKDF1 (RFC 8018 5.1) an 8-byte key and an 8-byte IV.
bool derivePbkdf1(Scheme& scheme, std::string_view pass, SecretBytes& key) {
  byte derived[WC_SHA_DIGEST_SIZE] = {};
  const Bytes phrase = asBytes(pass);
  if (scheme.kdf == Kdf::kPbkdf1Md5) {
    Md5Digest digest = md5Of({phrase, scheme.salt});
    for (uint64_t i = 1; i < scheme.iterations; ++i) digest = md5Of({digest});
    std::copy(digest.begin(), digest.end(), derived);
    wipe(digest.data(), digest.size());
  } else if (wc_PBKDF1(derived, asBytes(pass).data(), static_cast<int>(pass.size()),
                       scheme.salt.data(), static_cast<int>(scheme.salt.size()),
                       static_cast<int>(scheme.iterations), 16, WC_HASH_TYPE_SHA) != 0) {
    return false;
  }
  std::copy_n(derived, 8, key.data());
  scheme.iv.assign(derived + 8, derived + 16);
  wipe(derived, sizeof(derived));
  return true;
}

bool derivePkcs12([[maybe_unused]] Scheme& scheme, [[maybe_unused]] std::string_view pass,
                  [[maybe_unused]] SecretBytes& key) {
#ifdef HAVE_PKCS12
  const SecretBytes wide = wideText(pass);
  scheme.iv.resize(8);
  const auto derive = [&](byte* out, size_t size, int purpose) {
    return wc_PKCS12_PBKDF(out, wide.data(), static_cast<int>(wide.size()), scheme.salt.data(),
                           static_cast<int>(scheme.salt.size()),
                           static_cast<int>(scheme.iterations), static_cast<int>(size), WC_SHA,
                           purpose) == 0;
  };
  return derive(key.data(), key.size(), 1) && derive(scheme.iv.data(), scheme.iv.size(), 2);
#else
  return false;
#endif
}

bool deriveKey(Scheme& scheme, std::string_view pass, SecretBytes& key) {
  const auto size = static_cast<int>(key.size());
  const auto saltSize = static_cast<int>(scheme.salt.size());
  switch (scheme.kdf) {
    case Kdf::kMd5:
      return deriveOld(scheme, pass, key);
    case Kdf::kPbkdf1Md5:
    case Kdf::kPbkdf1Sha1:
      return derivePbkdf1(scheme, pass, key);
    case Kdf::kPkcs12:
      return derivePkcs12(scheme, pass, key);
    case Kdf::kPbkdf2:
      return wc_PBKDF2(key.data(), asBytes(pass).data(), static_cast<int>(pass.size()),
                       scheme.salt.data(), saltSize, static_cast<int>(scheme.iterations), size,
                       scheme.hash) == 0;
    case Kdf::kScrypt:
#ifdef HAVE_SCRYPT
      return wc_scrypt(key.data(), asBytes(pass).data(), static_cast<int>(pass.size()),
                       scheme.salt.data(), saltSize, std::countr_zero(scheme.iterations),
                       static_cast<int>(scheme.blockSize), static_cast<int>(scheme.parallel),
                       size) == 0;
#else
      return false;
#endif
  }
  return false;
}

bool decryptAes(const Scheme& scheme, const SecretBytes& key, SecretBytes& out) {
  Aes aes{};
  if (scheme.iv.size() != 16 || wc_AesInit(&aes, nullptr, INVALID_DEVID) != 0) return false;
  const bool done = wc_AesSetKey(&aes, key.data(), static_cast<word32>(key.size()),
                                 scheme.iv.data(), AES_DECRYPTION) == 0 &&
                    wc_AesCbcDecrypt(&aes, out.data(), scheme.sealed.data(),
                                     static_cast<word32>(scheme.sealed.size())) == 0;
  wc_AesFree(&aes);
  return done;
}

bool decryptDes([[maybe_unused]] const Scheme& scheme, [[maybe_unused]] const SecretBytes& key,
                [[maybe_unused]] SecretBytes& out) {
#ifdef NO_DES3
  return false;
#else
  const auto size = static_cast<word32>(scheme.sealed.size());
  if (scheme.iv.size() != 8) return false;
  SecretBytes three(24);  // three DES keys; a shorter key is repeated
  for (size_t i = 0; i < three.size(); ++i)
    three.data()[i] = key.data()[i % std::min<size_t>(key.size(), 24)];
  Des3 des{};
  if (wc_Des3Init(&des, nullptr, INVALID_DEVID) != 0) return false;
  const bool done = wc_Des3_SetKey(&des, three.data(), scheme.iv.data(), DES_DECRYPTION) == 0 &&
                    wc_Des3_CbcDecrypt(&des, out.data(), scheme.sealed.data(), size) == 0;
  wc_Des3Free(&des);
  return done;
#endif
}

/// Removes the padding. Returns false if the remaining bytes are not exactly one DER item, because
/// then the passphrase was wrong.
bool unpad(size_t block, SecretBytes& plain) {
  if (plain.empty()) return false;
  const uint8_t count = plain.data()[plain.size() - 1];
  if (count == 0 || count > block || count > plain.size()) return false;
  for (size_t i = plain.size() - count; i < plain.size(); ++i)
    if (plain.data()[i] != count) return false;
  plain.truncate(plain.size() - count);
  DerReader file(plain.span());
  return file.next(DerReader::kSequence).has_value() && file.done();
}

}  // namespace

bool isEncryptedKey(const PemBlock& block) {
  return block.encrypted || block.label == "ENCRYPTED PRIVATE KEY";
}

Result<void> checkKeyEncryption(const PemBlock& block) {
  if (auto scheme = schemeOf(block); !scheme) return tl::unexpected(scheme.error());
  return {};
}

Result<SecretBytes> decryptKey(const PemBlock& block, std::string_view passphrase) {
  auto scheme = schemeOf(block);
  if (!scheme) return tl::unexpected(scheme.error());
  const size_t unit = scheme->cipher == Cipher::kAes ? 16 : 8;
  SecretBytes key(scheme->keySize);
  SecretBytes plain(scheme->sealed.size());
  const bool whole = !plain.empty() && plain.size() % unit == 0;
  if (whole && deriveKey(*scheme, passphrase, key) &&
      (unit == 16 ? decryptAes(*scheme, key, plain) : decryptDes(*scheme, key, plain)) &&
      unpad(unit, plain))
    return plain;
  return fail(fmt::format(
      "the private key cannot be decrypted: the passphrase is wrong, or the file is damaged ({})",
      scheme->text));
}

}  // namespace culvert
