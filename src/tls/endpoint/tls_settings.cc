// SPDX-License-Identifier: GPL-3.0-or-later
// See tls_settings.h. hello_check.cc compares a ClientHello with the settings.
#include "tls/endpoint/tls_settings.h"

#include <fmt/format.h>

#include <algorithm>

#include "tls/library/tls_library.h"

namespace culvert {

namespace {

/// Puts ChaCha20 first on a CPU without AES instructions. On such a CPU, ChaCha20 is much faster
/// than AES and does not leak key bits through timing.
std::vector<uint16_t> forThisCpu(std::vector<uint16_t> suites) {
  return tlsCpuHasAes() ? suites : chachaFirst(std::move(suites));
}

}  // namespace

const std::vector<uint16_t>& TlsSettings::suites12() const {
  static const std::vector<uint16_t> kDefault = forThisCpu(defaultCipherList());
  return ciphers.empty() ? kDefault : ciphers;
}

const std::vector<uint16_t>& TlsSettings::suites13() const {
  static const std::vector<uint16_t> kDefault = forThisCpu(defaultCiphersuites());
  return ciphersuites.empty() ? kDefault : ciphersuites;
}

const std::vector<uint16_t>& TlsSettings::allGroups() const {
  static const std::vector<uint16_t> kDefault = defaultGroups();
  return groups.empty() ? kDefault : groups;
}

std::vector<uint16_t> groupsHere(const std::vector<uint16_t>& groups) {
  std::vector<uint16_t> out;
  for (uint16_t group : groups)
    if (libraryHasGroup(group)) out.push_back(group);
  return out;
}

std::string policyText(const TlsSettings& settings) {
  const bool twelve = settings.minVersion <= kTls12, thirteen = settings.maxVersion >= kTls13;
  std::string out = twelve && thirteen ? "TLS 1.2 and 1.3" : twelve ? "TLS 1.2" : "TLS 1.3";
  if (twelve) out += "; ciphers " + suiteList(settings.suites12());
  if (thirteen) out += "; ciphersuites " + suiteList(settings.suites13());
  return out + "; groups " + groupList(groupsHere(settings.allGroups()));
}

bool suiteFitsKey(const SuiteInfo& suite, KeyType key) {
  return suite.auth == SuiteAuth::kAny || (suite.auth == SuiteAuth::kRsa) == (key == KeyType::kRsa);
}

Result<void> checkTlsSettings(const TlsSettings& settings) {
  if (settings.minVersion > settings.maxVersion)
    return fail(fmt::format("min-version {} is above max-version {}",
                            versionWords(settings.minVersion), versionWords(settings.maxVersion)));
  const auto& groups = settings.allGroups();
  if (std::none_of(groups.begin(), groups.end(), libraryHasGroup))
    return fail(fmt::format("wolfSSL {} has none of the groups: {}", tlsLibraryVersion(),
                            groupList(groups)));
  bool hybridsOnly = std::all_of(groups.begin(), groups.end(), isHybridGroup);
  if (hybridsOnly && settings.minVersion <= kTls12)
    return fail(
        "groups has post-quantum hybrids only, which TLS 1.2 does not support: add X25519 or set "
        "min-version = 1.3");
  return {};
}

}  // namespace culvert
