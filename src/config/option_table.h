// SPDX-License-Identifier: GPL-3.0-or-later
// The option table (options.def) as data: the name of each option, its values, and the functions
// that read and write its field. All code that finds options by name uses this table. Thread: any
// (constant data).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace culvert {

enum class OptionScope : uint8_t { kGlobal, kService };

enum class ValueType : uint8_t {
  kWorkers,
  kCount,
  kDuration,
  kSize,
  kRecordSize,
  kSwitch,
  kChoice,
  kWord,
  kText,
  kPath,
  kHttpUrl,
  kLogPlace,
  kWhole,      ///< a number, including 0
  kSizeLimit,  ///< a size, or off
  // The types below are lists. The Validators check items of the last nine types.
  kPathList,
  kPhraseList,  ///< items may contain commas, so each line has one item
  kNameList,
  kRuleList,  ///< allow rules of client certificates
  kListenList,
  kBackendList,
  kCipherList,
  kSuiteList,
  kGroupList,
  kServerNameList,
  kNetworkList,  ///< addresses and networks, in some options also `unix`
  kPortList,
};

enum OptionFlags : unsigned {
  kRequired = 1,          ///< every service needs a value
  kRestart = 2,           ///< a reload cannot change the option
  kMayBeEmpty = 4,        ///< `key =` is allowed and means "no value"
  kNeverOff = 8,          ///< a duration that cannot be 0 or off
  kRequiredWithTls = 16,  ///< every service with tls = on needs a value
  kClientEnd = 32,        ///< of TLS with clients: not allowed in a service without it
  kBackendEnd = 64,       ///< of TLS with backends: not allowed in a service without it
};

struct Choice {
  std::string_view name;
  int value;
};

/// Checks that need modules which src/config may not include. If a function is null, its check is
/// skipped. The error of a check is one clause, which says what is wrong, what is allowed and
/// perhaps a suggestion. The error does not name the origin of the value.
struct Validators {
  Result<void> (*listenAddress)(std::string_view item) = nullptr;
  Result<void> (*backendAddress)(std::string_view item) = nullptr;
  Result<void> (*cipher)(std::string_view name) = nullptr;
  Result<void> (*ciphersuite)(std::string_view name) = nullptr;
  Result<void> (*group)(std::string_view name) = nullptr;
  /// Checks one item of the allow rule `key`, for example of allow-dns.
  Result<void> (*clientRule)(std::string_view key, std::string_view item) = nullptr;
  /// Checks one item of match-name.
  Result<void> (*matchName)(std::string_view item) = nullptr;
  /// Checks one item of a list of networks, for example of match-source.
  Result<void> (*network)(std::string_view key, std::string_view item) = nullptr;
  Result<void> (*keylogFile)(std::string_view path) = nullptr;
  /// Checks the option via of a service whose only backend is `backend`.
  Result<void> (*proxyUrl)(std::string_view url, std::string_view backend) = nullptr;
  /// Returns the canonical text of a listen address, so that culvert finds two services on one
  /// address. If this function is null, culvert compares the addresses as written.
  std::string (*canonicalListen)(std::string_view item) = nullptr;
};

struct OptionInfo {
  OptionScope scope;
  std::string_view key;
  ValueType type;
  int64_t min, max;  ///< inclusive; in ms, bytes or a count; equal if there is no range
  std::span<const Choice> choices;  ///< for kChoice and kWord
  std::string_view defaultText;
  unsigned flags;
  std::string_view brief, detail;

  // Functions that access the option's field. `options` must be the OptionSet of the option's
  // scope. Scalar options have `set` and `format`, and list options have `list`.
  Result<void> (*set)(const OptionInfo& info, OptionSet& options, std::string_view text);
  std::string (*format)(const OptionInfo& info, const OptionSet& options);
  SourcedList* (*list)(OptionSet& options);
  bool (*equal)(const OptionSet& a, const OptionSet& b);

  bool isList() const { return list != nullptr; }
  bool has(OptionFlags flag) const { return (flags & flag) != 0; }

  /// Returns a name of the type for messages, for example "duration", "on or off" or "list of
  /// addresses".
  std::string typeWords() const;
  /// Returns the allowed values, for example "1ms to 1h, or off" or "text, json"; empty if every
  /// value is allowed.
  std::string allowedWords() const;
};

/// All options, in the order of options.def.
std::span<const OptionInfo> allOptions();

/// Finds an option by its scope and key. Returns nullptr if there is no such option.
const OptionInfo* findOption(OptionScope scope, std::string_view key);

/// Splits the value of a list option at its separators and trims the items. The separators are
/// commas, for ciphers and groups also colons; paths are never split. An empty item is an error. An
/// empty text gives an empty list.
Result<std::vector<std::string>> splitList(const OptionInfo& info, std::string_view text);

/// Checks one item of a list option.
Result<void> checkItem(const OptionInfo& info, std::string_view item, const Validators& validators);

/// Returns the option's value in the syntax of the file, with ", " between the items of a list.
std::string formatValue(const OptionInfo& info, const OptionSet& options);

/// Returns the name of the environment variable for an option: `prefix` and `key` in capital
/// letters, with '_' for '-'.
std::string environmentName(std::string_view prefix, std::string_view key);

}  // namespace culvert
