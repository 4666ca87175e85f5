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
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/rsa.h>
#include <wolfssl/wolfcrypt/sha256.h>

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

void run(const char* rsaKeyFile) {
  WC_RNG rng;
  check(wc_InitRng(&rng), "rng");
  std::array<byte, 32> digest{7};

  ecc_key signer;
  check(wc_ecc_init(&signer), "ecc");
  check(wc_ecc_make_key_ex(&rng, 32, &signer, ECC_SECP256R1), "P-256 key");
  std::array<byte, 256> signature;
  const double sign = costOf([&] {
    word32 size = signature.size();
    check(wc_ecc_sign_hash(digest.data(), digest.size(), signature.data(), &size, &rng, &signer),
          "P-256 sign");
  });

  RsaKey rsa;
  check(wc_InitRsaKey(&rsa, nullptr), "rsa");
  std::ifstream file(rsaKeyFile, std::ios::binary);
  const std::string der{std::istreambuf_iterator<char>(file), {}};
  word32 read = 0;
  check(wc_RsaPrivateKeyDecode(reinterpret_cast<const byte*>(der.data()), &read, &rsa,
                               static_cast<word32>(der.size())),
        "RSA key");
  check(wc_RsaSetRNG(&rsa, &rng), "RSA rng");
  const double rsaSign = costOf([&] {
    check(wc_RsaPSS_Sign(digest.data(), digest.size(), signature.data(), signature.size(),
                         WC_HASH_TYPE_SHA256, WC_MGF1SHA256, &rsa, &rng),
          "RSA sign");
  });

  curve25519_key peer;
  check(wc_curve25519_init(&peer), "x25519");
  check(wc_curve25519_make_key(&rng, CURVE25519_KEYSIZE, &peer), "X25519 key");
  const double exchange = costOf([&] {
    curve25519_key own;
    std::array<byte, 32> secret;
    word32 size = secret.size();
    check(wc_curve25519_init(&own), "x25519");
    check(wc_curve25519_make_key(&rng, CURVE25519_KEYSIZE, &own), "X25519 key");
    check(wc_curve25519_shared_secret_ex(&own, &peer, secret.data(), &size, EC25519_LITTLE_ENDIAN),
          "X25519");
    wc_curve25519_free(&own);
  });

  Aes aes;
  check(wc_AesInit(&aes, nullptr, INVALID_DEVID), "aes");
  check(wc_AesGcmSetKey(&aes, digest.data(), 16), "aes key");
  std::string plain(kRecord, 'x'), sealed(kRecord, ' ');
  std::array<byte, 16> tag;
  auto* in = reinterpret_cast<byte*>(plain.data());
  auto* out = reinterpret_cast<byte*>(sealed.data());
  const double encrypt = costOf([&] {
    check(wc_AesGcmEncrypt(&aes, out, in, kRecord, digest.data(), 12, tag.data(), 16, digest.data(),
                           5),
          "encrypt");
  });
  const double decrypt = costOf([&] {
    check(wc_AesGcmDecrypt(&aes, in, out, kRecord, digest.data(), 12, tag.data(), 16, digest.data(),
                           5),
          "decrypt");
  });
  const double small = costOf([&] {
    check(wc_AesGcmEncrypt(&aes, out, in, 64, digest.data(), 12, tag.data(), 16, digest.data(), 5),
          "encrypt");
    check(wc_AesGcmDecrypt(&aes, in, out, 64, digest.data(), 12, tag.data(), 16, digest.data(), 5),
          "decrypt");
  });
  const double hash = costOf([&] {
    wc_Sha256 sha;
    wc_InitSha256(&sha);
    wc_Sha256Update(&sha, in, 1024);
    wc_Sha256Final(&sha, digest.data());
  });

  std::printf(
      "{\"p256_sign_us\": %.2f, \"rsa2048_sign_us\": %.2f, \"x25519_us\": %.2f, "
      "\"encrypt_ns_per_byte\": %.4f, "
      "\"decrypt_ns_per_byte\": %.4f, \"both_ways_64_us\": %.3f, \"sha256_ns_per_byte\": %.4f}\n",
      sign / 1e3, rsaSign / 1e3, exchange / 1e3, encrypt / kRecord, decrypt / kRecord, small / 1e3,
      hash / 1024);
}

}  // namespace
}  // namespace culvert::bench

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  culvert::bench::run(argv[1]);
}
