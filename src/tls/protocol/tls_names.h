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
/// kCbc is not an AEAD. culvert serves CBC suites only if `ciphers` names them.
enum class SuiteKind : uint8_t { kAesGcm, kChaCha20, kCbc };

struct SuiteInfo {
  uint16_t id;
  std::string_view iana;     ///< "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
  std::string_view openssl;  ///< "ECDHE-RSA-AES128-GCM-SHA256"
  uint16_t version;          ///< kTls12 or kTls13
  SuiteAuth auth;
  SuiteKind kind;
};

/// The suite with this number, or nullptr if culvert cannot serve it.
const SuiteInfo* findSuite(uint16_t id);

/// "TLSv1.3"; for an unknown number "0x0305".
std::string versionName(uint16_t version);
/// "TLS 1.3", "SSL 3.0": for sentences.
std::string versionWords(uint16_t version);
/// The IANA name, also of suites that clients offer but culvert does not serve. The number
/// ("0x13ff") for an unknown suite.
std::string suiteName(uint16_t id);
/// "X25519MLKEM768", "X25519", "P-256"; for an unknown group the number ("0x11ff").
std::string groupName(uint16_t id);
/// Whether the group is a post-quantum group combined with a curve. TLS 1.2 cannot use such groups.
bool isHybridGroup(uint16_t id);
/// The size of a client's key share in bytes; 0: unknown group.
size_t keyShareSize(uint16_t group);
/// "handshake_failure"; for an unknown number "alert_117".
std::string alertName(uint8_t alert);
/// True for the reserved values of RFC 8701.
bool isGrease(uint16_t value);

/// Parses TLS 1.2 suites: names in OpenSSL or IANA spelling, separated by ':' ',' or blanks, in the
/// order of preference. An unknown name is an error, and the error text suggests a name. Suites of
/// TLS 1.3 and suites without forward secrecy are errors, too. CBC suites are accepted.
Result<std::vector<uint16_t>> checkCipherList(std::string_view text);
/// Parses TLS 1.3 suites, in the same syntax.
Result<std::vector<uint16_t>> checkCiphersuites(std::string_view text);
/// Parses key exchange groups, in the same syntax: "X25519", "P-256" (also "secp256r1",
/// "prime256v1")...
Result<std::vector<uint16_t>> checkGroups(std::string_view text);

/// The suites and groups served by default, in the order of preference. All suites are AEAD suites.
std::vector<uint16_t> defaultCipherList();
std::vector<uint16_t> defaultCiphersuites();
std::vector<uint16_t> defaultGroups();
/// Moves the ChaCha20 suites to the front, for a CPU without AES instructions.
std::vector<uint16_t> chachaFirst(std::vector<uint16_t> suites);
/// Every group that culvert can serve. A build of wolfSSL may lack some of these groups.
std::vector<uint16_t> servedGroups();

/// Returns the CBC suites of `suites`.
std::vector<uint16_t> cbcSuites(const std::vector<uint16_t>& suites);

/// The names, for --help and the sample file: "X25519MLKEM768, X25519, P-256, P-384".
std::string groupList(const std::vector<uint16_t>& groups);
std::string suiteList(const std::vector<uint16_t>& suites);

}  // namespace culvert
