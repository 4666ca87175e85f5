// SPDX-License-Identifier: GPL-3.0-or-later
// See aead.h. The known answers are test cases 4 and 16 of the GCM specification (McGrew and Viega)
// and RFC 8439 2.8.2.
#include "tls/record/aead.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "base/hex.h"

namespace culvert {
namespace {

struct KnownAnswer {
  std::string_view key;
  std::string_view nonce;
  std::string_view aad;
  std::string_view plaintext;
  std::string_view sealed;
};

constexpr std::string_view kGcmPlaintext =
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39";
constexpr std::string_view kGcmAad = "feedfacedeadbeeffeedfacedeadbeefabaddad2";

constexpr KnownAnswer kAes128 = {"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
                                 kGcmAad, kGcmPlaintext,
                                 "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
                                 "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
                                 "5bc94fbc3221a5db94fae95ae7121a47"};
constexpr KnownAnswer kAes256 = {"feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
                                 "cafebabefacedbaddecaf888", kGcmAad, kGcmPlaintext,
                                 "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
                                 "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
                                 "76fc6ece0f4e1768cddf8853bb2d551b"};
constexpr KnownAnswer kChaCha = {"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
                                 "070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
                                 "4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
                                 "73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
                                 "6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
                                 "637265656e20776f756c642062652069742e",
                                 "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
                                 "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
                                 "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
                                 "3ff4def08e4b7a9de576d26586cec64b6116"
                                 "1ae10b594f09e26a7e902ecbd0600691"};

const KnownAnswer& knownAnswer(AeadKind kind) {
  switch (kind) {
    case AeadKind::kAes128Gcm:
      return kAes128;
    case AeadKind::kAes256Gcm:
      return kAes256;
    default:
      return kChaCha;
  }
}

/// Seals and opens the known answer, with its last byte as the separate one, and refuses a wrong
/// tag.
bool passes(const AeadProvider& provider, AeadKind kind) {
  if (!provider.offers(kind)) return false;
  const KnownAnswer& test = knownAnswer(kind);
  const auto key = *decodeHex(test.key), aad = *decodeHex(test.aad);
  const auto plaintext = *decodeHex(test.plaintext);
  auto sealed = *decodeHex(test.sealed);
  AeadNonce nonce;
  if (!decodeHex(test.nonce, nonce)) return false;
  ExpandedKey expanded;
  if (!provider.expand(kind, key, expanded)) return false;
  std::vector<uint8_t> out(sealed.size());
  const auto most = std::span(plaintext).first(plaintext.size() - 1);
  if (!provider.seal(expanded, nonce, aad, most, plaintext.back(), out.data()) || out != sealed)
    return false;
  if (!provider.open(expanded, nonce, aad, sealed, out.data()) ||
      !std::equal(plaintext.begin(), plaintext.end(), out.begin()))
    return false;
  sealed.back() ^= 1;
  return !provider.open(expanded, nonce, aad, sealed, out.data());
}

const AeadProvider& choose(AeadKind kind) {
  if (const AeadProvider* vaes = vaesAead(); vaes != nullptr && passes(*vaes, kind)) return *vaes;
  CULVERT_CHECK(passes(wolfcryptAead(), kind));
  return wolfcryptAead();
}

}  // namespace

const AeadProvider& aeadFor(AeadKind kind) {
  static const AeadProvider* const chosen[] = {&choose(AeadKind::kAes128Gcm),
                                               &choose(AeadKind::kAes256Gcm),
                                               &choose(AeadKind::kChaCha20Poly1305)};
  return *chosen[static_cast<size_t>(kind)];
}

std::string aeadNames() {
  return fmt::format("AES-GCM by {}, ChaCha20-Poly1305 by {}", aeadFor(AeadKind::kAes128Gcm).name(),
                     aeadFor(AeadKind::kChaCha20Poly1305).name());
}

}  // namespace culvert
