// SPDX-License-Identifier: GPL-3.0-or-later
// Expands options.def into the option table. This file also defines the choices, and reads and
// writes each type of value.
#include "config/option_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <type_traits>

#include "base/duration.h"
#include "base/http_url.h"
#include "base/words.h"
#include "config/values.h"

namespace culvert {

namespace {

constexpr Choice kLogLevels[] = {{"emerg", 0},   {"alert", 1},  {"crit", 2}, {"err", 3},
                                 {"warning", 4}, {"notice", 5}, {"info", 6}, {"debug", 7}};
constexpr Choice kLogForms[] = {{"text", int(LogFormat::kText)}, {"json", int(LogFormat::kJson)}};
constexpr Choice kFacilities[] = {{"daemon", 0}, {"auth", 1},   {"authpriv", 2}, {"user", 3},
                                  {"local0", 4}, {"local1", 5}, {"local2", 6},   {"local3", 7},
                                  {"local4", 8}, {"local5", 9}, {"local6", 10},  {"local7", 11}};
constexpr Choice kTlsVersions[] = {{"1.2", 0x0303}, {"1.3", 0x0304}};
constexpr Choice kProxyHeaders[] = {{"off", int(ProxyVersion::kOff)},
                                    {"v1", int(ProxyVersion::kV1)},
                                    {"v2", int(ProxyVersion::kV2)}};
constexpr Choice kStapleModes[] = {{"off", int(StapleMode::kOff)},
                                   {"auto", int(StapleMode::kAuto)},
                                   {"file", int(StapleMode::kFile)},
                                   {"fetch", int(StapleMode::kFetch)}};
constexpr Choice kClientVerifies[] = {{"off", int(VerifyClient::kOff)},
                                      {"optional", int(VerifyClient::kOptional)},
                                      {"required", int(VerifyClient::kRequired)}};
constexpr Choice kRevokedEnds[] = {{"close", int(RevokedEnd::kClose)},
                                   {"keep", int(RevokedEnd::kKeep)}};
constexpr Choice kTruncationEnds[] = {{"reset", int(TruncationEnd::kReset)},
                                      {"fin", int(TruncationEnd::kFin)}};

constexpr Choice kAcceptProxy[] = {{"off", int(AcceptProxy::kOff)},
                                   {"required", int(AcceptProxy::kRequired)},
                                   {"optional", int(AcceptProxy::kOptional)}};
constexpr Choice kBalances[] = {{"first", int(Balance::kFirst)},
                                {"round-robin", int(Balance::kRoundRobin)},
                                {"least", int(Balance::kLeast)},
                                {"random2", int(Balance::kRandom2)},
                                {"source-hash", int(Balance::kSourceHash)}};
constexpr Choice kHealthChecks[] = {
    {"off", int(HealthCheck::kOff)},     {"tcp", int(HealthCheck::kTcp)},
    {"tls", int(HealthCheck::kTls)},     {"send", int(HealthCheck::kSend)},
    {"http", int(HealthCheck::kHttp)},   {"redis", int(HealthCheck::kRedis)},
    {"pgsql", int(HealthCheck::kPgsql)}, {"smtp", int(HealthCheck::kSmtp)}};
constexpr Choice kWhenDown[] = {{"wait", int(WhenDown::kWait)},
                                {"reject", int(WhenDown::kReject)},
                                {"unlisten", int(WhenDown::kUnlisten)}};
constexpr Choice kReadyNeeds[] = {{"listeners", int(ReadyNeeds::kListeners)},
                                  {"backends", int(ReadyNeeds::kBackends)}};
constexpr Choice kSourceTypes[] = {{"any", int(SourceType::kAny)},
                                   {"local", int(SourceType::kLocal)},
                                   {"external", int(SourceType::kExternal)}};
constexpr Choice kTransports[] = {{"any", int(MatchTransport::kAny)},
                                  {"tls", int(MatchTransport::kTls)},
                                  {"raw", int(MatchTransport::kRaw)}};

constexpr Choice kClientTls[] = {{"on", int(ClientTls::kOn)},
                                 {"off", int(ClientTls::kOff)},
                                 {"passthrough", int(ClientTls::kPassthrough)}};

constexpr auto kStartTls = [] {
  std::array<Choice, std::size(kStartTlsNames)> all{};
  for (size_t i = 0; i < all.size(); ++i) all[i] = {kStartTlsNames[i], static_cast<int>(i)};
  return all;
}();

constexpr Choice kPolicies[] = {
#define POLICY(name, min, max, words) {name, 0},
#include "config/policy.def"
#undef POLICY
};

constexpr std::pair<LogTarget, std::string_view> kLogSinks[] = {{LogTarget::kAuto, "auto"},
                                                                {LogTarget::kSyslog, "syslog"},
                                                                {LogTarget::kStderr, "stderr"},
                                                                {LogTarget::kStdout, "stdout"}};

/// The word for the `record-size` that is stored as 0.
constexpr std::string_view kDynamic = "dynamic";

/// Maximum length of a text or list item in bytes; the same as the system's limit for a path.
constexpr size_t kLongestText = 4095;

std::vector<std::string_view> namesOf(std::span<const Choice> choices) {
  std::vector<std::string_view> names;
  for (const Choice& choice : choices) names.push_back(choice.name);
  return names;
}

std::string quoted(std::string_view text) { return fmt::format("\"{}\"", printable(text, 60)); }

/// Reads a number, size or duration and checks its range. Returns 0 for "off" or "auto" if the type
/// allows that word.
Result<int64_t> readNumber(const OptionInfo& info, std::string_view text) {
  const bool words = info.type == ValueType::kWorkers || info.type == ValueType::kCount;
  const bool hasOff = (info.type == ValueType::kCount || info.type == ValueType::kDuration ||
                       info.type == ValueType::kSizeLimit) &&
                      !info.has(kNeverOff);
  if (hasOff && switchWord(text) == "off") return 0;
  if (info.type == ValueType::kWorkers && text == "auto") return 0;
  if (info.type == ValueType::kRecordSize && text == kDynamic) return 0;
  const bool size = info.type == ValueType::kSize || info.type == ValueType::kRecordSize ||
                    info.type == ValueType::kSizeLimit;
  Result<int64_t> number = info.type == ValueType::kDuration ? parseDuration(text)
                           : size                            ? parseSize(text)
                                                             : parseNumber(text);
  if (!number)
    return words ? fail(number.error().text + "; allowed: " + info.allowedWords()) : number;
  if (*number == 0 && hasOff) return 0;
  if (*number < info.min)
    return fail(fmt::format("{} is too small; allowed: {}", quoted(text), info.allowedWords()));
  if (*number > info.max)
    return fail(fmt::format("{} is too large; allowed: {}", quoted(text), info.allowedWords()));
  return *number;
}

Result<int> readChoice(const OptionInfo& info, std::string_view text) {
  for (const std::string_view word : {text, switchWord(text)})
    for (const Choice& choice : info.choices)
      if (choice.name == word) return choice.value;
  std::string_view meant = nearestName(text, namesOf(info.choices));
  for (const Choice& choice : info.choices)  // suggest "1.2" for "TLSv1.2"
    if (meant.empty() && choice.name.size() > 2 && text.ends_with(choice.name)) meant = choice.name;
  return fail(fmt::format("{} is not allowed; allowed: {}{}", quoted(text), info.allowedWords(),
                          didYouMean(meant)));
}

Result<LogPlace> readLogPlace(const OptionInfo& info, std::string_view text) {
  for (const auto& [sink, name] : kLogSinks)
    if (text == name) return LogPlace{sink, {}};
  constexpr std::string_view kFile = "file:";
  if (text.starts_with(kFile) && text.size() > kFile.size())
    return LogPlace{LogTarget::kFile, std::string(text.substr(kFile.size()))};
  std::string meant;
  if (text.starts_with('/')) {
    meant = "file:" + printable(text, 200);
  } else {
    std::vector<std::string_view> names = {kFile};
    for (const auto& [sink, name] : kLogSinks) names.push_back(name);
    meant = nearestName(text, names);
    if (meant == kFile) meant = "file:PATH";
  }
  return fail(fmt::format("{} is not allowed; allowed: {}{}", quoted(text), info.allowedWords(),
                          didYouMean(meant)));
}

template <class T>
Result<void> readValue(const OptionInfo& info, std::string_view text, T& out) {
  const auto store = [&out](auto result) -> Result<void> {
    if (!result) return tl::unexpected(result.error());
    out = static_cast<T>(*result);
    return {};
  };
  if constexpr (std::is_same_v<T, bool>) {
    return store(parseSwitch(text));
  } else if constexpr (std::is_same_v<T, LogPlace>) {
    return store(readLogPlace(info, text));
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (text.size() > kLongestText) return fail(fmt::format("longer than {} bytes", kLongestText));
    if (!info.choices.empty()) {
      if (Result<int> choice = readChoice(info, text); !choice)
        return tl::unexpected(choice.error());
    }
    if (info.type == ValueType::kHttpUrl && !text.empty()) {
      if (const auto url = parseHttpUrl(text); !url) return tl::unexpected(url.error());
    }
    out = std::string(text);
    return {};
  } else if constexpr (std::is_same_v<T, Millis>) {
    return store(readNumber(info, text));
  } else {
    if (info.type == ValueType::kChoice) return store(readChoice(info, text));
    return store(readNumber(info, text));
  }
}

template <class T>
std::string writeValue(const OptionInfo& info, const T& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? "on" : "off";
  } else if constexpr (std::is_same_v<T, LogPlace>) {
    for (const auto& [sink, name] : kLogSinks)
      if (value.sink == sink) return std::string(name);
    return "file:" + value.path;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return value;
  } else if constexpr (std::is_same_v<T, Millis>) {
    return formatDuration(value.count());
  } else {
    const auto number = static_cast<int64_t>(value);
    for (const Choice& choice : info.choices)
      if (choice.value == number) return std::string(choice.name);
    if (info.type == ValueType::kSize) return formatSize(number);
    if (info.type == ValueType::kRecordSize)
      return number == 0 ? std::string(kDynamic) : formatSize(number);
    if (number == 0 && info.type == ValueType::kWorkers) return "auto";
    if (number == 0 && (info.type == ValueType::kCount || info.type == ValueType::kSizeLimit))
      return "off";
    if (info.type == ValueType::kSizeLimit) return formatSize(number);
    return fmt::format("{}", number);
  }
}

/// The access functions of one field, generated from its member pointer.
template <class Set, auto Member>
struct Field {
  using T = std::remove_reference_t<decltype(std::declval<Set&>().*Member)>;
  static constexpr bool kIsList = std::is_same_v<T, SourcedList>;
  static T& of(OptionSet& options) { return static_cast<Set&>(options).*Member; }
  static const T& of(const OptionSet& options) { return static_cast<const Set&>(options).*Member; }

  static Result<void> set(const OptionInfo& info, OptionSet& options, std::string_view text) {
    if constexpr (kIsList)
      return fail("internal: a list is not a scalar");
    else if (text.empty())
      of(options) = T{};
    else
      return readValue(info, text, of(options));
    return {};
  }
  static std::string format(const OptionInfo& info, const OptionSet& options) {
    if constexpr (kIsList) {
      std::string text;
      for (const SourcedText& item : of(options)) text += (text.empty() ? "" : ", ") + item.text;
      return text;
    } else {
      return writeValue(info, of(options));
    }
  }
  static SourcedList* list(OptionSet& options) {
    if constexpr (kIsList)
      return &of(options);
    else
      return nullptr;
  }
  static bool equal(const OptionSet& a, const OptionSet& b) { return of(a) == of(b); }
};

struct Limits {
  int64_t min = 0, max = 0;
  std::span<const Choice> choices;
};
Limits range(int64_t min, int64_t max) { return {min, max, {}}; }
Limits oneOf(std::span<const Choice> choices) { return {0, 0, choices}; }

using GlobalSet = GlobalOptions;
using ServiceSet = ServiceOptions;

template <class FieldOf>
OptionInfo makeInfo(OptionScope scope, std::string_view key, ValueType type, const Limits& limits,
                    std::string_view defaultText, unsigned flags, std::string_view brief,
                    std::string_view detail) {
  return {scope,
          key,
          type,
          limits.min,
          limits.max,
          limits.choices,
          defaultText,
          flags,
          brief,
          detail,
          &FieldOf::set,
          &FieldOf::format,
          FieldOf::kIsList ? &FieldOf::list : nullptr,
          &FieldOf::equal};
}

const std::vector<OptionInfo>& table() {
#define RANGE(min, max) range(min, max)
#define CHOICES(name) oneOf(name)
#define NO_LIMITS \
  Limits {}
#define OPTION(scope, key, field, type, limits, defaultText, flags, brief, detail)             \
  makeInfo<Field<scope##Set, &scope##Set::field>>(OptionScope::k##scope, key, ValueType::type, \
                                                  limits, defaultText, flags, brief, detail),
  static const std::vector<OptionInfo> options = {
#include "config/options.def"
  };
#undef OPTION
#undef NO_LIMITS
#undef CHOICES
#undef RANGE
  return options;
}

std::string rangeWords(const OptionInfo& info) {
  const auto write = [&](int64_t value) {
    return info.type == ValueType::kDuration ? formatDuration(value)
           : info.type == ValueType::kSize || info.type == ValueType::kRecordSize ||
                   info.type == ValueType::kSizeLimit
               ? formatSize(value)
               : fmt::format("{}", value);
  };
  return fmt::format("{} to {}", write(info.min), write(info.max));
}

}  // namespace

std::span<const OptionInfo> allOptions() { return table(); }

const OptionInfo* findOption(OptionScope scope, std::string_view key) {
  for (const OptionInfo& info : table())
    if (info.scope == scope && info.key == key) return &info;
  return nullptr;
}

std::string OptionInfo::typeWords() const {
  switch (type) {
    case ValueType::kWorkers:
      return "number";
    case ValueType::kCount:
    case ValueType::kWhole:
      return "number";
    case ValueType::kDuration:
      return "duration (ms, s, m, h, d; also 1h30m)";
    case ValueType::kSize:
    case ValueType::kRecordSize:
    case ValueType::kSizeLimit:
      return "size (bytes, or k, m, g of 1024)";
    case ValueType::kSwitch:
      return "switch";
    case ValueType::kChoice:
    case ValueType::kWord:
      return "word";
    case ValueType::kText:
      return "name";
    case ValueType::kPath:
      return "path";
    case ValueType::kHttpUrl:
      return "http:// address";
    case ValueType::kLogPlace:
      return "word, or file:PATH";
    case ValueType::kPathList:
      return "path, may be repeated";
    case ValueType::kPhraseList:
      return "text, may be repeated";
    case ValueType::kNameList:
    case ValueType::kServerNameList:
      return "list of names";
    case ValueType::kRuleList:
      return "list";
    case ValueType::kListenList:
    case ValueType::kBackendList:
      return "list of addresses";
    case ValueType::kCipherList:
    case ValueType::kSuiteList:
      return "list of cipher suites";
    case ValueType::kGroupList:
      return "list of groups";
    case ValueType::kNetworkList:
      return "list of networks";
    case ValueType::kPortList:
      return "list of ports";
  }
  return {};
}

std::string OptionInfo::allowedWords() const {
  switch (type) {
    case ValueType::kWorkers:
      return rangeWords(*this) + ", or auto";
    case ValueType::kCount:
    case ValueType::kDuration:
    case ValueType::kSizeLimit:
      return rangeWords(*this) + (has(kNeverOff) ? "" : ", or off (no limit)");
    case ValueType::kSize:
    case ValueType::kWhole:
      return rangeWords(*this);
    case ValueType::kRecordSize:
      return fmt::format("{}, or {}", rangeWords(*this), kDynamic);
    case ValueType::kSwitch:
      return "on, off";
    case ValueType::kLogPlace:
      return "auto, syslog, stderr, stdout, file:PATH";
    default:
      return fmt::format("{}", fmt::join(namesOf(choices), ", "));
  }
}

Result<std::vector<std::string>> splitList(const OptionInfo& info, std::string_view text) {
  std::string_view separators = ",";
  if (info.type == ValueType::kPathList || info.type == ValueType::kPhraseList) separators = "";
  if (info.type == ValueType::kCipherList || info.type == ValueType::kSuiteList ||
      info.type == ValueType::kGroupList)
    separators = ",:";
  std::vector<std::string> items;
  if (trim(text).empty()) return items;
  while (true) {
    const size_t end = separators.empty() ? std::string_view::npos : text.find_first_of(separators);
    const std::string_view item = trim(text.substr(0, end));
    if (item.empty())
      return fail("an empty item in the list; items are separated by single commas");
    items.emplace_back(item);
    if (end == std::string_view::npos) return items;
    text.remove_prefix(end + 1);
  }
}

Result<void> checkItem(const OptionInfo& info, std::string_view item,
                       const Validators& validators) {
  if (item.size() > kLongestText) return fail(fmt::format("longer than {} bytes", kLongestText));
  Result<void> (*check)(std::string_view) = nullptr;
  switch (info.type) {
    case ValueType::kListenList:
      check = validators.listenAddress;
      break;
    case ValueType::kBackendList:
      check = validators.backendAddress;
      break;
    case ValueType::kCipherList:
      check = validators.cipher;
      break;
    case ValueType::kSuiteList:
      check = validators.ciphersuite;
      break;
    case ValueType::kGroupList:
      check = validators.group;
      break;
    case ValueType::kRuleList:
      return validators.clientRule == nullptr ? Result<void>{}
                                              : validators.clientRule(info.key, item);
    case ValueType::kNetworkList:
      return validators.network == nullptr ? Result<void>{} : validators.network(info.key, item);
    case ValueType::kPortList: {
      const auto port = parseNumber(item);
      if (!port) return tl::unexpected(port.error());
      if (*port < 1 || *port > 65535)
        return fail(fmt::format("{} is not a port; allowed: 1 to 65535", quoted(item)));
      break;
    }
    case ValueType::kServerNameList:
      check = validators.matchName;
      break;
    case ValueType::kNameList:  // RFC 7301 3.1: a protocol name has 1 to 255 bytes
      if (item.size() > 255) return fail(fmt::format("{} is longer than 255 bytes", quoted(item)));
      // A name may contain any bytes. But a name with a quote or a blank is almost certainly a
      // typing error, and with such a name culvert would refuse every client.
      if (item.find_first_of("\"' \t") != std::string_view::npos)
        return fail(fmt::format(
            "{} has a quote or a blank; write names without quotes: h2, http/1.1", quoted(item)));
      break;
    default:
      break;
  }
  return check == nullptr ? Result<void>{} : check(item);
}

std::string formatValue(const OptionInfo& info, const OptionSet& options) {
  return info.format(info, options);
}

std::string environmentName(std::string_view prefix, std::string_view key) {
  std::string name(prefix);
  for (char c : key)
    name += c == '-' ? '_' : (c >= 'a' && c <= 'z') ? static_cast<char>(c - 32) : c;
  return name;
}

}  // namespace culvert
