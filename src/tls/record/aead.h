// SPDX-License-Identifier: GPL-3.0-or-later
// Authenticated encryption (AEAD, RFC 5116) of records: AES-GCM and ChaCha20-Poly1305. A provider
// is one implementation. wolfCrypt's works on every CPU; the one with VAES and AVX-512 encrypts
// AES-GCM several times as fast on CPUs that have these instructions. culvert chooses once, at the
// first use, after known-answer tests of each provider. Thread: any; a provider has no state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace culvert {

enum class AeadKind : uint8_t { kAes128Gcm, kAes256Gcm, kChaCha20Poly1305 };

inline constexpr size_t kAeadTag = 16;
inline constexpr size_t kAeadNonce = 12;
inline constexpr size_t kAeadLongestKey = 32;

using AeadNonce = std::array<uint8_t, kAeadNonce>;

/// Returns the size of a key in bytes.
constexpr size_t aeadKeySize(AeadKind kind) { return kind == AeadKind::kAes128Gcm ? 16 : 32; }

/// Memory for one expanded key. Only the provider that expanded the key knows its contents. The
/// owner wipes the memory after its last use.
struct alignas(64) ExpandedKey {
  std::array<uint8_t, 1152> bytes;
};

class AeadProvider {
 public:
  /// The name for `culvert --version` and the log.
  virtual const char* name() const = 0;
  /// Returns whether this CPU can run the provider's code for `kind`.
  virtual bool offers(AeadKind kind) const = 0;
  /// Expands `key` into `into`. Returns false if `key` does not have aeadKeySize(kind) bytes, or if
  /// the expansion fails, for example for lack of memory.
  [[nodiscard]] virtual bool expand(AeadKind kind, std::span<const uint8_t> key,
                                    ExpandedKey& into) const = 0;
  /// Encrypts `plaintext`, followed by the byte `last` if it is set, and appends the tag. Writes
  /// plaintext.size() + (last ? 1 : 0) + kAeadTag bytes to `out`, which must not overlap
  /// `plaintext`. Reads nothing outside `plaintext`.
  [[nodiscard]] virtual bool seal(ExpandedKey& key, const AeadNonce& nonce,
                                  std::span<const uint8_t> aad, std::span<const uint8_t> plaintext,
                                  std::optional<uint8_t> last, uint8_t* out) const = 0;
  /// Decrypts `sealed`, which ends with the tag, and writes sealed.size() - kAeadTag bytes to
  /// `out`. `out` is equal to sealed.data(), or does not overlap `sealed`. Returns false if the tag
  /// is wrong (compared in constant time) or if `sealed` is shorter than a tag. Then the bytes at
  /// `out` must not be used.
  [[nodiscard]] virtual bool open(ExpandedKey& key, const AeadNonce& nonce,
                                  std::span<const uint8_t> aad, std::span<const uint8_t> sealed,
                                  uint8_t* out) const = 0;

 protected:
  ~AeadProvider() = default;
};

/// The provider on wolfCrypt: all kinds, every CPU.
const AeadProvider& wolfcryptAead();
/// The provider with VAES and AVX-512: AES-GCM on x86-64. nullptr if it was left out of the build.
const AeadProvider* vaesAead();

/// Returns the fastest provider of `kind` on this CPU whose known-answer tests pass.
const AeadProvider& aeadFor(AeadKind kind);
/// Returns the names of the chosen providers for `culvert --version` and the start line, for
/// example "AES-GCM by VAES/AVX-512, ChaCha20-Poly1305 by wolfCrypt".
std::string aeadNames();

}  // namespace culvert
