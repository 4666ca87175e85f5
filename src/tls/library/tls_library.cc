// SPDX-License-Identifier: GPL-3.0-or-later
// Initialises wolfSSL, reports its build options, and tests wolfSSL for a known defect.
#include "tls/library/tls_library.h"

#include <sys/auxv.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <mutex>
#if defined(__x86_64__) || defined(__i386__)
#include <cpuid.h>
#endif

#include <fmt/format.h>

#include "tls/library/key_log.h"
#include "tls/library/random_source.h"
#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/tls_names.h"

namespace culvert {

namespace {

std::mutex initMutex;
bool initialised = false;

}  // namespace

Result<void> initTlsLibrary() {
  std::lock_guard lock(initMutex);
  if (initialised) return {};
  unsigned char probe[16];
  if (culvertRandomBlock(probe, sizeof(probe)) != 0)
    return failErrno("the kernel gives no random bytes (getrandom)", errno);
  int result = wolfSSL_Init();
  if (result != WOLFSSL_SUCCESS) return fail("cannot initialise wolfSSL: " + tlsErrorText(result));
  initialised = true;
  return {};
}

namespace {

/// Fills the upper halves of the vector registers with ones, as hand-written AVX2 code may do. Then
/// computes a public key. One function does both, so that no other code clears the registers in
/// between.
#if defined(__x86_64__) && defined(HAVE_CURVE25519)
__attribute__((noinline)) int publicKeyAfterVectorCode(const byte* secret, byte* out) {
  if (__builtin_cpu_supports("avx2") != 0) {
    __asm__ volatile(
        "vpcmpeqd %%ymm3, %%ymm3, %%ymm3\n\tvmovdqa %%ymm3, %%ymm4\n\tvmovdqa %%ymm3, %%ymm5\n\t"
        "vmovdqa %%ymm3, %%ymm7\n\tvmovdqa %%ymm3, %%ymm8\n\tvmovdqa %%ymm3, %%ymm9" ::
            : "xmm3", "xmm4", "xmm5", "xmm7", "xmm8", "xmm9");
  }
  return wc_curve25519_make_pub(CURVE25519_KEYSIZE, out, CURVE25519_KEYSIZE, secret);
}
#endif

}  // namespace

std::string tlsLibraryDefect() {
#if defined(__x86_64__) && defined(HAVE_CURVE25519)
  // Alice's keys from RFC 7748 6.1. The secret key is clamped.
  static constexpr byte kSecret[CURVE25519_KEYSIZE] = {
      0x70, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
      0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
      0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x6a};
  static constexpr byte kPublic[CURVE25519_KEYSIZE] = {
      0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54, 0x74, 0x8b, 0x7d,
      0xdc, 0xb4, 0x3e, 0xf7, 0x5a, 0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38,
      0x1a, 0xf4, 0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a};
  byte out[CURVE25519_KEYSIZE] = {};
  if (publicKeyAfterVectorCode(kSecret, out) != 0 || std::memcmp(out, kPublic, sizeof(out)) != 0)
    return "this build of wolfSSL sometimes computes wrong X25519 keys (its AVX2 code relies on "
           "cleared registers): "
           "some handshakes will fail; build it with scripts/wolfssl.sh, which fixes it";
#endif
  return {};
}

std::string tlsLibraryVersion() { return wolfSSL_lib_version(); }

std::string tlsCpuText() {
  std::string out;
  [[maybe_unused]] auto add = [&out](bool have, std::string_view name) {
    if (have) out += (out.empty() ? "" : " ") + std::string(name);
  };
#if defined(__x86_64__) && (defined(WOLFSSL_AESNI) || defined(USE_INTEL_SPEEDUP))
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) != 0) {
    // AVX also requires that the operating system saves the AVX registers (OSXSAVE, and bits 1 and
    // 2 of XCR0).
    bool ymm = false;
    if ((c & bit_OSXSAVE) != 0) {
      unsigned low = 0, high = 0;
      __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
      ymm = (low & 6) == 6;
    }
    add((c & bit_AES) != 0, "AES-NI");
    add((c & bit_PCLMUL) != 0, "PCLMUL");
#ifdef USE_INTEL_SPEEDUP
    add(ymm && (c & bit_AVX) != 0, "AVX");
    if (__get_cpuid_count(7, 0, &a, &b, &c, &d) != 0) {
      add(ymm && (b & bit_AVX2) != 0, "AVX2");
      add((b & bit_BMI2) != 0, "BMI2");
      add((b & bit_ADX) != 0, "ADX");
    }
#endif
  }
#elif defined(__aarch64__) && defined(WOLFSSL_ARMASM)
  unsigned long caps = ::getauxval(AT_HWCAP);
  add((caps & (1UL << 3)) != 0, "AES");
  add((caps & (1UL << 4)) != 0, "PMULL");
  add((caps & (1UL << 6)) != 0, "SHA256");
  add(true, "NEON");
#endif
  return out.empty() ? "none (portable C)" : out;
}

bool tlsCpuHasAes() {
#if defined(__x86_64__) || defined(__i386__)
  return __builtin_cpu_supports("aes") != 0 && __builtin_cpu_supports("pclmul") != 0;
#else
  return true;
#endif
}

std::vector<std::string> tlsFeatures() {
  std::vector<std::string> out{"tls1.2", "tls1.3"};
#ifdef HAVE_SESSION_TICKET
  out.emplace_back("session-tickets");
#endif
#ifdef HAVE_ALPN
  out.emplace_back("alpn");
#endif
#ifdef HAVE_SNI
  out.emplace_back("sni");
#endif
#ifdef HAVE_CURVE25519
  out.emplace_back("x25519");
#endif
#if defined(WOLFSSL_HAVE_MLKEM) && defined(WOLFSSL_PQC_HYBRIDS)
  out.emplace_back("x25519mlkem768");
#endif
#ifdef HAVE_ED25519
  out.emplace_back("ed25519");
#endif
#if defined(HAVE_CHACHA) && defined(HAVE_POLY1305)
  out.emplace_back("chacha20-poly1305");
#endif
#if defined(WOLFSSL_AESNI) || defined(WOLFSSL_ARMASM)
  out.emplace_back("aes-asm");
#endif
#ifdef WOLFSSL_SP_ASM
  out.emplace_back("sp-asm");
#endif
#ifdef CUSTOM_RAND_GENERATE_BLOCK
  out.emplace_back("getrandom");
#endif
#if defined(WOLFSSL_CERT_GEN) && defined(WOLFSSL_ALT_NAMES)
  out.emplace_back("self-signed");
#endif
#ifdef WOLFSSL_TLS13_MIDDLEBOX_COMPAT
  out.emplace_back("middlebox-compat");
#endif
  if (KeyLog::supported()) out.emplace_back("keylog");
#ifdef OPENSSL_EXTRA
  out.emplace_back("openssl-extra");
#endif
  return out;
}

bool libraryHasGroup(uint16_t group) {
  static const std::vector<uint16_t> kHas = [] {
    std::vector<uint16_t> out;
    WOLFSSL_CTX* ctx = wolfSSL_CTX_new(wolfSSLv23_server_method());
    if (ctx == nullptr) return out;
    for (uint16_t id : servedGroups()) {
      int one = id;
      // wolfSSL_CTX_set_groups checks only the number of the group. In newer releases,
      // wolfSSL_CTX_UseSupportedCurve also checks whether the curve is compiled in.
      if (wolfSSL_CTX_set_groups(ctx, &one, 1) == WOLFSSL_SUCCESS &&
          wolfSSL_CTX_UseSupportedCurve(ctx, id) == WOLFSSL_SUCCESS)
        out.push_back(id);
    }
    wolfSSL_CTX_free(ctx);
    return out;
  }();
  return std::find(kHas.begin(), kHas.end(), group) != kHas.end();
}

}  // namespace culvert
