// SPDX-License-Identifier: GPL-3.0-or-later
// Names of TLS numbers, and the checks of the options that use these names.
#include "tls/protocol/tls_names.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/words.h"

namespace culvert {

namespace {

constexpr SuiteInfo kSuites[] = {
#define SUITE(id, version, auth, kind, iana, openssl) \
  {id, #iana, openssl, version, SuiteAuth::auth, SuiteKind::kind},
#include "tls/protocol/suites.def"
};

/// The reasons why culvert never serves a suite.
enum class RefusedFor : uint8_t { kRc4, kTripleDes, kStaticRsa, kFiniteField, kCcm };

std::string_view refusalWords(RefusedFor why) {
  switch (why) {
    case RefusedFor::kRc4:
      return "RC4 is broken";
    case RefusedFor::kTripleDes:
      return "the blocks of 3DES are too small";
    case RefusedFor::kStaticRsa:
      return "a key exchange by RSA has no forward secrecy";
    case RefusedFor::kFiniteField:
      return "key exchanges are over elliptic curves only (ECDHE)";
    case RefusedFor::kCcm:
      return "CCM is for small devices";
  }
  return {};
}

struct OtherSuite {
  uint16_t id;
  std::string_view iana;
  std::string_view openssl;
  RefusedFor why;
};

constexpr OtherSuite kOtherSuites[] = {
#define OTHER_SUITE(id, iana, openssl, why) {id, #iana, openssl, RefusedFor::why},
#include "tls/protocol/suites.def"
};

struct GroupInfo {
  uint16_t id;
  std::string_view name;
  std::string_view others;  // alternative names, separated by blanks
  bool byDefault;
  bool hybrid;
  bool served;
  size_t share;
};

constexpr GroupInfo kGroups[] = {
#define GROUP(ident, id, name, others, byDefault, hybrid, share) \
  {id, name, others, byDefault, hybrid, true, share},
#define OTHER_GROUP(id, name) {id, name, "", false, false, false, 0},
#include "tls/protocol/groups.def"
};

struct VersionInfo {
  uint16_t id;
  std::string_view name;   // for log fields, in the spelling of other tools
  std::string_view words;  // for sentences
};

constexpr VersionInfo kVersions[] = {
    {kSsl30, "SSLv3", "SSL 3.0"},   {kTls10, "TLSv1.0", "TLS 1.0"}, {kTls11, "TLSv1.1", "TLS 1.1"},
    {kTls12, "TLSv1.2", "TLS 1.2"}, {kTls13, "TLSv1.3", "TLS 1.3"},
};

/// Calls `visit(word)` for each word of `text`. Stops when `visit` returns false.
template <class Visit>
void forEachWord(std::string_view text, std::string_view separators, Visit visit) {
  while (!text.empty()) {
    size_t end = text.find_first_of(separators);
    std::string_view word = text.substr(0, end);
    if (!word.empty() && !visit(word)) return;
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
}

std::string allowedSuites(uint16_t version) {
  if (version == kTls13) return suiteList(defaultCiphersuites());
  return suiteList(defaultCipherList()) +
         ", and for old clients the CBC suites: ECDHE-RSA-AES128-SHA and its like";
}

/// Returns whether the word belongs to OpenSSL's cipher list syntax. That syntax selects and sorts
/// suites by keywords such as "HIGH", "!aNULL" and "@STRENGTH".
bool isListLanguage(std::string_view word) {
  if (word.find_first_of("!+@=") != std::string_view::npos || word.front() == '-') return true;
  for (std::string_view known :
       {"ALL", "DEFAULT", "HIGH", "MEDIUM", "LOW", "ECDHE", "ECDH", "EECDH", "AESGCM", "CHACHA20",
        "COMPLEMENTOFALL", "COMPLEMENTOFDEFAULT"})
    if (equalNoCase(word, known)) return true;
  return false;
}

/// Returns the error text for a word that names no suite served by culvert.
std::string unservedSuite(std::string_view word, uint16_t version) {
  for (const OtherSuite& other : kOtherSuites)
    if (equalNoCase(word, other.iana) || equalNoCase(word, other.openssl))
      return fmt::format("\"{}\" is not served: {}; allowed: {}", printable(word, 64),
                         refusalWords(other.why), allowedSuites(version));
  if (isListLanguage(word))
    return fmt::format("\"{}\" is from OpenSSL's cipher list language; name each suite: {}",
                       printable(word, 64), allowedSuites(version));
  std::vector<std::string_view> known;
  for (const SuiteInfo& suite : kSuites)
    if (suite.version == version) known.insert(known.end(), {suite.openssl, suite.iana});
  return fmt::format("unknown suite \"{}\"{}; allowed: {}", printable(word, 64),
                     didYouMean(nearestName(word, known)), allowedSuites(version));
}

Result<std::vector<uint16_t>> checkSuites(std::string_view text, uint16_t version) {
  std::vector<uint16_t> out;
  std::string wrong;
  forEachWord(text, ":, \t", [&](std::string_view word) {
    const auto* suite = std::find_if(std::begin(kSuites), std::end(kSuites), [&](const auto& one) {
      return equalNoCase(word, one.iana) || equalNoCase(word, one.openssl);
    });
    if (suite == std::end(kSuites))
      wrong = unservedSuite(word, version);
    else if (suite->version != version)
      wrong = fmt::format("\"{}\" is a suite of {} and belongs into \"{}\"", printable(word, 64),
                          versionWords(suite->version),
                          suite->version == kTls13 ? "ciphersuites" : "ciphers");
    else if (std::find(out.begin(), out.end(), suite->id) == out.end())
      out.push_back(suite->id);
    return wrong.empty();
  });
  if (!wrong.empty()) return fail(wrong);
  if (out.empty()) return fail("the list is empty");
  return out;
}

std::vector<uint16_t> aeadSuitesOf(uint16_t version) {
  std::vector<uint16_t> out;
  for (const SuiteInfo& suite : kSuites)
    if (suite.version == version && suite.kind != SuiteKind::kCbc) out.push_back(suite.id);
  return out;
}

}  // namespace

const SuiteInfo* findSuite(uint16_t id) {
  for (const SuiteInfo& suite : kSuites)
    if (suite.id == id) return &suite;
  return nullptr;
}

std::string versionName(uint16_t version) {
  for (const VersionInfo& known : kVersions)
    if (known.id == version) return std::string(known.name);
  return fmt::format("0x{:04x}", version);
}

std::string versionWords(uint16_t version) {
  for (const VersionInfo& known : kVersions)
    if (known.id == version) return std::string(known.words);
  return fmt::format("version 0x{:04x}", version);
}

std::string suiteName(uint16_t id) {
  if (const SuiteInfo* suite = findSuite(id)) return std::string(suite->iana);
  for (const OtherSuite& other : kOtherSuites)
    if (other.id == id) return std::string(other.iana);
  return fmt::format("0x{:04x}", id);
}

std::string groupName(uint16_t id) {
  for (const GroupInfo& group : kGroups)
    if (group.id == id) return std::string(group.name);
  return fmt::format("0x{:04x}", id);
}

bool isHybridGroup(uint16_t id) {
  for (const GroupInfo& group : kGroups)
    if (group.id == id) return group.hybrid;
  return false;
}

size_t keyShareSize(uint16_t group) {
  for (const GroupInfo& known : kGroups)
    if (known.id == group) return known.share;
  return 0;
}

std::string alertName(uint8_t alert) {
  switch (alert) {
#define ALERT(number, name, words) \
  case number:                     \
    return #name;
#include "tls/protocol/tls_alert.def"
#undef ALERT
    default:
      return fmt::format("alert_{}", alert);
  }
}

bool isGrease(uint16_t value) {
  return (value & 0x0f0f) == 0x0a0a && (value >> 8) == (value & 0xff);
}

Result<std::vector<uint16_t>> checkCipherList(std::string_view text) {
  return checkSuites(text, kTls12);
}

Result<std::vector<uint16_t>> checkCiphersuites(std::string_view text) {
  return checkSuites(text, kTls13);
}

Result<std::vector<uint16_t>> checkGroups(std::string_view text) {
  std::vector<uint16_t> out;
  std::string wrong;
  forEachWord(text, ":, \t", [&](std::string_view word) {
    std::vector<std::string_view> known;
    for (const GroupInfo& group : kGroups) {
      bool matches = equalNoCase(word, group.name);
      if (group.served) known.push_back(group.name);
      forEachWord(group.others, " ", [&](std::string_view other) {
        matches = matches || equalNoCase(word, other);
        known.push_back(other);
        return true;
      });
      if (!matches) continue;
      if (!group.served) {
        wrong = fmt::format("group \"{}\" is not supported; allowed: {}", printable(word, 64),
                            groupList(servedGroups()));
        return false;
      }
      if (std::find(out.begin(), out.end(), group.id) == out.end()) out.push_back(group.id);
      return true;
    }
    wrong = fmt::format("unknown group \"{}\"{}; allowed: {}", printable(word, 64),
                        didYouMean(nearestName(word, known)), groupList(servedGroups()));
    return false;
  });
  if (!wrong.empty()) return fail(wrong);
  if (out.empty()) return fail("the list is empty");
  return out;
}

std::vector<uint16_t> defaultCipherList() { return aeadSuitesOf(kTls12); }

std::vector<uint16_t> defaultCiphersuites() { return aeadSuitesOf(kTls13); }

std::vector<uint16_t> defaultGroups() {
  std::vector<uint16_t> out;
  for (const GroupInfo& group : kGroups)
    if (group.byDefault) out.push_back(group.id);
  return out;
}

std::vector<uint16_t> chachaFirst(std::vector<uint16_t> suites) {
  std::stable_partition(suites.begin(), suites.end(), [](uint16_t id) {
    const SuiteInfo* suite = findSuite(id);
    return suite != nullptr && suite->kind == SuiteKind::kChaCha20;
  });
  return suites;
}

std::vector<uint16_t> cbcSuites(const std::vector<uint16_t>& suites) {
  std::vector<uint16_t> out;
  for (uint16_t id : suites) {
    const SuiteInfo* suite = findSuite(id);
    if (suite != nullptr && suite->kind == SuiteKind::kCbc) out.push_back(id);
  }
  return out;
}

std::vector<uint16_t> servedGroups() {
  std::vector<uint16_t> out;
  for (const GroupInfo& group : kGroups)
    if (group.served) out.push_back(group.id);
  return out;
}

std::string groupList(const std::vector<uint16_t>& groups) {
  std::string out;
  for (uint16_t id : groups) out += (out.empty() ? "" : ", ") + groupName(id);
  return out;
}

std::string suiteList(const std::vector<uint16_t>& suites) {
  std::string out;
  for (uint16_t id : suites) {
    const SuiteInfo* suite = findSuite(id);
    out += (out.empty() ? "" : ", ") + (suite ? std::string(suite->openssl) : suiteName(id));
  }
  return out;
}

}  // namespace culvert
