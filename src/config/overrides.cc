// SPDX-License-Identifier: GPL-3.0-or-later
// Reads overrides into documents. This module checks the names, so that suggestions can use the
// operator's spelling. The values are checked later, together with the values of the file.
#include "config/overrides.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/words.h"
#include "config/foreign_words.h"
#include "config/option_table.h"
#include "config/values.h"

namespace culvert {

namespace {

constexpr std::string_view kPrefix = "CULVERT_";
constexpr std::string_view kConfigVariable = "CULVERT_CONFIG";

struct EnvironmentScope {
  std::string_view prefix;
  SectionKind kind;
  OptionScope scope;
};
constexpr EnvironmentScope kScopes[] = {
    {"CULVERT_GLOBAL_", SectionKind::kGlobal, OptionScope::kGlobal},
    {"CULVERT_DEFAULTS_", SectionKind::kDefaults, OptionScope::kService},
    {"CULVERT_TUNNEL_", SectionKind::kService, OptionScope::kService},
};

std::string_view nameOf(std::string_view assignment) {
  return assignment.substr(0, assignment.find('='));
}

/// The variable that culvertctl reads. culvert ignores the variable, because culvertctl may run in
/// the same environment.
constexpr std::string_view kControlVariable = "CULVERT_ADMIN";

bool isVariablePart(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

/// True for CULVERT_SERVICE and CULVERT_PORT, and for names that continue one of these with `_`,
/// for example CULVERT_PORT_443_TCP.
bool hasServicePrefix(std::string_view name) {
  for (std::string_view stem : {"CULVERT_SERVICE", "CULVERT_PORT"})
    if (name == stem || (name.starts_with(stem) && name[stem.size()] == '_')) return true;
  return false;
}

/// Kubernetes names the variables of a Service STEM_SERVICE_HOST, STEM_SERVICE_PORT[_y] and
/// STEM_PORT[_y]. Calls `take` with each STEM for which `name` has one of these forms, until `take`
/// returns true. Returns false if `take` never returns true.
template <class Take>
bool anyKubernetesStem(std::string_view name, Take take) {
  constexpr std::string_view kHost = "_SERVICE_HOST", kService = "_SERVICE", kPort = "_PORT";
  if (!isVariablePart(name)) return false;
  if (name.ends_with(kHost) && take(name.substr(0, name.size() - kHost.size()))) return true;
  for (size_t at = name.find(kPort); at != std::string_view::npos; at = name.find(kPort, at + 1)) {
    const std::string_view rest = name.substr(at + kPort.size());
    if (!rest.empty() && (rest.front() != '_' || rest.size() == 1)) continue;
    std::string_view stem = name.substr(0, at);
    if (take(stem)) return true;
    if (!stem.ends_with(kService)) continue;
    stem.remove_suffix(kService.size());
    if (take(stem)) return true;
  }
  return false;
}

/// True if Kubernetes sets a variable with this name for a Service called culvert or culvert-x.
bool fromKubernetes(std::string_view name) {
  return hasServicePrefix(name) || anyKubernetesStem(name, [](std::string_view stem) {
           return stem.size() > kPrefix.size() && stem.starts_with(kPrefix);
         });
}

bool passedOver(std::string_view name) { return name == kControlVariable || fromKubernetes(name); }

/// Returns true if Kubernetes has set the variable `name`. In that case `environment` also has the
/// other variables that Kubernetes always sets for the same Service.
bool isInjected(std::string_view name, const std::vector<std::string>& environment) {
  return anyKubernetesStem(name, [&](std::string_view stem) {
    const std::string service = std::string(stem) + "_SERVICE_";
    return environmentValue(environment, service + "HOST") != nullptr &&
           environmentValue(environment, service + "PORT") != nullptr;
  });
}

/// Suggests a correction for the ignored variable `name`: the CULVERT_TUNNEL_ variable of the same
/// or a similar option. Returns "" if there is no such option.
std::string serviceVariableNear(std::string_view name) {
  std::vector<std::string> known;
  std::string longest;
  for (const OptionInfo& info : allOptions()) {
    if (info.scope != OptionScope::kService) continue;
    known.push_back(environmentName("CULVERT_TUNNEL_", info.key));
    const std::string end = environmentName("_", info.key);
    if (name.ends_with(end) && known.back().size() > longest.size()) longest = known.back();
  }
  constexpr std::string_view kService = "CULVERT_SERVICE_";
  if (!longest.empty() || !name.starts_with(kService)) return longest;
  const std::vector<std::string_view> names(known.begin(), known.end());
  return std::string(
      nearestName("CULVERT_TUNNEL_" + std::string(name.substr(kService.size())), names));
}

/// Returns the section of this kind and name in `document`. Creates the section if necessary.
RawSection& sectionFor(RawDocument& document, SectionKind kind, std::string_view name,
                       const Origin& origin) {
  for (RawSection& section : document.sections)
    if (section.kind == kind && section.name == name) return section;
  RawSection section;
  section.kind = kind;
  section.name = std::string(name);
  section.origin = origin;
  return document.sections.emplace_back(std::move(section));
}

/// If the variable `name` puts an option into the wrong scope, returns an error that names the
/// right variable. Otherwise returns "".
std::string rightVariable(std::string_view name) {
  for (const EnvironmentScope& scope : kScopes) {
    if (!name.starts_with(scope.prefix)) continue;
    for (const OptionInfo& info : allOptions()) {
      if (info.scope == scope.scope || environmentName(scope.prefix, info.key) != name) continue;
      std::string right;
      for (const EnvironmentScope& other : kScopes) {
        if (other.scope == info.scope)
          right += (right.empty() ? "" : " or ") + environmentName(other.prefix, info.key);
      }
      return fmt::format("{} belongs {}: {}", info.key,
                         info.scope == OptionScope::kGlobal ? "in [global]" : "to a service",
                         right);
    }
  }
  return {};
}

/// Returns the advice if the part of the name behind the scope is a word of another proxy.
std::string foreignVariableHint(std::string_view name) {
  for (const EnvironmentScope& scope : kScopes)
    if (name.starts_with(scope.prefix)) return foreignWordHint(name.substr(scope.prefix.size()));
  return {};
}

void unknownVariable(std::string_view name, const Origin& origin, Diagnostics& diagnostics) {
  if (std::string right = rightVariable(name); !right.empty())
    return diagnostics.error(origin, {}, {}, std::move(right));
  if (passedOver(name)) return;
  std::vector<std::string> known = {std::string(kConfigVariable)};
  for (const EnvironmentScope& scope : kScopes)
    for (const OptionInfo& info : allOptions())
      if (info.scope == scope.scope) known.push_back(environmentName(scope.prefix, info.key));
  const std::vector<std::string_view> names(known.begin(), known.end());
  std::string what =
      "unknown variable; allowed: CULVERT_CONFIG, and CULVERT_GLOBAL_, CULVERT_DEFAULTS_ or "
      "CULVERT_TUNNEL_ with the name of an option";
  const std::string hint = foreignVariableHint(name);
  what += hint.empty() ? didYouMean(nearestName(name, names)) : hint;
  diagnostics.error(origin, {}, {}, std::move(what));
}

void takeVariable(std::string_view assignment, uint32_t order, RawDocument& document,
                  Diagnostics& diagnostics) {
  const std::string_view name = nameOf(assignment);
  const Origin origin = Origin::environment(std::string(name), order);
  for (const EnvironmentScope& scope : kScopes) {
    if (!name.starts_with(scope.prefix)) continue;
    for (const OptionInfo& info : allOptions()) {
      if (info.scope != scope.scope || environmentName(scope.prefix, info.key) != name) continue;
      const std::string_view service =
          scope.kind == SectionKind::kService ? kMainService : std::string_view();
      RawSection& section = sectionFor(document, scope.kind, service, origin);
      const std::string_view value =
          name.size() < assignment.size() ? assignment.substr(name.size() + 1) : "";
      section.entries.push_back({std::string(info.key), std::string(trim(value)), origin});
      return;
    }
  }
  unknownVariable(name, origin, diagnostics);
}

/// Suggests the right section for an assignment that does not start with a section. Returns "" if
/// `key` is not an option.
std::string suggestSection(std::string_view key, std::string_view rest) {
  if (findOption(OptionScope::kGlobal, key) != nullptr)
    return didYouMean(fmt::format("global.{}{}", key, rest));
  if (findOption(OptionScope::kService, key) != nullptr)
    return didYouMean(fmt::format("service:NAME.{}{}", key, rest));
  return {};
}

void takeSet(std::string_view text, uint32_t number, RawDocument& document,
             Diagnostics& diagnostics) {
  constexpr std::string_view kAllowed =
      "allowed: global.KEY=VALUE, defaults.KEY=VALUE, service:NAME.KEY=VALUE";
  const Origin origin = Origin::set(number);
  const auto bad = [&](std::string_view why, const std::string& meant) {
    diagnostics.error(origin, {}, {},
                      fmt::format("\"{}\" {}; {}{}", printable(text, 100), why, kAllowed, meant));
  };
  const size_t equals = text.find('=');
  if (equals == std::string_view::npos) return bad("has no '='", {});
  const std::string_view left = trim(text.substr(0, equals));
  const size_t dot = left.rfind('.');
  if (dot == std::string_view::npos)
    return bad("names no section", suggestSection(left, printable(text.substr(equals), 60)));
  const std::string_view target = left.substr(0, dot);
  const std::string_view key = left.substr(dot + 1);
  SectionKind kind = SectionKind::kUnknown;
  std::string_view name;
  if (target == "global")
    kind = SectionKind::kGlobal;
  else if (target == "defaults")
    kind = SectionKind::kDefaults;
  else if (target.starts_with("service:")) {
    kind = SectionKind::kService;
    name = target.substr(8);
    if (!isServiceName(name)) return bad("has no valid name of a service", {});
  } else {
    constexpr std::string_view kTargets[] = {"global", "defaults", "service:NAME"};
    std::string_view meant = nearestName(target, kTargets);
    return bad("names a section that does not exist", didYouMean(meant));
  }
  RawSection& section = sectionFor(document, kind, name, origin);
  section.entries.push_back({std::string(key), std::string(trim(text.substr(equals + 1))), origin});
}

}  // namespace

RawDocument readEnvironment(const std::vector<std::string>& environment, Diagnostics& diagnostics) {
  std::vector<std::string_view> ours;
  for (const std::string& assignment : environment) {
    const std::string_view name = nameOf(assignment);
    if (name.starts_with(kPrefix) && name != kConfigVariable && !hasServicePrefix(name))
      ours.push_back(assignment);
  }
  std::ranges::sort(ours);
  RawDocument document;
  uint32_t order = 0;
  for (std::string_view assignment : ours) takeVariable(assignment, ++order, document, diagnostics);
  return document;
}

RawDocument readSets(const std::vector<std::string>& sets, Diagnostics& diagnostics) {
  RawDocument document;
  uint32_t number = 0;
  for (const std::string& text : sets) takeSet(text, ++number, document, diagnostics);
  return document;
}

RawDocument readNamed(const Overrides& overrides) {
  RawDocument document;
  uint32_t order = 0;
  for (const NamedOption& option : overrides.named) {
    const Origin origin = Origin::named(option.option, ++order);
    const bool global = findOption(OptionScope::kGlobal, option.key) != nullptr;
    const SectionKind kind = global ? SectionKind::kGlobal : SectionKind::kService;
    RawSection& section =
        sectionFor(document, kind, global ? std::string_view() : kMainService, origin);
    section.entries.push_back({option.key, std::string(trim(option.value)), origin});
  }
  if (overrides.selfSigned)
    sectionFor(document, SectionKind::kService, kMainService,
               Origin::named("--self-signed", ++order));
  return document;
}

const char* environmentValue(const std::vector<std::string>& environment, std::string_view name) {
  for (const std::string& assignment : environment)
    if (nameOf(assignment) == name && assignment.size() > name.size())
      return assignment.c_str() + name.size() + 1;
  return nullptr;
}

bool environmentNamesService(const std::vector<std::string>& environment) {
  return std::ranges::any_of(environment, [](const std::string& assignment) {
    return assignment.starts_with("CULVERT_TUNNEL_") && !passedOver(nameOf(assignment));
  });
}

Diagnostics passedOverVariables(const std::vector<std::string>& environment) {
  Diagnostics found;
  uint32_t order = 0;
  for (const std::string& assignment : environment) {
    const std::string_view name = nameOf(assignment);
    if (!fromKubernetes(name) || isInjected(name, environment)) continue;
    found.warning(Origin::environment(std::string(name), ++order), {}, {},
                  "is ignored: Kubernetes sets variables with such names; allowed: CULVERT_TUNNEL_ "
                  "with the name of an option" +
                      didYouMean(serviceVariableNear(name)));
  }
  found.sort();
  return found;
}

}  // namespace culvert
