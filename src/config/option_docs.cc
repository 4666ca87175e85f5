// SPDX-License-Identifier: GPL-3.0-or-later
// Writes the documents of the options. Each document is one loop over allOptions().
#include "config/option_docs.h"

#include <fmt/format.h>

#include "base/words.h"
#include "config/option_table.h"
#include "config/policy.h"
#include "config/values.h"

namespace culvert {

namespace {

std::string defaultWords(const OptionInfo& info, BuiltInWords builtIn) {
  if (!info.defaultText.empty()) return std::string(info.defaultText);
  if (info.has(kRequired)) return "none; the key is required";
  if (info.has(kRequiredWithTls)) return "none; the key is required with tls = on";
  switch (info.type) {
    case ValueType::kCipherList:
    case ValueType::kSuiteList:
    case ValueType::kGroupList: {
      const std::string words = builtIn == nullptr ? std::string() : builtIn(info.key);
      return words.empty() ? "built-in order" : words;
    }
    default:
      return "none";
  }
}

std::string sectionWords(const OptionInfo& info) {
  return info.scope == OptionScope::kGlobal ? "[global]" : "[defaults] or [service NAME]";
}

std::string reloadWords(const OptionInfo& info) {
  if (info.has(kRestart)) return "needs a restart; a reload that changes it is refused";
  return info.scope == OptionScope::kGlobal ? "at once"
                                            : "for new tunnels; open tunnels keep the old value";
}

std::string elsewhereWords(const OptionInfo& info) {
  if (info.scope == OptionScope::kGlobal)
    return fmt::format("{}, --set global.{}=VALUE", environmentName("CULVERT_GLOBAL_", info.key),
                       info.key);
  return fmt::format("{} (service main), {}, --set service:NAME.{}=VALUE, --set defaults.{}=VALUE",
                     environmentName("CULVERT_TUNNEL_", info.key),
                     environmentName("CULVERT_DEFAULTS_", info.key), info.key, info.key);
}

/// Turns a brief into a sentence, with a capital letter and a full stop.
std::string sentence(std::string_view brief) {
  std::string text(brief);
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z' && !text.starts_with("etc"))
    text[0] = static_cast<char>(text[0] - 32);
  return text + ".";
}

/// Returns the allowed values, for example "one of text, json" or "duration, 1ms to 1h, or off (no
/// limit)".
std::string valueWords(const OptionInfo& info) {
  const std::string allowed = info.allowedWords();
  const std::string type = info.typeWords();
  if (allowed.empty()) return type;
  const bool isWord =
      !info.choices.empty() || info.type == ValueType::kSwitch || info.type == ValueType::kLogPlace;
  return isWord ? "one of " + allowed
                : fmt::format("{}, {}", type.substr(0, type.find(" (")), allowed);
}

/// Returns the option's detail. For `policy`, adds the meaning of each preset.
std::string detailWords(const OptionInfo& info) {
  std::string text(info.detail);
  if (info.key != "policy") return text;
  for (const PolicyInfo& policy : allPolicies())
    text += fmt::format(" {}: {}.", policy.name, policy.words);
  return text;
}

template <class Visit>
void forScope(OptionScope scope, Visit visit) {
  for (const OptionInfo& info : allOptions())
    if (info.scope == scope) visit(info);
}

/// Returns every preset with all options that it sets.
std::string policyTable(BuiltInWords builtIn) {
  std::string out;
  for (const PolicyInfo& policy : allPolicies()) {
    out += fmt::format("\n  {}\n", policy.name);
    const auto row = [&](std::string_view key, std::string_view value) {
      std::string block = wrapWords(value, 78, std::string(19, ' '));
      block.replace(0, 19, fmt::format("    {:<15}", key));
      out += block;
    };
    row("min-version", policy.minVersion);
    row("max-version", policy.maxVersion);
    for (std::string_view key : {"ciphers", "ciphersuites", "groups"}) {
      const std::string words = builtIn == nullptr ? std::string() : builtIn(key);
      const bool unused = key == "ciphers" && policy.minVersion == "1.3";
      row(key, unused ? "none" : words.empty() ? "built-in order" : words);
    }
  }
  return out;
}

void sampleOption(std::string& out, const OptionInfo& info, BuiltInWords builtIn) {
  out += wrapWords(sentence(info.brief), 98, "# ");
  if (!info.detail.empty()) out += wrapWords(detailWords(info), 98, "# ");
  out += wrapWords(fmt::format("({})", valueWords(info)), 98, "# ");
  std::string value(info.defaultText);
  if (value.empty() && builtIn != nullptr) value = builtIn(info.key);
  out += fmt::format("#{} ={}{}\n\n", info.key, value.empty() ? "" : " ", value);
}

}  // namespace

std::string optionHelp(std::string_view key, BuiltInWords builtIn) {
  std::string out;
  for (const OptionInfo& info : allOptions()) {
    if (info.key != key) continue;
    out += fmt::format("{} - {}\n\n", info.key, info.brief);
    const auto row = [&](std::string_view name, std::string_view words) {
      std::string block = wrapWords(words, 78, "             ");
      block.replace(0, 13, fmt::format("  {:<11}", name));
      out += block;
    };
    row("section", sectionWords(info));
    row("type", info.typeWords());
    if (const std::string allowed = info.allowedWords(); !allowed.empty()) row("allowed", allowed);
    row("default", defaultWords(info, builtIn));
    row("reload", reloadWords(info));
    row("elsewhere", elsewhereWords(info));
    if (!info.detail.empty()) out += "\n" + wrapWords(detailWords(info), 78, "  ");
    if (info.key == "policy") out += policyTable(builtIn);
  }
  return out;
}

std::string_view nearestOption(std::string_view key) {
  std::vector<std::string_view> names;
  for (const OptionInfo& info : allOptions()) names.push_back(info.key);
  return nearestName(key, names);
}

std::string optionIndex() {
  std::string out;
  const auto list = [&](OptionScope scope, std::string_view title) {
    out += fmt::format("{}\n", title);
    forScope(scope, [&](const OptionInfo& info) {
      std::string block = wrapWords(info.brief, 79, std::string(25, ' '));
      block.replace(0, 25, fmt::format("  {:<22} ", info.key));
      out += block;
    });
  };
  list(OptionScope::kGlobal, "Keys of [global]:");
  out += '\n';
  list(OptionScope::kService, "Keys of [service NAME], and of [defaults] for every later service:");
  return out;
}

std::string sampleFile(BuiltInWords builtIn) {
  std::string out =
      "# SPDX-License-Identifier: GPL-3.0-or-later\n"
      "# culvert.ini: every option, commented out at its default. Made by `culvert --generate "
      "sample`; see\n"
      "# culvert.ini(5) and `culvert --help KEY`. Comments start with # or ; in the first column, "
      "or with a ; after a\n"
      "# blank. `culvert --check -c FILE` checks a file.\n\n[global]\n";
  forScope(OptionScope::kGlobal, [&](const OptionInfo& info) { sampleOption(out, info, builtIn); });
  out += "# Options of a service, for every later service.\n[defaults]\n";
  forScope(OptionScope::kService, [&](const OptionInfo& info) {
    if (!info.has(kRequired) && !info.has(kRequiredWithTls) && info.key != "key")
      sampleOption(out, info, builtIn);
  });
  out +=
      "# One tunnel service: TLS on `listen`, plain TCP to `backend`. Write one section for "
      "each service.\n"
      "[service example]\n";
  const auto example = [&](std::string_view key, std::string_view value) {
    const OptionInfo* info = findOption(OptionScope::kService, key);
    out += wrapWords(sentence(info->brief), 98, "# ") + wrapWords(info->detail, 98, "# ");
    out += fmt::format("{} = {}\n", key, value);
  };
  example("listen", "8443");
  example("backend", "127.0.0.1:8080");
  example("cert", "/etc/culvert/example.crt");
  example("key", "/etc/culvert/example.key");
  return out;
}

std::string manOptions(BuiltInWords builtIn) {
  std::string out;
  const auto list = [&](OptionScope scope) {
    forScope(scope, [&](const OptionInfo& info) {
      out += fmt::format(".TP\n.B {}\n{}\n", roffText(info.key), roffText(sentence(info.brief)));
      if (!info.detail.empty()) out += roffText(detailWords(info)) + "\n";
      out += fmt::format("Value: {}.\nDefault: {}.\n", roffText(valueWords(info)),
                         roffText(defaultWords(info, builtIn)));
      if (info.has(kRestart)) out += "Needs a restart.\n";
    });
  };
  out += ".SH OPTIONS OF [global]\n";
  list(OptionScope::kGlobal);
  out += ".SH OPTIONS OF [service NAME] AND [defaults]\n";
  list(OptionScope::kService);
  return out;
}

std::string readmeTable(BuiltInWords) {
  std::string out = "| key | default | what it is |\n|---|---|---|\n";
  for (const OptionInfo& info : allOptions()) {
    std::string value(info.defaultText);
    if (!value.empty()) value = fmt::format("`{}`", value);
    out += fmt::format("| `{}` | {} | {} |\n", info.key,
                       info.has(kRequired) || info.has(kRequiredWithTls) ? "(required)" : value,
                       info.brief);
  }
  return out;
}

}  // namespace culvert
