// SPDX-License-Identifier: GPL-3.0-or-later
// The AEAD providers: published vectors, the same bytes from all providers, refusal of changed
// records, and no access outside the memory that they may use.
#include "tls/record/aead.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "base/hex.h"
#include "guarded_memory.h"

namespace culvert {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr AeadKind kKinds[] = {AeadKind::kAes128Gcm, AeadKind::kAes256Gcm,
                               AeadKind::kChaCha20Poly1305};

std::vector<const AeadProvider*> providersOf(AeadKind kind) {
  std::vector<const AeadProvider*> providers = {&wolfcryptAead()};
  if (vaesAead() != nullptr && vaesAead()->offers(kind)) providers.push_back(vaesAead());
  return providers;
}

std::string label(AeadKind kind, const AeadProvider& provider) {
  static constexpr const char* kNames[] = {"AES-128-GCM", "AES-256-GCM", "ChaCha20-Poly1305"};
  return std::string(kNames[static_cast<size_t>(kind)]) + " by " + provider.name();
}

Bytes fromHex(std::string_view digits) {
  const auto bytes = decodeHex(digits);
  EXPECT_TRUE(bytes.has_value()) << digits;
  return bytes.value_or(Bytes{});
}

AeadNonce nonceFrom(const Bytes& bytes) {
  AeadNonce nonce{};
  EXPECT_EQ(bytes.size(), nonce.size());
  std::copy_n(bytes.begin(), std::min(bytes.size(), nonce.size()), nonce.begin());
  return nonce;
}

/// Pseudo-random bytes, the same in every run.
class Source {
 public:
  explicit Source(uint64_t seed) : engine_(seed) {}
  size_t below(size_t limit) { return engine_() % limit; }
  uint8_t byte() { return static_cast<uint8_t>(engine_()); }
  void fill(std::span<uint8_t> bytes) {
    for (uint8_t& b : bytes) b = byte();
  }
  Bytes bytes(size_t size) {
    Bytes result(size);
    fill(result);
    return result;
  }

 private:
  std::mt19937_64 engine_;
};

/// A key that one provider expanded, and a nonce.
struct Sealer {
  Sealer(const AeadProvider& used, AeadKind kind, std::span<const uint8_t> secret)
      : provider(used) {
    EXPECT_TRUE(provider.expand(kind, secret, key));
  }
  Bytes seal(const Bytes& aad, const Bytes& text, std::optional<uint8_t> last = {}) {
    Bytes out(text.size() + (last ? 1 : 0) + kAeadTag);
    EXPECT_TRUE(provider.seal(key, nonce, aad, text, last, out.data()));
    return out;
  }
  std::optional<Bytes> open(const Bytes& aad, const Bytes& sealed) {
    Bytes out(sealed.size() + 1);  // wolfCrypt refuses a null pointer
    if (!provider.open(key, nonce, aad, sealed, out.data())) return std::nullopt;
    return Bytes(out.begin(), out.begin() + (sealed.size() - kAeadTag));
  }
  std::optional<Bytes> openInPlace(const Bytes& aad, Bytes sealed) {
    if (!provider.open(key, nonce, aad, sealed, sealed.data())) return std::nullopt;
    return Bytes(sealed.begin(), sealed.end() - kAeadTag);
  }

  const AeadProvider& provider;
  ExpandedKey key;
  AeadNonce nonce{};
};

// --- published vectors ------------------------------------------------------------------------

struct Vector {
  const char* name;
  AeadKind kind;
  const char* key;
  const char* nonce;
  const char* aad;
  const char* text;
  const char* ciphertext;
  const char* tag;
};

// McGrew and Viega, "The Galois/Counter Mode of Operation (GCM)"; NIST's CAVS vectors for GCM with
// external IV; RFC 8439.
constexpr Vector kVectors[] = {
    {"McGrew and Viega, test case 1", AeadKind::kAes128Gcm, "00000000000000000000000000000000",
     "000000000000000000000000", "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
    {"McGrew and Viega, test case 2", AeadKind::kAes128Gcm, "00000000000000000000000000000000",
     "000000000000000000000000", "", "00000000000000000000000000000000",
     "0388dace60b6a392f328c2b971b2fe78", "ab6e47d42cec13bdf53a67b21257bddf"},
    {"McGrew and Viega, test case 3", AeadKind::kAes128Gcm, "feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf"
     "0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f"
     "6a5aac84aa051ba30b396a0aac973d58e091473f5985",
     "4d5c2af327cd64a62cf35abd2ba6fab4"},
    {"McGrew and Viega, test case 4", AeadKind::kAes128Gcm, "feffe9928665731c6d6a8f9467308308",
     "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf"
     "0e2449a6b525b16aedf5aa0de657ba637b39",
     "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f"
     "6a5aac84aa051ba30b396a0aac973d58e091",
     "5bc94fbc3221a5db94fae95ae7121a47"},
    {"McGrew and Viega, test case 13", AeadKind::kAes256Gcm,
     "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"McGrew and Viega, test case 14", AeadKind::kAes256Gcm,
     "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
     "d0d1c8a799996bf0265b98b5d48ab919"},
    {"McGrew and Viega, test case 15", AeadKind::kAes256Gcm,
     "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf"
     "0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b0"
     "8b1056828838c5f61e6393ba7a0abcc9f662898015ad",
     "b094dac5d93471bdec1a502270e3cc6c"},
    {"McGrew and Viega, test case 16", AeadKind::kAes256Gcm,
     "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
     "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf"
     "0e2449a6b525b16aedf5aa0de657ba637b39",
     "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b0"
     "8b1056828838c5f61e6393ba7a0abcc9f662",
     "76fc6ece0f4e1768cddf8853bb2d551b"},
    {"CAVS gcmEncryptExtIV128, no text", AeadKind::kAes128Gcm, "11754cd72aec309bf52f7687212e8957",
     "3c819d9a9bed087615030b65", "", "", "", "250327c674aaf477aef2675748cf6971"},
    {"CAVS gcmEncryptExtIV128, AAD", AeadKind::kAes128Gcm, "77be63708971c4e240d1cb79e8d77feb",
     "e0e00f19fed7ba0136a797f3", "7a43ec1d9c0a5a78a0b16533a6213cab", "", "",
     "209fcc8d3675ed938e9c7166709dd946"},
    {"CAVS gcmEncryptExtIV128, text", AeadKind::kAes128Gcm, "7fddb57453c241d03efbed3ac44e371c",
     "ee283a3fc75575e33efd4887", "", "d5de42b461646c255c87bd2962d3b9a2",
     "2ccda4a5415cb91e135c2a0f78c9b2fd", "b36d1df9b9d5e596f83e8b7f52971cb3"},
    {"CAVS gcmEncryptExtIV256, no text", AeadKind::kAes256Gcm,
     "b52c505a37d78eda5dd34f20c22540ea1b58963cf8e5bf8ffa85f9f2492505b4", "516c33929df5a3284ff463d7",
     "", "", "", "bdc1ac884d332457a1d2664f168c76f0"},
    {"CAVS gcmEncryptExtIV256, text", AeadKind::kAes256Gcm,
     "31bdadd96698c204aa9ce1448ea94ae1fb4a9a0b3c9d773b51bb1822666b8f22", "0d18e06c7c725ac9e362e1ce",
     "", "2db5168e932556f8089a0622981d017d", "fa4362189661d163fcd6a56d8bf0405a",
     "d636ac1bbedd5cc3ee727dc2ab4a9489"},
    {"RFC 8439, section 2.8.2", AeadKind::kChaCha20Poly1305,
     "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f", "070000004041424344454647",
     "50515253c0c1c2c3c4c5c6c7",
     "4c616469657320616e642047656e746c656d656e206f662074686520636c617373206f66202739393a20"
     "4966204920636f756c64206f6666657220796f75206f6e6c79206f6e652074697020666f722074686520"
     "6675747572652c2073756e73637265656e20776f756c642062652069742e",
     "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fa"
     "fb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4"
     "fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116",
     "1ae10b594f09e26a7e902ecbd0600691"},
};

TEST(AeadVectors, SealAndOpen) {
  for (const Vector& v : kVectors) {
    for (const AeadProvider* provider : providersOf(v.kind)) {
      SCOPED_TRACE(std::string(v.name) + ", " + label(v.kind, *provider));
      Sealer sealer(*provider, v.kind, fromHex(v.key));
      sealer.nonce = nonceFrom(fromHex(v.nonce));
      const Bytes aad = fromHex(v.aad);
      const Bytes text = fromHex(v.text);
      const Bytes sealed = fromHex(std::string(v.ciphertext) + v.tag);
      EXPECT_EQ(sealer.seal(aad, text), sealed);
      EXPECT_EQ(sealer.open(aad, sealed), text);
      EXPECT_EQ(sealer.openInPlace(aad, sealed), text);
      if (text.empty()) continue;
      const Bytes most(text.begin(), text.end() - 1);
      EXPECT_EQ(sealer.seal(aad, most, text.back()), sealed) << "with `last`";
    }
  }
}

// --- refusals ---------------------------------------------------------------------------------

TEST(AeadRefusals, KeysOfTheWrongSize) {
  for (const AeadKind kind : kKinds) {
    for (const AeadProvider* provider : providersOf(kind)) {
      for (size_t size = 0; size <= 40; ++size) {
        ExpandedKey key;
        EXPECT_EQ(provider->expand(kind, Bytes(size), key), size == aeadKeySize(kind))
            << label(kind, *provider) << ", " << size;
      }
    }
  }
}

TEST(AeadRefusals, VaesOffersAesOnly) {
  if (vaesAead() == nullptr) GTEST_SKIP() << "left out of the build";
  EXPECT_FALSE(vaesAead()->offers(AeadKind::kChaCha20Poly1305));
  ExpandedKey key;
  EXPECT_FALSE(vaesAead()->expand(AeadKind::kChaCha20Poly1305, Bytes(32), key));
}

TEST(AeadRefusals, RecordsShorterThanATag) {
  for (const AeadKind kind : kKinds) {
    for (const AeadProvider* provider : providersOf(kind)) {
      Sealer sealer(*provider, kind, Bytes(aeadKeySize(kind), 7));
      const Bytes sealed = sealer.seal({}, {});
      EXPECT_TRUE(sealer.open({}, sealed));
      for (size_t size = 0; size < kAeadTag; ++size) {
        EXPECT_FALSE(sealer.open({}, Bytes(sealed.begin(), sealed.begin() + size)))
            << label(kind, *provider) << ", " << size;
      }
    }
  }
}

/// Checks that `sealer` refuses what `open` opens, after any bit of the bytes from `first` to
/// `limit` of `changed` flipped.
template <typename Open>
void expectRefused(const Open& open, std::span<uint8_t> changed, size_t first, size_t limit) {
  for (size_t bit = 8 * first; bit < 8 * limit; ++bit) {
    const auto mask = static_cast<uint8_t>(1 << bit % 8);
    changed[bit / 8] ^= mask;
    EXPECT_FALSE(open()) << "bit " << bit;
    changed[bit / 8] ^= mask;
  }
}

TEST(AeadRefusals, EveryFlippedBit) {
  Source source(1);
  for (const AeadKind kind : kKinds) {
    for (const AeadProvider* provider : providersOf(kind)) {
      Sealer sealer(*provider, kind, source.bytes(aeadKeySize(kind)));
      for (const size_t size : {1, 2, 16, 17, 64, 65, 200, 300, 512, 513, 1025, 1600}) {
        SCOPED_TRACE(label(kind, *provider) + ", " + std::to_string(size) + " bytes");
        source.fill(sealer.nonce);
        Bytes aad = source.bytes(5 + source.below(20));
        Bytes sealed = sealer.seal(aad, source.bytes(size));
        const auto open = [&] { return sealer.open(aad, sealed).has_value(); };
        const auto openInPlace = [&] { return sealer.openInPlace(aad, sealed).has_value(); };
        expectRefused(open, sealed, 0, 1);
        expectRefused(open, sealed, size - 1, size + kAeadTag);
        expectRefused(openInPlace, sealed, size, size + kAeadTag);
        expectRefused(open, aad, 0, aad.size());
        expectRefused(open, sealer.nonce, 0, kAeadNonce);
        EXPECT_TRUE(open());
      }
    }
  }
}

TEST(AeadRefusals, OtherSizes) {
  Source source(2);
  for (const AeadKind kind : kKinds) {
    for (const AeadProvider* provider : providersOf(kind)) {
      SCOPED_TRACE(label(kind, *provider));
      Sealer sealer(*provider, kind, source.bytes(aeadKeySize(kind)));
      const Bytes zeros(15);
      Bytes sealed = sealer.seal(zeros, zeros);
      EXPECT_FALSE(sealer.open(Bytes(14), sealed));
      EXPECT_FALSE(sealer.open(Bytes(16), sealed));
      sealed.insert(sealed.begin() + 15, 0);
      EXPECT_FALSE(sealer.open(zeros, sealed));
    }
  }
}

// --- the providers against each other ---------------------------------------------------------

/// Seals and opens one random message with VAES and with wolfCrypt, at random addresses.
class TwoProviders {
 public:
  TwoProviders(AeadKind kind, const Bytes& secret, Source& source)
      : vaes_(*vaesAead(), kind, secret), wolf_(wolfcryptAead(), kind, secret), source_(source) {}

  void compare(size_t size, size_t aadSize, bool withLast, bool inPlace) {
    SCOPED_TRACE(std::to_string(size) + " bytes, AAD " + std::to_string(aadSize) +
                 (withLast ? ", last" : "") + (inPlace ? ", in place" : ""));
    source_.fill(vaes_.nonce);
    wolf_.nonce = vaes_.nonce;
    const Bytes aadMemory = source_.bytes(aadSize + source_.below(64));
    const std::span<const uint8_t> aad = std::span(aadMemory).last(aadSize);
    const Bytes text = source_.bytes(size);
    const std::optional<uint8_t> last = withLast ? std::optional(source_.byte()) : std::nullopt;
    const Bytes expected = wolf_.seal(Bytes(aad.begin(), aad.end()), text, last);

    const std::span<uint8_t> in = place(in_, text);
    const std::span<uint8_t> out = place(out_, Bytes(expected.size(), 0xEE));
    ASSERT_TRUE(vaes_.provider.seal(vaes_.key, vaes_.nonce, aad, in, last, out.data()));
    ASSERT_TRUE(std::ranges::equal(out, expected));
    expectUntouched(out_, out);
    expectUntouched(in_, in);

    const std::span<uint8_t> opened = inPlace ? out.first(expected.size() - kAeadTag)
                                              : place(in_, Bytes(expected.size() - kAeadTag, 0xEE));
    ASSERT_TRUE(vaes_.provider.open(vaes_.key, vaes_.nonce, aad, out, opened.data()));
    Bytes whole = text;
    if (last) whole.push_back(*last);
    ASSERT_TRUE(std::ranges::equal(opened, whole));
    expectUntouched(inPlace ? out_ : in_, inPlace ? out : opened);
  }

 private:
  static constexpr size_t kMargin = 128;
  static constexpr uint8_t kUnused = 0xA5;

  /// Copies `bytes` to a random address in `memory`, and fills the rest.
  std::span<uint8_t> place(Bytes& memory, const Bytes& bytes) {
    memory.assign(bytes.size() + 2 * kMargin, kUnused);
    const std::span<uint8_t> used =
        std::span(memory).subspan(kMargin / 2 + source_.below(64), bytes.size());
    std::ranges::copy(bytes, used.begin());
    return used;
  }
  static void expectUntouched(const Bytes& memory, std::span<const uint8_t> used) {
    const auto start = static_cast<size_t>(used.data() - memory.data());
    const auto isUnused = [](uint8_t b) { return b == kUnused; };
    EXPECT_TRUE(std::all_of(memory.begin(), memory.begin() + start, isUnused));
    EXPECT_TRUE(std::all_of(memory.begin() + start + used.size(), memory.end(), isUnused));
  }

  Sealer vaes_;
  Sealer wolf_;
  Source& source_;
  Bytes in_;
  Bytes out_;
};

class AeadDifference : public ::testing::TestWithParam<AeadKind> {
 protected:
  void SetUp() override {
    if (vaesAead() == nullptr || !vaesAead()->offers(GetParam())) {
      GTEST_SKIP() << "the build or the CPU has no VAES";
    }
  }
  Source source_{3};
};

TEST_P(AeadDifference, EveryShortLength) {
  TwoProviders two(GetParam(), source_.bytes(aeadKeySize(GetParam())), source_);
  for (size_t size = 0; size <= 1100 && !HasFailure(); ++size) {
    for (int mode = 0; mode < 4; ++mode) {
      two.compare(size, source_.below(33), mode % 2 == 1, mode >= 2);
    }
  }
}

TEST_P(AeadDifference, LongMessages) {
  TwoProviders two(GetParam(), source_.bytes(aeadKeySize(GetParam())), source_);
  for (size_t around = 1536; around <= 16384 && !HasFailure(); around += 512) {
    for (const int distance : {-17, -16, -1, 0, 1, 15, 16}) {
      two.compare(around + distance, source_.below(33), source_.below(2) == 1,
                  source_.below(2) == 1);
    }
  }
  for (int i = 0; i < 200 && !HasFailure(); ++i) {
    two.compare(source_.below(16401), source_.below(33), i % 2 == 1, i % 4 >= 2);
  }
  // The counter's low 16 bits and the low bits above them.
  two.compare(size_t{1} << 21, 5, true, true);
}

TEST_P(AeadDifference, EveryLengthOfAad) {
  TwoProviders two(GetParam(), source_.bytes(aeadKeySize(GetParam())), source_);
  for (size_t aad = 0; aad <= 300 && !HasFailure(); ++aad) {
    for (const size_t size : {0, 1, 16, 63, 64, 300, 511, 512, 1000}) {
      two.compare(size, aad, aad % 2 == 1, aad % 4 >= 2);
    }
  }
}

TEST_P(AeadDifference, ManyKeys) {
  // The reduction of a doubled hash key depends on the key.
  for (int i = 0; i < 300 && !HasFailure(); ++i) {
    TwoProviders two(GetParam(), source_.bytes(aeadKeySize(GetParam())), source_);
    two.compare(i * 7, 13, i % 2 == 1, i % 4 >= 2);
  }
}

INSTANTIATE_TEST_SUITE_P(Aes, AeadDifference,
                         ::testing::Values(AeadKind::kAes128Gcm, AeadKind::kAes256Gcm));

// --- guard pages ------------------------------------------------------------------------------

class GuardedMessages {
 public:
  GuardedMessages(const AeadProvider& provider, AeadKind kind)
      : sealer_(provider, kind, source_.bytes(aeadKeySize(kind))) {}

  void run(size_t size, bool high) {
    SCOPED_TRACE(std::to_string(size) + (high ? " bytes, high" : " bytes, low"));
    // wolfCrypt's AVX2 code reads 16 bytes at a nonce of 12 bytes.
    const bool isWolfcrypt = &sealer_.provider == &wolfcryptAead();
    const std::span<uint8_t> memory = nonce_.take(kAeadNonce + (isWolfcrypt ? 4 : 0), high);
    const AeadNonce& nonce = *new (memory.data()) AeadNonce{};
    for (const bool withLast : {false, true}) {
      const std::span<uint8_t> aad = aad_.take(size % 33, high);
      const std::span<uint8_t> text = in_.take(size, high);
      const size_t whole = size + (withLast ? 1 : 0);
      const std::span<uint8_t> sealed = out_.take(whole + kAeadTag, high);
      source_.fill(aad);
      source_.fill(text);
      const Bytes copy(text.begin(), text.end());
      const std::optional<uint8_t> last = withLast ? std::optional(source_.byte()) : std::nullopt;
      ASSERT_TRUE(sealer_.provider.seal(sealer_.key, nonce, aad, text, last, sealed.data()));
      const std::span<uint8_t> opened = in_.take(whole, high);
      ASSERT_TRUE(sealer_.provider.open(sealer_.key, nonce, aad, sealed, opened.data()));
      ASSERT_TRUE(std::ranges::equal(opened.first(size), copy));
      ASSERT_TRUE(sealer_.provider.open(sealer_.key, nonce, aad, sealed, sealed.data()));
      ASSERT_TRUE(std::ranges::equal(sealed.first(size), copy));
      ASSERT_TRUE(!last || (opened[size] == *last && sealed[size] == *last));
    }
  }

 private:
  Source source_{4};
  Sealer sealer_;
  GuardedMemory in_{16500};
  GuardedMemory out_{16500};
  GuardedMemory aad_{64};
  GuardedMemory nonce_{16};
};

TEST(AeadGuardPages, NothingOutsideIsAccessed) {
  for (const AeadKind kind : kKinds) {
    for (const AeadProvider* provider : providersOf(kind)) {
      SCOPED_TRACE(label(kind, *provider));
      GuardedMessages messages(*provider, kind);
      for (const bool high : {true, false}) {
        for (size_t size = 0; size <= 600 && !::testing::Test::HasFailure(); ++size) {
          messages.run(size, high);
        }
        for (const size_t around : {768, 1024, 1280, 1536, 2048, 2304, 3072, 4096, 8192, 16384}) {
          if (::testing::Test::HasFailure()) return;
          for (size_t size = around - 20; size <= around + 20; ++size) messages.run(size, high);
        }
      }
    }
  }
}

}  // namespace
}  // namespace culvert
