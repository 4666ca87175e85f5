// SPDX-License-Identifier: GPL-3.0-or-later
// The AEAD provider on wolfCrypt. See aead.h.
#include <algorithm>
#include <cstring>
#include <new>

#include "tls/library/secret_bytes.h"
#include "tls/library/wolfssl.h"
#include "tls/record/aead.h"

namespace culvert {
namespace {

/// What an ExpandedKey holds.
struct WolfKey {
  AeadKind kind;
  union {
    Aes aes;
    std::array<uint8_t, kAeadLongestKey> chacha;
  };
};
static_assert(sizeof(WolfKey) <= sizeof(ExpandedKey));

WolfKey& of(ExpandedKey& key) { return *reinterpret_cast<WolfKey*>(key.bytes.data()); }
/// wolfCrypt's assembly for AVX2 reads 16 bytes of a nonce of 12.
struct WideNonce {
  explicit WideNonce(const AeadNonce& nonce) { std::copy(nonce.begin(), nonce.end(), bytes); }
  uint8_t bytes[16] = {};
};

word32 wolfSize(std::span<const uint8_t> bytes) { return static_cast<word32>(bytes.size()); }

class WolfcryptAead final : public AeadProvider {
 public:
  const char* name() const override { return "wolfCrypt"; }
  bool offers(AeadKind) const override { return true; }

  bool expand(AeadKind kind, std::span<const uint8_t> key, ExpandedKey& into) const override {
    if (key.size() != aeadKeySize(kind)) return false;
    WolfKey* wolf = new (into.bytes.data()) WolfKey;
    wolf->kind = kind;
    if (kind == AeadKind::kChaCha20Poly1305) {
      std::copy(key.begin(), key.end(), wolf->chacha.begin());
      return true;
    }
    // wolfSSL holds no memory outside the struct, so the owner may just wipe it.
    return wc_AesInit(&wolf->aes, nullptr, INVALID_DEVID) == 0 &&
           wc_AesGcmSetKey(&wolf->aes, key.data(), wolfSize(key)) == 0;
  }

  bool seal(ExpandedKey& key, const AeadNonce& nonce, std::span<const uint8_t> aad,
            std::span<const uint8_t> plaintext, std::optional<uint8_t> last,
            uint8_t* out) const override {
    WolfKey& wolf = of(key);
    size_t size = plaintext.size();
    const uint8_t* from = plaintext.data();
    if (last) {  // wolfCrypt takes one piece, so the plaintext moves to its place in `out`
      if (size != 0) std::memcpy(out, from, size);
      out[size++] = *last;
    }
    if (last || size == 0) from = out;  // wolfCrypt refuses a null pointer
    uint8_t* tag = out + size;
    if (wolf.kind == AeadKind::kChaCha20Poly1305)
      return wc_ChaCha20Poly1305_Encrypt(wolf.chacha.data(), nonce.data(), aad.data(),
                                         wolfSize(aad), from, static_cast<word32>(size), out,
                                         tag) == 0;
    return wc_AesGcmEncrypt(&wolf.aes, out, from, static_cast<word32>(size), WideNonce(nonce).bytes,
                            kAeadNonce, tag, kAeadTag, aad.data(), wolfSize(aad)) == 0;
  }

  bool open(ExpandedKey& key, const AeadNonce& nonce, std::span<const uint8_t> aad,
            std::span<const uint8_t> sealed, uint8_t* out) const override {
    if (sealed.size() < kAeadTag) return false;
    WolfKey& wolf = of(key);
    const std::span<const uint8_t> text = sealed.first(sealed.size() - kAeadTag);
    const uint8_t* tag = sealed.data() + text.size();
    uint8_t unused;
    if (text.empty()) out = &unused;  // wolfCrypt refuses a null pointer
    if (wolf.kind == AeadKind::kChaCha20Poly1305)
      return wc_ChaCha20Poly1305_Decrypt(wolf.chacha.data(), nonce.data(), aad.data(),
                                         wolfSize(aad), text.data(), wolfSize(text), tag, out) == 0;
    return wc_AesGcmDecrypt(&wolf.aes, out, text.data(), wolfSize(text), WideNonce(nonce).bytes,
                            kAeadNonce, tag, kAeadTag, aad.data(), wolfSize(aad)) == 0;
  }
};

}  // namespace

const AeadProvider& wolfcryptAead() {
  static const WolfcryptAead provider;
  return provider;
}

}  // namespace culvert
