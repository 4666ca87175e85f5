// SPDX-License-Identifier: GPL-3.0-or-later
// The option table (options.def) as data: the name of each option, its values, and how its field is
// read and written. All code that refers to options by name uses this table. Thread: any (constant
// data).
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
  kWhole,  ///< a number, 0 included
  // lists; the last six are checked by the Validators
  kPathList,
  kPhraseList,  ///< items may contain commas: one item in each line
  kNameList,
  kRuleList,  ///< allow rules of client certificates
  kListenList,
  kBackendList,
  kCipherList,
  kSuiteList,
  kGroupList,
};

enum OptionFlags : unsigned {
  kRequired = 1,    ///< every service needs it
  kRestart = 2,     ///< a reload cannot change it
  kMayBeEmpty = 4,  ///< `key =` means: no value
  kNeverOff = 8,    ///< a duration that cannot be 0 or off
};

struct Choice {
  std::string_view name;
  int value;
};

/// Checks that need modules above this one; a null function checks nothing. The error is one
/// clause: what is wrong, what is allowed and perhaps a suggestion, without the origin.
struct Validators {
  Result<void> (*listenAddress)(std::string_view item) = nullptr;
  Result<void> (*backendAddress)(std::string_view item) = nullptr;
  Result<void> (*cipher)(std::string_view name) = nullptr;
  Result<void> (*ciphersuite)(std::string_view name) = nullptr;
  Result<void> (*group)(std::string_view name) = nullptr;
  /// Checks an item of the allow rule `key`.
  Result<void> (*clientRule)(std::string_view key, std::string_view item) = nullptr;
  Result<void> (*keylogFile)(std::string_view path) = nullptr;
  /// The canonical text of a listen address, used to find two services on one address; null
  /// compares the texts.
  std::string (*canonicalListen)(std::string_view item) = nullptr;
};

struct OptionInfo {
  OptionScope scope;
  std::string_view key;
  ValueType type;
  int64_t min, max;                 ///< inclusive; ms, bytes, pieces. Equal: no range
  std::span<const Choice> choices;  ///< kChoice, kWord
  std::string_view defaultText;
  unsigned flags;
  std::string_view brief, detail;

  // Access to the field; `options` is the set of the scope. Scalars have set and format, lists have
  // list.
  Result<void> (*set)(const OptionInfo& info, OptionSet& options, std::string_view text);
  std::string (*format)(const OptionInfo& info, const OptionSet& options);
  SourcedList* (*list)(OptionSet& options);
  bool (*equal)(const OptionSet& a, const OptionSet& b);

  bool isList() const { return list != nullptr; }
  bool has(OptionFlags flag) const { return (flags & flag) != 0; }

  /// "duration", "on or off", "list of addresses": for messages.
  std::string typeWords() const;
  /// "1ms to 1h, or off", "text, json"; empty if every value is allowed.
  std::string allowedWords() const;
};

/// All options, in the order of options.def.
std::span<const OptionInfo> allOptions();

/// nullptr if this scope has no option of this name.
const OptionInfo* findOption(OptionScope scope, std::string_view key);

/// Splits a list value at its separators (commas; for ciphers and groups also colons; never for
/// paths) and trims the items. An empty item is an error. An empty text gives an empty list.
Result<std::vector<std::string>> splitList(const OptionInfo& info, std::string_view text);

/// Checks one item of a list option.
Result<void> checkItem(const OptionInfo& info, std::string_view item, const Validators& validators);

/// The option's value in the syntax of the file; list items are separated by ", ".
std::string formatValue(const OptionInfo& info, const OptionSet& options);

/// What the key is called in the environment: prefix and key in capitals, '-' as '_'.
std::string environmentName(std::string_view prefix, std::string_view key);

}  // namespace culvert
