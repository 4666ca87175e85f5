// SPDX-License-Identifier: GPL-3.0-or-later
// AES-GCM (NIST SP 800-38D) with VAES, VPCLMULQDQ and AVX-512. Thread: any.
//
// A quad is a ZMM register with four blocks of 16 bytes. GHASH works on blocks with reversed bytes.
// The expanded key contains powers of the hash key H, each multiplied by x. So the product of a
// block and a power needs no shift by one bit (Gueron and Kounavis, "Intel Carry-Less
// Multiplication Instruction and its Usage for Computing the GCM Mode").
//
// Branches and addresses depend on sizes only, never on keys, nonces or texts.
#include "tls/record/aead.h"

#if defined(__x86_64__) && !defined(CULVERT_AEAD_WOLFCRYPT)

#include <cpuid.h>
#include <immintrin.h>

// Only functions with this attribute use the instructions. An attribute, unlike a pragma, does not
// apply to templates of the standard library. The linker could keep such a copy for all callers.
#define CULVERT_VAES_TARGET \
  target("avx512f,avx512bw,avx512vl,avx512dq,vaes,vpclmulqdq,aes,pclmul,sse4.1,ssse3,bmi2")
#define CULVERT_VAES __attribute__((CULVERT_VAES_TARGET, noinline))
#define CULVERT_VAES_INLINE __attribute__((CULVERT_VAES_TARGET, always_inline)) inline
#if defined(__clang__)
#define CULVERT_UNROLL _Pragma("unroll")
#else
#define CULVERT_UNROLL _Pragma("GCC unroll 16")
#endif

namespace culvert {
namespace {

using Block = __m128i;
using Quad = __m512i;

constexpr size_t kBlock = 16;
constexpr size_t kQuad = 4 * kBlock;
constexpr int kBatchQuads = 8;
constexpr size_t kBatchBlocks = 4 * kBatchQuads;
constexpr size_t kBatch = kBatchBlocks * kBlock;
// The counter has 32 bits, and the blocks 0 and 1 are not for data.
constexpr uint64_t kLongestMessage = ((uint64_t{1} << 32) - 2) * kBlock;

// The layout of ExpandedKey: the powers H^40 ... H^1, the round keys, the number of rounds.
constexpr size_t kPowers = 40;
constexpr size_t kRoundKeysAt = kPowers * kBlock;
constexpr size_t kRoundsAt = kRoundKeysAt + 15 * kBlock;
static_assert(kRoundsAt < sizeof(ExpandedKey));

/// One message. `last` is the byte after the plaintext, or negative.
struct VaesMessage {
  const uint8_t* key;
  const uint8_t* nonce;
  const uint8_t* aad;
  size_t aadSize;
  const uint8_t* in;
  size_t inSize;
  uint8_t* out;
  int last;
};

CULVERT_VAES_INLINE Block loadBlock(const uint8_t* from) {
  return _mm_loadu_si128(reinterpret_cast<const Block*>(from));
}

CULVERT_VAES_INLINE void storeBlock(uint8_t* to, Block block) {
  _mm_storeu_si128(reinterpret_cast<Block*>(to), block);
}

// With a mask of ones, these compile to the instructions without a mask. GCC 12 warns about the
// intrinsics without a mask, because they contain an uninitialized variable.
CULVERT_VAES_INLINE Quad fourTimes(Block block) {
  return _mm512_maskz_broadcast_i32x4(0xFFFF, block);
}

CULVERT_VAES_INLINE Quad swapHalves(Quad quad) {
  return _mm512_maskz_shuffle_epi32(0xFFFF, quad, _MM_PERM_BADC);
}

/// Returns the low two blocks of `a` and of `b`.
CULVERT_VAES_INLINE Quad lowHalves(Quad a, Quad b) {
  return _mm512_maskz_shuffle_i64x2(0xFF, a, b, 0x44);
}

CULVERT_VAES_INLINE Quad repeatFirst(Quad quad) {
  return _mm512_maskz_shuffle_i64x2(0xFF, quad, quad, 0x00);
}

CULVERT_VAES_INLINE Block reverseOrder() {
  return _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

CULVERT_VAES_INLINE Block reverseBytes(Block block) {
  return _mm_shuffle_epi8(block, reverseOrder());
}

CULVERT_VAES_INLINE Quad reverseBytes(Quad quad) {
  return _mm512_shuffle_epi8(quad, fourTimes(reverseOrder()));
}

CULVERT_VAES_INLINE Quad xorThree(Quad a, Quad b, Quad c) {
  return _mm512_ternarylogic_epi64(a, b, c, 0x96);
}

CULVERT_VAES_INLINE Quad roundKey(const uint8_t* key, int round) {
  return fourTimes(loadBlock(key + kRoundKeysAt + kBlock * round));
}

/// Returns H^power in each block.
CULVERT_VAES_INLINE Quad powerOf(const uint8_t* key, size_t power) {
  return fourTimes(loadBlock(key + kBlock * (kPowers - power)));
}

/// Returns H^power, H^(power - 1) and so on. Blocks after H^1 are round keys; the caller multiplies
/// them by zero.
CULVERT_VAES_INLINE Quad powersFrom(const uint8_t* key, size_t power) {
  return _mm512_loadu_si512(key + kBlock * (kPowers - power));
}

// --- GHASH ------------------------------------------------------------------------------------

/// A sum of products that is not reduced yet: low + middle * x^64 + high * x^128.
struct Products {
  Quad low, middle, high;
};

CULVERT_VAES_INLINE void multiply(Products& sum, Quad a, Quad b) {
  sum.low = _mm512_clmulepi64_epi128(a, b, 0x00);
  sum.middle =
      _mm512_xor_si512(_mm512_clmulepi64_epi128(a, b, 0x01), _mm512_clmulepi64_epi128(a, b, 0x10));
  sum.high = _mm512_clmulepi64_epi128(a, b, 0x11);
}

CULVERT_VAES_INLINE void addProduct(Products& sum, Quad a, Quad b) {
  sum.low = _mm512_xor_si512(sum.low, _mm512_clmulepi64_epi128(a, b, 0x00));
  sum.middle = xorThree(sum.middle, _mm512_clmulepi64_epi128(a, b, 0x01),
                        _mm512_clmulepi64_epi128(a, b, 0x10));
  sum.high = _mm512_xor_si512(sum.high, _mm512_clmulepi64_epi128(a, b, 0x11));
}

/// Adds a * b + c * d. This needs fewer instructions than two calls of addProduct.
CULVERT_VAES_INLINE void addProducts(Products& sum, Quad a, Quad b, Quad c, Quad d) {
  sum.low =
      xorThree(sum.low, _mm512_clmulepi64_epi128(a, b, 0x00), _mm512_clmulepi64_epi128(c, d, 0x00));
  sum.middle = xorThree(sum.middle, _mm512_clmulepi64_epi128(a, b, 0x01),
                        _mm512_clmulepi64_epi128(a, b, 0x10));
  sum.middle = xorThree(sum.middle, _mm512_clmulepi64_epi128(c, d, 0x01),
                        _mm512_clmulepi64_epi128(c, d, 0x10));
  sum.high = xorThree(sum.high, _mm512_clmulepi64_epi128(a, b, 0x11),
                      _mm512_clmulepi64_epi128(c, d, 0x11));
}

/// Reduces each block modulo the polynomial of GHASH: 64 bits of `low`, then 64 bits of the middle.
CULVERT_VAES_INLINE Quad reduce(const Products& sum) {
  const Quad polynomial = _mm512_set1_epi64(static_cast<int64_t>(0xC200000000000000));
  const Quad middle = xorThree(sum.middle, swapHalves(sum.low),
                               _mm512_clmulepi64_epi128(sum.low, polynomial, 0x00));
  return xorThree(sum.high, swapHalves(middle), _mm512_clmulepi64_epi128(middle, polynomial, 0x00));
}

CULVERT_VAES_INLINE Quad product(Quad a, Quad b) {
  Products sum;
  multiply(sum, a, b);
  return reduce(sum);
}

CULVERT_VAES_INLINE Block sumOfBlocks(Quad quad) {
  const __m256i two = _mm256_xor_si256(_mm512_maskz_extracti64x4_epi64(0xF, quad, 0),
                                       _mm512_maskz_extracti64x4_epi64(0xF, quad, 1));
  return _mm_xor_si128(_mm256_castsi256_si128(two), _mm256_extracti128_si256(two, 1));
}

// The state of GHASH is a pending quad. It counts like four blocks directly before the blocks that
// follow: not yet multiplied by their powers of H.

CULVERT_VAES_INLINE Quad inLastBlock(Block block) {
  return _mm512_maskz_broadcast_i32x4(0xF000, block);
}

/// Returns the pending quad after the additional data.
CULVERT_VAES_INLINE Quad hashAad(const VaesMessage& m) {
  Quad pending = _mm512_setzero_si512();
  for (size_t at = 0; at < m.aadSize; at += kBlock) {
    if (at > 0) pending = product(pending, powerOf(m.key, 1));
    const size_t left = m.aadSize - at;
    const __mmask16 mask = left < kBlock ? (1u << left) - 1 : 0xFFFF;
    const Block block = _mm_maskz_loadu_epi8(mask, m.aad + at);
    pending = _mm512_xor_si512(pending, inLastBlock(reverseBytes(block)));
  }
  return pending;
}

// --- AES --------------------------------------------------------------------------------------

template <int kQuads>
struct Quads {
  Quad at[kQuads];
};

template <int kQuads>
CULVERT_VAES_INLINE void aesRound(Quads<kQuads>& state, Quad key) {
  CULVERT_UNROLL for (int i = 0; i < kQuads; ++i) {
    state.at[i] = _mm512_aesenc_epi128(state.at[i], key);
  }
}

template <int kRounds>
CULVERT_VAES_INLINE Block aesBlock(const uint8_t* key, Block block) {
  const uint8_t* keys = key + kRoundKeysAt;
  block = _mm_xor_si128(block, loadBlock(keys));
  CULVERT_UNROLL for (int round = 1; round < kRounds; ++round) {
    block = _mm_aesenc_si128(block, loadBlock(keys + kBlock * round));
  }
  return _mm_aesenclast_si128(block, loadBlock(keys + kBlock * kRounds));
}

CULVERT_VAES_INLINE Quad reverseCounters(Quad counters) {
  return _mm512_shuffle_epi8(
      counters, fourTimes(_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3)));
}

CULVERT_VAES_INLINE Quad inCounters(uint32_t value) {
  return _mm512_maskz_set1_epi32(0x8888, static_cast<int>(value));
}

CULVERT_VAES_INLINE Quad countersFrom(uint32_t first) {
  const Quad steps = _mm512_set_epi32(3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0);
  return _mm512_add_epi32(inCounters(first), steps);
}

/// The counter blocks of whole batches, XORed with the first round key. Batch n has the counters
/// from 32n + 2 to 32n + 33. Their low five bits, in low_, are the same in all batches. The XOR
/// with the other bits, in high_, yields the blocks. In the last two blocks, the other bits are
/// those of the next batch.
class BatchCounters {
 public:
  CULVERT_VAES_INLINE explicit BatchCounters(Quad base)
      : high_(_mm512_setzero_si512()), next_(inCounters(kBatchBlocks)) {
    // These counters fit into the last byte of their blocks, so they need no reversal.
    Quad low =
        _mm512_set_epi32(5 << 24, 0, 0, 0, 4 << 24, 0, 0, 0, 3 << 24, 0, 0, 0, 2 << 24, 0, 0, 0);
    CULVERT_UNROLL for (int i = 0; i < kBatchQuads; ++i) {
      if (i + 1 == kBatchQuads) low = _mm512_and_si512(low, inCounters(0x1F000000));
      low_.at[i] = _mm512_xor_si512(base, low);
      low = _mm512_add_epi32(low, inCounters(0x04000000));
    }
  }
  CULVERT_VAES_INLINE Quads<kBatchQuads> nextBatch() {
    const Quad nextHigh = reverseCounters(next_);
    const Quad lastHigh = _mm512_mask_mov_epi64(high_, 0xF0, nextHigh);
    Quads<kBatchQuads> state;
    CULVERT_UNROLL for (int i = 0; i < kBatchQuads; ++i) {
      state.at[i] = _mm512_xor_si512(low_.at[i], i + 1 < kBatchQuads ? high_ : lastHigh);
    }
    high_ = nextHigh;
    next_ = _mm512_add_epi32(next_, inCounters(kBatchBlocks));
    return state;
  }

 private:
  Quads<kBatchQuads> low_;
  Quad high_;
  Quad next_;  // little endian
};

// --- whole batches ----------------------------------------------------------------------------

CULVERT_VAES_INLINE Quad loadReversed(const uint8_t* from) {
  return reverseBytes(_mm512_loadu_si512(from));
}

/// Step 0, 1, 2 or 3 of hashing a batch: adds the products of two of `pending` and the batch's
/// first seven quads.
CULVERT_VAES_INLINE void hashStep(int step, const uint8_t* key, const uint8_t* batch, Quad pending,
                                  Products& sum) {
  const size_t power = kBatchBlocks - 4 - 8 * step;
  const uint8_t* first = batch + 2 * step * kQuad;
  const bool hasTwo = step < 3;
  addProducts(sum, loadReversed(first), powerOf(key, power),
              hasTwo ? loadReversed(first + kQuad) : pending,
              powerOf(key, hasTwo ? power - 4 : kBatchBlocks));
}

/// Encrypts or decrypts a batch. If kHash is set, hashes the batch of ciphertext at `hashed`
/// between the rounds: the CPU multiplies and encrypts on different ports. Loads all of `hashed`
/// before it writes to `out`, which may be the same memory.
template <int kRounds, bool kHash>
CULVERT_VAES_INLINE void cryptBatch(const uint8_t* key, BatchCounters& counters, const uint8_t* in,
                                    uint8_t* out, const uint8_t* hashed, Quad& pending) {
  Quads<kBatchQuads> state = counters.nextBatch();
  Products sum = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  CULVERT_UNROLL for (int round = 1; round < kRounds; ++round) {
    aesRound(state, roundKey(key, round));
    if (kHash && round % 2 == 0 && round <= 8) hashStep(round / 2 - 1, key, hashed, pending, sum);
    if (kHash && round == 9) {
      pending = _mm512_xor_si512(reduce(sum), loadReversed(hashed + kBatch - kQuad));
    }
  }
  const Quad lastKey = roundKey(key, kRounds);
  CULVERT_UNROLL for (int i = 0; i < kBatchQuads; ++i) {
    const Quad text = _mm512_loadu_si512(in + i * kQuad);
    _mm512_storeu_si512(out + i * kQuad,
                        _mm512_aesenclast_epi128(state.at[i], _mm512_xor_si512(text, lastKey)));
  }
}

CULVERT_VAES_INLINE void hashBatch(const uint8_t* key, const uint8_t* batch, Quad& pending) {
  Products sum = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
  CULVERT_UNROLL for (int step = 0; step < 4; ++step) hashStep(step, key, batch, pending, sum);
  pending = _mm512_xor_si512(reduce(sum), loadReversed(batch + kBatch - kQuad));
}

template <int kRounds, bool kSeal>
CULVERT_VAES_INLINE void cryptBatches(const VaesMessage& m, Quad base, size_t size, Quad& pending) {
  BatchCounters counters(base);
  if (kSeal) {
    // The ciphertext of a batch is hashed while the next batch is encrypted.
    cryptBatch<kRounds, false>(m.key, counters, m.in, m.out, nullptr, pending);
    for (size_t at = kBatch; at < size; at += kBatch) {
      cryptBatch<kRounds, true>(m.key, counters, m.in + at, m.out + at, m.out + at - kBatch,
                                pending);
    }
    hashBatch(m.key, m.out + size - kBatch, pending);
  } else {
    for (size_t at = 0; at < size; at += kBatch) {
      cryptBatch<kRounds, true>(m.key, counters, m.in + at, m.out + at, m.in + at, pending);
    }
  }
}

// --- the rest of a message --------------------------------------------------------------------

/// The part of a message that is shorter than a batch. `size` includes the byte `last`.
struct VaesRest {
  const uint8_t* in;
  size_t inSize;
  uint8_t* out;
  size_t size;
  int last;
  uint32_t counter;  // of the first block
  size_t power;      // the power of H for the first block
};

/// Returns a mask of the first `size` bytes of a quad.
CULVERT_VAES_INLINE __mmask64 firstBytes(size_t size) {
  return _bzhi_u64(~uint64_t{0}, size < kQuad ? static_cast<unsigned>(size) : kQuad);
}

/// Encrypts or decrypts kQuads quads, and adds the products of the ciphertext and the powers of H.
/// Only the last quad may be incomplete.
template <int kRounds, bool kSeal, int kQuads>
CULVERT_VAES_INLINE void cryptRest(const uint8_t* key, const VaesRest& rest, Quad base,
                                   Products& sum) {
  Quads<kQuads> state;
  Quad counters = countersFrom(rest.counter);
  CULVERT_UNROLL for (int i = 0; i < kQuads; ++i) {
    state.at[i] = _mm512_xor_si512(base, reverseCounters(counters));
    counters = _mm512_add_epi32(counters, inCounters(4));
  }
  CULVERT_UNROLL for (int round = 1; round < kRounds; ++round) {
    aesRound(state, roundKey(key, round));
  }
  const Quad lastKey = roundKey(key, kRounds);
  constexpr size_t kComplete = (kQuads - 1) * kQuad;
  const __mmask64 given = firstBytes(rest.inSize - kComplete);
  const __mmask64 written = firstBytes(rest.size - kComplete);
  // If the last quad contains only the byte `last`, nothing is loaded, but the address must be
  // valid: a masked load from an unmapped page reads nothing and takes 150 ns.
  const uint8_t* lastIn = rest.inSize > kComplete ? rest.in + kComplete : key;
  CULVERT_UNROLL for (int i = 0; i < kQuads; ++i) {
    const bool complete = i + 1 < kQuads;
    uint8_t* out = rest.out + i * kQuad;
    Quad text =
        complete ? _mm512_loadu_si512(rest.in + i * kQuad) : _mm512_maskz_loadu_epi8(given, lastIn);
    if (kSeal && !complete) {
      text = _mm512_mask_set1_epi8(text, given ^ written, static_cast<char>(rest.last));
    }
    const Quad result = _mm512_aesenclast_epi128(state.at[i], _mm512_xor_si512(text, lastKey));
    Quad ciphertext = kSeal ? result : text;
    if (kSeal && !complete) ciphertext = _mm512_maskz_mov_epi8(written, result);
    addProduct(sum, reverseBytes(ciphertext), powersFrom(key, rest.power - 4 * i));
    if (complete) {
      _mm512_storeu_si512(out, result);
    } else {
      _mm512_mask_storeu_epi8(out, written, result);
    }
  }
}

template <int kRounds, bool kSeal>
CULVERT_VAES_INLINE void cryptAllRest(const uint8_t* key, VaesRest rest, Quad base, Products& sum) {
  constexpr int kMost = 4;
  while (rest.size > 0) {
    if (rest.size <= kQuad) return cryptRest<kRounds, kSeal, 1>(key, rest, base, sum);
    if (rest.size <= 2 * kQuad) return cryptRest<kRounds, kSeal, 2>(key, rest, base, sum);
    if (rest.size <= 3 * kQuad) return cryptRest<kRounds, kSeal, 3>(key, rest, base, sum);
    cryptRest<kRounds, kSeal, kMost>(key, rest, base, sum);
    if (rest.size <= kMost * kQuad) return;
    rest.in += kMost * kQuad;
    rest.inSize -= kMost * kQuad;
    rest.out += kMost * kQuad;
    rest.size -= kMost * kQuad;
    rest.counter += 4 * kMost;
    rest.power -= 4 * kMost;
  }
}

/// Handles a whole message and returns its tag.
template <int kRounds, bool kSeal>
CULVERT_VAES_INLINE Block cryptMessage(const VaesMessage& m) {
  const Block nonce = _mm_maskz_loadu_epi32(0x7, m.nonce);  // 12 bytes, and the counter 0
  const Quad base = _mm512_xor_si512(fourTimes(nonce), roundKey(m.key, 0));
  const size_t size = m.inSize + (m.last >= 0 ? 1 : 0);
  Quad pending = hashAad(m);
  const size_t bulk = m.inSize / kBatch * kBatch;
  if (bulk > 0) cryptBatches<kRounds, kSeal>(m, base, bulk, pending);

  // The powers of H for the rest's blocks and the block with the lengths.
  const size_t power = (size - bulk + kBlock - 1) / kBlock + 1;
  const Block lengths =
      _mm_set_epi64x(static_cast<int64_t>(m.aadSize * 8), static_cast<int64_t>(size * 8));
  Products sum;
  multiply(sum, inLastBlock(lengths), powersFrom(m.key, 4));
  const Block tagMask = aesBlock<kRounds>(m.key, _mm_insert_epi32(nonce, 0x01000000, 3));
  cryptAllRest<kRounds, kSeal>(m.key,
                               {m.in + bulk, m.inSize - bulk, m.out + bulk, size - bulk, m.last,
                                static_cast<uint32_t>(bulk / kBlock) + 2, power},
                               base, sum);
  addProduct(sum, pending, powersFrom(m.key, power + 4));
  return _mm_xor_si128(tagMask, reverseBytes(sumOfBlocks(reduce(sum))));
}

CULVERT_VAES void vaesSeal(const VaesMessage& m) {
  const Block tag = m.key[kRoundsAt] == 10 ? cryptMessage<10, true>(m) : cryptMessage<14, true>(m);
  storeBlock(m.out + m.inSize + (m.last >= 0 ? 1 : 0), tag);
  _mm256_zeroupper();  // or SSE code is slow afterwards; GCC adds it from -O2 on
}

/// Returns whether the tag after the ciphertext is right.
CULVERT_VAES bool vaesOpen(const VaesMessage& m) {
  const Block given = loadBlock(m.in + m.inSize);
  const Block tag =
      m.key[kRoundsAt] == 10 ? cryptMessage<10, false>(m) : cryptMessage<14, false>(m);
  const Block difference = _mm_xor_si128(given, tag);
  const bool right = _mm_testz_si128(difference, difference) != 0;
  _mm256_zeroupper();
  return right;
}

// --- key expansion ----------------------------------------------------------------------------

/// Returns the XOR of each 32-bit word and all words before it in the block.
CULVERT_VAES_INLINE Block runningXor(Block words) {
  words = _mm_xor_si128(words, _mm_slli_si128(words, 4));
  return _mm_xor_si128(words, _mm_slli_si128(words, 8));
}

/// Returns SubWord(RotWord(w)) XOR rcon (FIPS 197), or SubWord(w) XOR rcon, in every word. w is the
/// last of `words`. AESENCLAST computes it, because ShiftRows does not change equal columns.
CULVERT_VAES_INLINE Block substituted(Block words, bool rotate, int rcon) {
  const Block last =
      rotate ? _mm_shuffle_epi8(words, _mm_set1_epi32(0x0C0F0E0D)) : _mm_shuffle_epi32(words, 0xFF);
  return _mm_aesenclast_si128(last, _mm_set1_epi32(rcon));
}

CULVERT_VAES_INLINE void expandRoundKeys128(const uint8_t* secret, uint8_t* keys) {
  Block words = loadBlock(secret);
  storeBlock(keys, words);
  int rcon = 1;
  for (int round = 1; round <= 10; ++round) {
    words = _mm_xor_si128(runningXor(words), substituted(words, true, rcon));
    rcon = (rcon << 1) ^ (rcon >> 7) * 0x11B;
    storeBlock(keys + kBlock * round, words);
  }
}

CULVERT_VAES_INLINE void expandRoundKeys256(const uint8_t* secret, uint8_t* keys) {
  Block even = loadBlock(secret);
  Block odd = loadBlock(secret + kBlock);
  storeBlock(keys, even);
  storeBlock(keys + kBlock, odd);
  for (int round = 2; round <= 14; round += 2) {
    even = _mm_xor_si128(runningXor(even), substituted(odd, true, 1 << (round / 2 - 1)));
    storeBlock(keys + kBlock * round, even);
    if (round == 14) break;
    odd = _mm_xor_si128(runningXor(odd), substituted(even, false, 0));
    storeBlock(keys + kBlock * (round + 1), odd);
  }
}

/// Returns the hash key, whose bytes are reversed, multiplied by x.
CULVERT_VAES_INLINE Block timesX(Block hashKey) {
  const Block carries = _mm_srli_epi64(hashKey, 63);
  const Block doubled = _mm_or_si128(_mm_slli_epi64(hashKey, 1), _mm_slli_si128(carries, 8));
  const Block overflow = _mm_srai_epi32(_mm_shuffle_epi32(hashKey, 0xFF), 31);
  const Block polynomial = _mm_set_epi64x(static_cast<int64_t>(0xC200000000000000), 1);
  return _mm_xor_si128(doubled, _mm_and_si128(overflow, polynomial));
}

CULVERT_VAES_INLINE void expandPowers(Block hashKey, uint8_t* key) {
  const Quad one = fourTimes(timesX(reverseBytes(hashKey)));
  const Quad two = product(one, one);
  const Quad twoOne = _mm512_mask_mov_epi64(two, 0xCC, one);  // H^2, H, H^2, H
  const Quad fourThree = product(twoOne, two);
  const Quad four = repeatFirst(fourThree);
  const Quad first = lowHalves(fourThree, twoOne);  // H^4, H^3, H^2, H
  const Quad second = product(first, four);
  const Quad eight = repeatFirst(second);
  const Quad third = product(first, eight);
  const Quad fourth = product(second, eight);
  const Quad sixteen = repeatFirst(fourth);
  Quad powers[10] = {first, second, third, fourth};
  CULVERT_UNROLL for (int i = 4; i < 10; ++i) powers[i] = product(powers[i - 4], sixteen);
  static_assert(kPowers == 40);
  CULVERT_UNROLL for (int i = 0; i < 10; ++i) {
    _mm512_storeu_si512(key + kQuad * (9 - i), powers[i]);
  }
}

CULVERT_VAES void vaesExpand(const uint8_t* secret, bool is256, uint8_t* key) {
  const Block zero = _mm_setzero_si128();
  if (is256) {
    expandRoundKeys256(secret, key + kRoundKeysAt);
  } else {
    expandRoundKeys128(secret, key + kRoundKeysAt);
  }
  key[kRoundsAt] = is256 ? 14 : 10;
  expandPowers(is256 ? aesBlock<14>(key, zero) : aesBlock<10>(key, zero), key);
  _mm256_zeroupper();
}

// --- the provider -----------------------------------------------------------------------------

/// Returns whether the CPU has the instructions and the kernel saves the ZMM registers. Clang 14's
/// __builtin_cpu_supports does not know VAES.
bool cpuHasVaes() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  // SSSE3, PCLMULQDQ, SSE4.1, AES and OSXSAVE.
  constexpr unsigned kLeaf1 = 1u << 9 | 1u << 1 | 1u << 19 | 1u << 25 | 1u << 27;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & kLeaf1) != kLeaf1) return false;
  unsigned low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  constexpr unsigned kSaved = 0xE6;  // XMM, YMM, the mask registers and both parts of ZMM
  if ((low & kSaved) != kSaved) return false;
  // BMI2, AVX-512 F, DQ, BW and VL; VAES and VPCLMULQDQ.
  constexpr unsigned kLeaf7b = 1u << 8 | 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
  constexpr unsigned kLeaf7c = 1u << 9 | 1u << 10;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & kLeaf7b) == kLeaf7b &&
         (c & kLeaf7c) == kLeaf7c;
}

class VaesAead final : public AeadProvider {
 public:
  const char* name() const override { return "VAES/AVX-512"; }
  bool offers(AeadKind kind) const override {
    return kind != AeadKind::kChaCha20Poly1305 && cpuHasVaes();
  }
  bool expand(AeadKind kind, std::span<const uint8_t> key, ExpandedKey& into) const override {
    if (kind == AeadKind::kChaCha20Poly1305 || key.size() != aeadKeySize(kind)) return false;
    vaesExpand(key.data(), kind == AeadKind::kAes256Gcm, into.bytes.data());
    return true;
  }
  bool seal(ExpandedKey& key, const AeadNonce& nonce, std::span<const uint8_t> aad,
            std::span<const uint8_t> plaintext, std::optional<uint8_t> last,
            uint8_t* out) const override {
    if (plaintext.size() >= kLongestMessage) return false;
    vaesSeal({key.bytes.data(), nonce.data(), aad.data(), aad.size(), plaintext.data(),
              plaintext.size(), out, last ? *last : -1});
    return true;
  }
  bool open(ExpandedKey& key, const AeadNonce& nonce, std::span<const uint8_t> aad,
            std::span<const uint8_t> sealed, uint8_t* out) const override {
    if (sealed.size() < kAeadTag || sealed.size() - kAeadTag > kLongestMessage) return false;
    return vaesOpen({key.bytes.data(), nonce.data(), aad.data(), aad.size(), sealed.data(),
                     sealed.size() - kAeadTag, out, -1});
  }
};

}  // namespace

const AeadProvider* vaesAead() {
  static constexpr VaesAead kProvider;
  return &kProvider;
}

}  // namespace culvert

#undef CULVERT_VAES_TARGET
#undef CULVERT_VAES
#undef CULVERT_VAES_INLINE
#undef CULVERT_UNROLL

#else

namespace culvert {
const AeadProvider* vaesAead() { return nullptr; }
}  // namespace culvert

#endif
