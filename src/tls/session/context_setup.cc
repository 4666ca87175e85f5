// SPDX-License-Identifier: GPL-3.0-or-later
// See context_setup.h.
#include "tls/session/context_setup.h"

#include <fmt/format.h>

#include <algorithm>

#include "tls/library/wolf_error.h"
#include "tls/library/wolfssl.h"
#include "tls/protocol/tls_names.h"

namespace culvert {
namespace {

constexpr size_t kMaxGroups = 10;  // WOLFSSL_MAX_GROUP_COUNT

/// Joins the names of the suites with ":", as wolfSSL's cipher lists require.
std::string suiteNames(const std::vector<uint16_t>& suites) {
  std::string out;
  for (uint16_t id : suites) out += (out.empty() ? "" : ":") + std::string(findSuite(id)->iana);
  return out;
}

int setGroups(WOLFSSL_CTX* ctx, [[maybe_unused]] const TlsSettings& settings,
              std::vector<int>& groups) {
#if LIBWOLFSSL_VERSION_HEX < 0x05009000
  // Releases before 5.9 apply the list of wolfSSL_CTX_set_groups() to TLS 1.3 only.
  if (settings.maxVersion == kTls12) {
    for (int group : groups) {
      const int set = wolfSSL_CTX_UseSupportedCurve(ctx, static_cast<word16>(group));
      if (set != WOLFSSL_SUCCESS) return set;
    }
    return WOLFSSL_SUCCESS;
  }
#endif
  return wolfSSL_CTX_set_groups(ctx, groups.data(), static_cast<int>(groups.size()));
}

}  // namespace

std::vector<uint16_t> suitesFor(const TlsSettings& settings, std::optional<KeyType> key) {
  std::vector<uint16_t> out;
  auto add = [&](const std::vector<uint16_t>& suites) {
    for (uint16_t id : suites) {
      const SuiteInfo* suite = findSuite(id);
      if (suite == nullptr || (key && !suiteFitsKey(*suite, *key))) continue;
      if (wolfSSL_get_cipher_name_from_suite(static_cast<unsigned char>(id >> 8),
                                             static_cast<unsigned char>(id)) == nullptr)
        continue;  // this build of wolfSSL lacks the suite
      out.push_back(id);
    }
  };
  if (settings.maxVersion >= kTls13) add(settings.suites13());
  if (settings.minVersion <= kTls12) add(settings.suites12());
  return out;
}

Result<void> failStep(std::string_view step, int result) {
  return fail(fmt::format("{}: {}", step, tlsErrorText(result)));
}

Result<void> loadCredentials(WOLFSSL_CTX* ctx, const Credentials& credentials) {
  std::vector<uint8_t> chain;
  for (const auto& der : credentials.chainDer()) chain.insert(chain.end(), der.begin(), der.end());
  int result = wolfSSL_CTX_use_certificate_chain_buffer_format(
      ctx, chain.data(), static_cast<long>(chain.size()), WOLFSSL_FILETYPE_ASN1);
  if (result != WOLFSSL_SUCCESS)
    return failStep(credentials.certPath() + ": certificate chain not accepted", result);
  result = wolfSSL_CTX_use_PrivateKey_buffer(ctx, credentials.keyDer().data(),
                                             static_cast<long>(credentials.keyDer().size()),
                                             WOLFSSL_FILETYPE_ASN1);
  if (result != WOLFSSL_SUCCESS)
    return failStep(credentials.certPath() + ": private key not accepted", result);
  return {};
}

Result<void> setParameters(WOLFSSL_CTX* ctx, const TlsSettings& settings,
                           std::optional<KeyType> key, const std::vector<uint16_t>& list) {
  if (settings.minVersion == kTls12 && settings.maxVersion > kTls12) {
    int result = wolfSSL_CTX_SetMinVersion(ctx, WOLFSSL_TLSV1_2);
    if (result != WOLFSSL_SUCCESS) return failStep("minimum version not accepted", result);
  }
  std::string suites = suiteNames(list);
  if (suites.empty())
    return fail(fmt::format("no cipher suite is left for a certificate with this kind of key{}",
                            key == KeyType::kRsa ? " (RSA)" : ""));
  int result = wolfSSL_CTX_set_cipher_list(ctx, suites.c_str());
  if (result != WOLFSSL_SUCCESS)
    return failStep("cipher suites not accepted (" + suites + ")", result);
  const std::vector<uint16_t> served = groupsHere(settings.allGroups());
  std::vector<int> groups(served.begin(), served.begin() + std::min(served.size(), kMaxGroups));
  if (groups.empty())
    return fail("wolfSSL has none of the groups: " + groupList(settings.allGroups()));
  if (const int set = setGroups(ctx, settings, groups); set != WOLFSSL_SUCCESS)
    return failStep("key exchange groups not accepted", set);
  return {};
}

}  // namespace culvert
