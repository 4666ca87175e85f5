// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers of TLS and their names, from suites.def, groups.def and tls_alert.def: versions,
// cipher suites (IANA and OpenSSL spelling), groups, alerts. Also checks the options that use these
// names. Does not use wolfSSL. Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace culvert {

inline constexpr uint16_t kSsl30 = 0x0300;
inline constexpr uint16_t kTls10 = 0x0301;
inline constexpr uint16_t kTls11 = 0x0302;
inline constexpr uint16_t kTls12 = 0x0303;
inline constexpr uint16_t kTls13 = 0x0304;

enum class SuiteAuth : uint8_t { kAny, kEcdsa, kRsa };
/// kCbc: not an AEAD; served only if `ciphers` names it.
enum class SuiteKind : uint8_t { kAesGcm, kChaCha20, kCbc };

struct SuiteInfo {
  uint16_t id;
  std::string_view iana;     ///< "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
  std::string_view openssl;  ///< "ECDHE-RSA-AES128-GCM-SHA256"
  uint16_t version;          ///< kTls12 or kTls13
  SuiteAuth auth;
  SuiteKind kind;
};

/// One of the suites culvert can serve, or nullptr.
const SuiteInfo* findSuite(uint16_t id);

/// "TLSv1.3"; unknown numbers as "0x0305".
std::string versionName(uint16_t version);
/// "TLS 1.3", "SSL 3.0": for sentences.
std::string versionWords(uint16_t version);
/// The IANA name, also of suites that clients offer but culvert does not serve; else "0x1301".
std::string suiteName(uint16_t id);
/// "X25519MLKEM768", "X25519", "P-256"; else "0x11ec".
std::string groupName(uint16_t id);
/// A post-quantum group combined with a curve: for TLS 1.3 only.
bool isHybridGroup(uint16_t id);
/// The size of a client's key share in bytes; 0: unknown group.
size_t keyShareSize(uint16_t group);
/// "handshake_failure"; unknown numbers as "alert_117".
std::string alertName(uint8_t alert);
/// True for the reserved values of RFC 8701.
bool isGrease(uint16_t value);

/// TLS 1.2 suites: names in OpenSSL or IANA spelling, separated by ':' ',' or blanks, in the order
/// of preference. Unknown names are errors with a suggestion. Suites of TLS 1.3 and suites without
/// forward secrecy are errors, too. CBC suites are accepted.
Result<std::vector<uint16_t>> checkCipherList(std::string_view text);
/// TLS 1.3 suites, in the same syntax.
Result<std::vector<uint16_t>> checkCiphersuites(std::string_view text);
/// Key exchange groups, in the same syntax: "X25519", "P-256" (also "secp256r1", "prime256v1")...
Result<std::vector<uint16_t>> checkGroups(std::string_view text);

/// The suites served by default, in the order of preference: AEAD only.
std::vector<uint16_t> defaultCipherList();
std::vector<uint16_t> defaultCiphersuites();
std::vector<uint16_t> defaultGroups();
/// The same suites, ChaCha20 suites first: for a CPU without AES instructions.
std::vector<uint16_t> chachaFirst(std::vector<uint16_t> suites);
/// Every group that culvert can serve (a build of wolfSSL may lack some).
std::vector<uint16_t> servedGroups();

/// The CBC suites among these.
std::vector<uint16_t> cbcSuites(const std::vector<uint16_t>& suites);

/// For --help and the sample file: "X25519MLKEM768, X25519, P-256, P-384".
std::string groupList(const std::vector<uint16_t>& groups);
std::string suiteList(const std::vector<uint16_t>& suites);

}  // namespace culvert
