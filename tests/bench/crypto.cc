// SPDX-License-Identifier: GPL-3.0-or-later
// What wolfSSL's own primitives cost: the part of the floor that no terminator on this library can
// go below. Each is repeated for a quarter of a second; CPU time of this thread, the best of three.
// Prints one line of JSON.
//
// usage: crypto RSA_KEY.der
#include <wolfssl/options.h>
// options.h first
#include <sys/random.h>
#include <wolfssl/wolfcrypt/aes.h>
#include <wolfssl/wolfcrypt/curve25519.h>
#include <wolfssl/wolfcrypt/ecc.h>
#include <wolfssl/wolfcrypt/hmac.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>
#ifdef WOLFSSL_HAVE_MLKEM
#include <wolfssl/wolfcrypt/wc_mlkem.h>
#endif

#include <algorithm>
#include <array>
#include <fstream>
#include <functional>
#include <iterator>

#include "bench.h"

/// The library was built to ask the program for random bytes.
extern "C" int culvertRandomBlock(unsigned char* out, unsigned int size) {
  return getrandom(out, size, 0) == static_cast<ssize_t>(size) ? 0 : -1;
}

namespace culvert::bench {
namespace {

uint64_t cpuNs() {
  timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<uint64_t>(t.tv_sec) * 1000000000u + static_cast<uint64_t>(t.tv_nsec);
}

void check(int result, const char* what) {
  if (result >= 0) return;
  std::fprintf(stderr, "bench: %s: wolfSSL error %d\n", what, result);
  std::exit(1);
}

/// Nanoseconds of one call.
double costOf(const std::function<void()>& work) {
  work();
  double best = 1e18;
  for (int round = 0; round < 3; ++round) {
    const uint64_t begin = cpuNs();
    uint64_t end = begin, calls = 0;
    for (; end - begin < 250'000'000; end = cpuNs()) {
      for (int i = 0; i < 8; ++i, ++calls) work();
    }
    best = std::min(best, static_cast<double>(end - begin) / static_cast<double>(calls));
  }
  return best;
}

constexpr word32 kRecord = 16384;

WC_RNG rng;
std::array<byte, 32> digest{7};

double p256Sign() {
  ecc_key key;
  std::array<byte, 256> signature;
  check(wc_ecc_init(&key), "ecc");
  check(wc_ecc_make_key_ex(&rng, 32, &key, ECC_SECP256R1), "P-256 key");
  return costOf([&] {
    word32 size = signature.size();
    check(wc_ecc_sign_hash(digest.data(), digest.size(), signature.data(), &size, &rng, &key),
          "P-256 sign");
  });
}

double rsaSign(const char* keyFile) {
  RsaKey key;
  std::array<byte, 256> signature;
  std::ifstream file(keyFile, std::ios::binary);
  const std::string der{std::istreambuf_iterator<char>(file), {}};
  word32 read = 0;
  check(wc_InitRsaKey(&key, nullptr), "rsa");
  check(wc_RsaPrivateKeyDecode(reinterpret_cast<const byte*>(der.data()), &read, &key,
                               static_cast<word32>(der.size())),
        "RSA key");
  check(wc_RsaSetRNG(&key, &rng), "RSA rng");
  return costOf([&] {
    check(wc_RsaPSS_Sign(digest.data(), digest.size(), signature.data(), signature.size(),
                         WC_HASH_TYPE_SHA256, WC_MGF1SHA256, &key, &rng),
          "RSA sign");
  });
}

/// A key of one's own and the secret shared with the peer.
double x25519() {
  curve25519_key peer;
  check(wc_curve25519_init(&peer), "x25519");
  check(wc_curve25519_make_key(&rng, CURVE25519_KEYSIZE, &peer), "X25519 key");
  return costOf([&] {
    curve25519_key own;
    std::array<byte, 32> secret;
    word32 size = secret.size();
    check(wc_curve25519_init(&own), "x25519");
    check(wc_curve25519_make_key(&rng, CURVE25519_KEYSIZE, &own), "X25519 key");
    check(wc_curve25519_shared_secret_ex(&own, &peer, secret.data(), &size, EC25519_LITTLE_ENDIAN),
          "X25519");
    wc_curve25519_free(&own);
  });
}

/// The server's part: the peer's public key decoded, a secret encapsulated to it. 0 where the
/// library has none.
double mlkem768() {
#ifdef WOLFSSL_HAVE_MLKEM
  MlKemKey peer;
  std::array<byte, WC_ML_KEM_768_PUBLIC_KEY_SIZE> pub;
  std::array<byte, WC_ML_KEM_768_CIPHER_TEXT_SIZE> sealed;
  std::array<byte, WC_ML_KEM_SS_SZ> secret;
  check(wc_MlKemKey_Init(&peer, WC_ML_KEM_768, nullptr, INVALID_DEVID), "ML-KEM");
  check(wc_MlKemKey_MakeKey(&peer, &rng), "ML-KEM key");
  check(wc_MlKemKey_EncodePublicKey(&peer, pub.data(), pub.size()), "ML-KEM public key");
  return costOf([&] {
    MlKemKey key;
    check(wc_MlKemKey_Init(&key, WC_ML_KEM_768, nullptr, INVALID_DEVID), "ML-KEM");
    check(wc_MlKemKey_DecodePublicKey(&key, pub.data(), pub.size()), "ML-KEM decode");
    check(wc_MlKemKey_Encapsulate(&key, sealed.data(), secret.data(), &rng), "ML-KEM encapsulate");
    wc_MlKemKey_Free(&key);
  });
#else
  return 0;
#endif
}

/// The key schedule of TLS 1.3 (RFC 8446, 7.1) and its two Finished: 24 HMACs of one short message,
/// each with a key of its own (3 extractions, 8 secrets, 4 keys with their IVs, 2 Finished and
/// their keys, the ticket's).
double keySchedule() {
  return costOf([&] {
    for (int i = 0; i < 24; ++i) {
      Hmac hmac;
      std::array<byte, 54> message{};
      check(wc_HmacInit(&hmac, nullptr, INVALID_DEVID), "hmac");
      check(wc_HmacSetKey(&hmac, WC_SHA256, digest.data(), digest.size()), "hmac key");
      check(wc_HmacUpdate(&hmac, message.data(), message.size()), "hmac update");
      check(wc_HmacFinal(&hmac, digest.data()), "hmac final");
      wc_HmacFree(&hmac);
    }
  });
}

struct Gcm {
  double encrypt, decrypt, small;
};

Gcm aesGcm() {
  Aes aes;
  check(wc_AesInit(&aes, nullptr, INVALID_DEVID), "aes");
  check(wc_AesGcmSetKey(&aes, digest.data(), 16), "aes key");
  std::string plain(kRecord, 'x'), sealed(kRecord, ' ');
  std::array<byte, 16> tag;
  auto* in = reinterpret_cast<byte*>(plain.data());
  auto* out = reinterpret_cast<byte*>(sealed.data());
  const auto seal = [&](word32 size) {
    check(
        wc_AesGcmEncrypt(&aes, out, in, size, digest.data(), 12, tag.data(), 16, digest.data(), 5),
        "encrypt");
  };
  const auto open = [&](word32 size) {
    check(
        wc_AesGcmDecrypt(&aes, in, out, size, digest.data(), 12, tag.data(), 16, digest.data(), 5),
        "decrypt");
  };
  Gcm cost{};
  cost.encrypt = costOf([&] { seal(kRecord); });
  cost.decrypt = costOf([&] { open(kRecord); });
  cost.small = costOf([&] {
    seal(64);
    open(64);
  });
  return cost;
}

void run(const char* rsaKeyFile) {
  check(wc_InitRng(&rng), "rng");
  const Gcm gcm = aesGcm();
  std::printf(
      "{\"p256_sign_us\": %.2f, \"rsa2048_sign_us\": %.2f, \"x25519_us\": %.2f, "
      "\"mlkem768_us\": %.2f, \"key_schedule_us\": %.2f, \"encrypt_ns_per_byte\": %.4f, "
      "\"decrypt_ns_per_byte\": %.4f, \"both_ways_64_us\": %.3f}\n",
      p256Sign() / 1e3, rsaSign(rsaKeyFile) / 1e3, x25519() / 1e3, mlkem768() / 1e3,
      keySchedule() / 1e3, gcm.encrypt / kRecord, gcm.decrypt / kRecord, gcm.small / 1e3);
}

}  // namespace
}  // namespace culvert::bench

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  culvert::bench::run(argv[1]);
}
