// SPDX-License-Identifier: GPL-3.0-or-later
// See credential_set.h. hello_check.cc decides which certificates a client can verify.
#include "tls/endpoint/credential_set.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <span>

#include "base/check.h"
#include "tls/endpoint/hello_check.h"

namespace culvert {

CredentialSet::CredentialSet(List list) : list_(std::move(list)) {
  // Add the names in two passes, so that ECDSA certificates come first under every name.
  for (const bool ecdsa : {true, false}) {
    for (uint32_t i = 0; i < list_.size(); ++i) {
      const CertificateInfo& leaf = list_[i]->leaf();
      if ((leaf.keyType == KeyType::kEcdsa) != ecdsa) continue;
      for (const std::string& name : leaf.dnsNames) addName(name, i);
      for (const std::string& address : leaf.addresses) addName(address, i);
    }
  }
  if (list_.empty()) return;
  const CertificateInfo& first = list_[0]->leaf();
  const auto* names = !first.dnsNames.empty() ? &first.dnsNames : &first.addresses;
  const Indices* same = names->empty() ? nullptr : exactly(names->front());
  if (same == nullptr && !names->empty() && names->front().starts_with("*.")) {
    const auto found = wildcard_.find(std::string_view(names->front()).substr(2));
    if (found != wildcard_.end()) same = &found->second;
  }
  default_ = same != nullptr ? *same : Indices{0};
}

void CredentialSet::addName(std::string_view name, uint32_t index) {
  const bool wildcard = name.size() > 2 && name.starts_with("*.");
  Indices& under = wildcard ? wildcard_[name.substr(2)] : exact_[name];
  if (under.empty() || under.back() != index) under.push_back(index);
}

const CredentialSet::Indices* CredentialSet::exactly(std::string_view host) const {
  const auto found = exact_.find(host);
  return found != exact_.end() ? &found->second : nullptr;
}

CredentialSet::Index::const_iterator CredentialSet::findWildcard(std::string_view host) const {
  const size_t dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0) return wildcard_.end();
  return wildcard_.find(host.substr(dot + 1));
}

const CredentialSet::Indices* CredentialSet::byWildcard(std::string_view host) const {
  const auto found = findWildcard(host);
  return found != wildcard_.end() ? &found->second : nullptr;
}

std::string_view CredentialSet::nameCovering(std::string_view host) const {
  if (const auto exact = exact_.find(host); exact != exact_.end()) return exact->first;
  const auto found = findWildcard(host);
  if (found == wildcard_.end()) return {};
  return {found->first.data() - 2, found->first.size() + 2};  // add the "*." before the key
}

size_t CredentialSet::select(const ClientHello& hello, const TlsSettings& settings,
                             uint16_t version) const {
  CULVERT_CHECK(!list_.empty());
  const Indices* named[] = {exactly(hello.serverName), byWildcard(hello.serverName)};
  const bool known = named[0] != nullptr || named[1] != nullptr;
  const Indices* any[] = {known && settings.strictSni ? nullptr : &default_};
  const int64_t now = std::time(nullptr);
  const auto choose = [&](std::span<const Indices* const> groups) -> const uint32_t* {
    for (const bool valid : {true, false}) {
      for (const Indices* group : groups) {
        if (group == nullptr) continue;
        for (const uint32_t& index : *group) {
          if (valid && list_[index]->validity(now) != Validity::kValid) continue;
          if (canServe(hello, settings, version, list_[index]->leaf())) return &index;
        }
      }
    }
    return nullptr;
  };
  if (const uint32_t* index = choose(named)) return *index;
  if (const uint32_t* index = choose(any)) return *index;
  return (named[0] != nullptr ? named[0] : known ? named[1] : &default_)->front();
}

namespace {

Result<void> checkKeyType12(const TlsSettings& settings, const Credentials& credentials) {
  const auto& suites = settings.suites12();
  const KeyType type = credentials.leaf().keyType;
  const bool any = std::any_of(suites.begin(), suites.end(), [type](uint16_t id) {
    const SuiteInfo* suite = findSuite(id);
    return suite != nullptr && suiteFitsKey(*suite, type);
  });
  if (any) return {};
  return fail(fmt::format("no cipher suite fits the {} key of {}", credentials.leaf().keyText,
                          credentials.certPath()));
}

}  // namespace

Result<void> checkKeyType(const TlsSettings& settings, const Credentials& credentials) {
  if (settings.maxVersion >= kTls13) return {};
  return checkKeyType12(settings, credentials);
}

std::string keyTypeWarning(const TlsSettings& settings, const CredentialSet& credentials) {
  if (settings.minVersion >= kTls13 || settings.maxVersion < kTls13) return {};
  std::string first;
  for (const auto& one : credentials.list()) {
    const auto fits = checkKeyType12(settings, *one);
    if (fits) return {};
    if (first.empty()) first = fits.error().text;
  }
  if (first.empty()) return {};
  return first + ": clients of TLS 1.2 are refused (min-version = 1.3 says so)";
}

Result<void> checkEndpoint(const TlsSettings& settings, const CredentialSet& credentials) {
  for (const auto& one : credentials.list())
    if (auto fits = checkKeyType(settings, *one); !fits) return fits;
  return {};
}

}  // namespace culvert
