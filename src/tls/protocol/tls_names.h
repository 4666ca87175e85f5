// SPDX-License-Identifier: GPL-3.0-or-later
// The numbers of TLS and their names, from suites.def, groups.def and tls_alert.def: versions,
// cipher suites (IANA and OpenSSL spelling), groups, alerts. Also the checks of the options that are written with
// such names. No wolfSSL in here. Thread: any.
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
/// kCbc: without authenticated encryption, served only where it is asked for by name.
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
/// "TLS 1.3", "SSL 3.0": as in a sentence.
std::string versionWords(uint16_t version);
/// IANA name; suites culvert does not serve but clients offer are known too; else "0x1301".
std::string suiteName(uint16_t id);
/// "X25519MLKEM768", "X25519", "P-256"; else "0x11ec".
std::string groupName(uint16_t id);
/// A post-quantum group joined with a curve: for TLS 1.3 only.
bool isHybridGroup(uint16_t id);
/// The bytes of a client's key share; 0: not known.
size_t keyShareSize(uint16_t group);
/// "handshake_failure"; unknown numbers as "alert_117".
std::string alertName(uint8_t alert);
/// True for the reserved values of RFC 8701.
bool isGrease(uint16_t value);

/// TLS 1.2 suites: names in OpenSSL or IANA spelling, separated by ':' ',' or blanks, in the order
/// of preference. Unknown names are errors with a suggestion; so are suites of TLS 1.3 and suites
/// without forward secrecy. CBC suites are taken.
Result<std::vector<uint16_t>> checkCipherList(std::string_view text);
/// TLS 1.3 suites, likewise.
Result<std::vector<uint16_t>> checkCiphersuites(std::string_view text);
/// Key exchange groups, likewise: "X25519", "P-256" (also "secp256r1", "prime256v1")...
Result<std::vector<uint16_t>> checkGroups(std::string_view text);

/// What is served where the option is not given, in the order of preference: AEAD only.
std::vector<uint16_t> defaultCipherList();
std::vector<uint16_t> defaultCiphersuites();
std::vector<uint16_t> defaultGroups();
/// The same suites, those with ChaCha20 before the others: for a CPU without AES instructions.
std::vector<uint16_t> chachaFirst(std::vector<uint16_t> suites);
/// Every group that culvert knows how to serve (a build of the library may lack some).
std::vector<uint16_t> servedGroups();

/// The CBC suites among these.
std::vector<uint16_t> cbcSuites(const std::vector<uint16_t>& suites);

/// For --help and the sample file: "X25519MLKEM768, X25519, P-256, P-384".
std::string groupList(const std::vector<uint16_t>& groups);
std::string suiteList(const std::vector<uint16_t>& suites);

}  // namespace culvert
