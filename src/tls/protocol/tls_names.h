// SPDX-License-Identifier: GPL-3.0-or-later
// Converts numbers of TLS to names and back: versions, cipher suites (IANA and OpenSSL spelling),
// groups and alerts. The numbers are in suites.def, groups.def and tls_alert.def. Also checks the
// options that use the names. Does not use wolfSSL. Thread: any.
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
/// kCbc is the only kind without AEAD. culvert serves a CBC suite only if `ciphers` names the
/// suite.
enum class SuiteKind : uint8_t { kAesGcm, kChaCha20, kCbc };

struct SuiteInfo {
  uint16_t id;
  std::string_view iana;     ///< for example "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
  std::string_view openssl;  ///< for example "ECDHE-RSA-AES128-GCM-SHA256"
  uint16_t version;          ///< kTls12 or kTls13
  SuiteAuth auth;
  SuiteKind kind;
};

/// Returns the suite with this number, or nullptr if culvert cannot serve the suite.
const SuiteInfo* findSuite(uint16_t id);

/// Returns a version's name for fields, such as "TLSv1.3", or "0x0305" for an unknown number.
std::string versionName(uint16_t version);
/// Returns a version's name for sentences, such as "TLS 1.3" or "SSL 3.0".
std::string versionWords(uint16_t version);
/// Returns the IANA name of a suite, even of a suite that culvert does not serve. For an unknown
/// suite, returns the number, such as "0x13ff".
std::string suiteName(uint16_t id);
/// Returns a group's name, such as "X25519" or "P-256". For an unknown group, returns the number,
/// such as "0x11ff".
std::string groupName(uint16_t id);
/// Returns whether the group combines a post-quantum group with a curve. TLS 1.2 cannot use such
/// groups.
bool isHybridGroup(uint16_t id);
/// Returns the size of a client's key share in bytes, or 0 for an unknown group.
size_t keyShareSize(uint16_t group);
/// Returns an alert's name, such as "handshake_failure", or "alert_117" for an unknown number.
std::string alertName(uint8_t alert);
/// Returns whether `value` is a reserved GREASE value (RFC 8701).
bool isGrease(uint16_t value);

/// Parses TLS 1.2 suites in the order of preference. The names have OpenSSL or IANA spelling and
/// are separated by ':' ',' or blanks. Fails for an unknown name, and the error text suggests a
/// name. Also fails for suites of TLS 1.3 and suites without forward secrecy. Accepts CBC suites.
Result<std::vector<uint16_t>> checkCipherList(std::string_view text);
/// Parses TLS 1.3 suites, in the syntax of checkCipherList().
Result<std::vector<uint16_t>> checkCiphersuites(std::string_view text);
/// Parses key exchange groups, in the syntax of checkCipherList(). Names are "X25519", "P-256"
/// (also "secp256r1", "prime256v1")...
Result<std::vector<uint16_t>> checkGroups(std::string_view text);

/// The suites and groups that culvert serves by default, in the order of preference. All default
/// suites are AEAD suites.
std::vector<uint16_t> defaultCipherList();
std::vector<uint16_t> defaultCiphersuites();
std::vector<uint16_t> defaultGroups();
/// Moves the ChaCha20 suites to the front. Used on a CPU without AES instructions.
std::vector<uint16_t> chachaFirst(std::vector<uint16_t> suites);
/// Returns every group that culvert can serve. A build of wolfSSL may lack some of them.
std::vector<uint16_t> servedGroups();

/// Returns those suites of `suites` that are CBC suites.
std::vector<uint16_t> cbcSuites(const std::vector<uint16_t>& suites);

/// Return names for --help and the sample file, such as "X25519MLKEM768, X25519, P-256, P-384".
std::string groupList(const std::vector<uint16_t>& groups);
std::string suiteList(const std::vector<uint16_t>& suites);

}  // namespace culvert
