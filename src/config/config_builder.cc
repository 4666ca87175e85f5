// SPDX-License-Identifier: GPL-3.0-or-later
// Builds the Config in two passes. First, CheckedSection checks each section separately, so that an
// error is reported once even if several services inherit the value. Then each option takes its
// value from the strongest section that mentions the option.
#include "config/config_builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <unordered_map>

#include "base/ascii.h"
#include "base/words.h"
#include "config/foreign_words.h"
#include "config/overrides.h"
#include "config/policy.h"

namespace culvert {

namespace {

std::string_view suggestKey(OptionScope scope, std::string_view key) {
  std::string name = lower(key);
  std::replace(name.begin(), name.end(), '_', '-');
  std::vector<std::string_view> names;
  for (const OptionInfo& info : allOptions())
    if (info.scope == scope) names.push_back(info.key);
  return nearestName(name, names);
}

struct CheckedEntry {
  const OptionInfo* info;
  const RawEntry* raw;
  std::vector<std::string> items;  // for a list only
};

/// One section of a source, with its valid entries. CheckedSection also records every key that the
/// section mentions, even if the entry has an error.
class CheckedSection {
 public:
  CheckedSection(const RawSection& raw, const Validators& validators, Diagnostics& diagnostics)
      : raw_(&raw), label_(raw.label()), validators_(validators), diagnostics_(diagnostics) {}

  /// `seen` has the options found so far, so that check() finds scalar options that are given
  /// twice. All [global] sections of one source share one `seen`.
  using Seen = std::unordered_map<const OptionInfo*, const RawEntry*>;
  void check(Seen& seen) {
    for (const RawEntry& entry : raw_->entries)
      if (!diagnostics_.full()) checkEntry(entry, seen);
  }

  const RawSection& raw() const { return *raw_; }
  const std::vector<CheckedEntry>& entries() const { return entries_; }
  bool mentions(const OptionInfo& info) const {
    return std::ranges::find(mentioned_, &info) != mentioned_.end();
  }

 private:
  OptionScope scope() const {
    return raw_->kind == SectionKind::kGlobal ? OptionScope::kGlobal : OptionScope::kService;
  }

  void checkEntry(const RawEntry& entry, Seen& seen) {
    const OptionInfo* info = findOption(scope(), entry.key);
    if (info == nullptr) return unknownKey(entry);
    if (!mentions(*info)) mentioned_.push_back(info);
    const auto [first, isNew] = seen.try_emplace(info, &entry);
    if (!info->isList() && !isNew)
      return error(entry, fmt::format("is given twice, first at {}", first->second->origin.text()));
    if (const std::string fault = valueFault(entry.value); !fault.empty())
      return error(entry, fault);
    if (entry.value.empty() && !info->has(kMayBeEmpty)) {
      const std::string allowed = info->allowedWords();
      return error(entry, allowed.empty() ? "has no value" : "has no value; allowed: " + allowed);
    }
    if (info->isList()) return checkList(*info, entry);
    if (Result<void> sound = tryScalar(*info, entry.value); !sound)
      return error(entry, sound.error().text);
    entries_.push_back({info, &entry, {}});
  }

  void checkList(const OptionInfo& info, const RawEntry& entry) {
    Result<std::vector<std::string>> items = splitList(info, entry.value);
    if (!items) return error(entry, items.error().text);
    CheckedEntry checked{&info, &entry, {}};
    for (std::string& item : *items) {
      if (Result<void> sound = checkItem(info, item, validators_); !sound)
        error(entry, sound.error().text);
      else
        checked.items.push_back(std::move(item));
    }
    entries_.push_back(std::move(checked));
  }

  void unknownKey(const RawEntry& entry) {
    const OptionScope other =
        scope() == OptionScope::kGlobal ? OptionScope::kService : OptionScope::kGlobal;
    if (findOption(other, entry.key) != nullptr) {
      return error(entry, other == OptionScope::kGlobal
                              ? "belongs in [global]"
                              : "belongs in [service NAME] or [defaults]");
    }
    if (const ForeignWord* foreign = findForeignWord(entry.key); foreign != nullptr)
      return foreignKey(entry, *foreign, other);
    std::string_view meant = suggestKey(scope(), entry.key);
    if (const OptionInfo* info = meant.empty() ? nullptr : findOption(scope(), meant))
      mentioned_.push_back(info);
    std::string what = "unknown key" + didYouMean(meant);
    if (meant.empty()) {
      meant = suggestKey(other, entry.key);
      if (meant.empty())
        what += "; `culvert --help` lists all keys";
      else
        what += fmt::format(" (did you mean \"{}\" of [{}])", meant,
                            other == OptionScope::kGlobal ? "global" : "service NAME");
    }
    error(entry, std::move(what));
  }

  /// A key of another proxy. The keys that take its place count as mentioned, so that culvert does
  /// not report them as missing too.
  void foreignKey(const RawEntry& entry, const ForeignWord& foreign, OptionScope other) {
    bool here = false, elsewhere = false;
    for (const std::string_view key : foreign.keyList()) {
      if (findOption(other, key) != nullptr) elsewhere = true;
      const OptionInfo* info = findOption(scope(), key);
      if (info == nullptr) continue;
      here = true;
      if (!mentions(*info)) mentioned_.push_back(info);
    }
    std::string what = "unknown key, " + foreign.text();
    if (elsewhere && !here)
      what += other == OptionScope::kGlobal ? ", in [global]" : ", in [service NAME]";
    error(entry, std::move(what));
  }

  static Result<void> tryScalar(const OptionInfo& info, std::string_view text) {
    GlobalOptions global;
    ServiceOptions service;
    OptionSet& scratch =
        info.scope == OptionScope::kGlobal ? static_cast<OptionSet&>(global) : service;
    return info.set(info, scratch, text);
  }

  void error(const RawEntry& entry, std::string what) {
    diagnostics_.error(entry.origin, label_, entry.key, std::move(what));
  }

  const RawSection* raw_;
  std::string label_;
  const Validators& validators_;
  Diagnostics& diagnostics_;
  std::vector<CheckedEntry> entries_;
  std::vector<const OptionInfo*> mentioned_;
};

/// The sections that can give values to one section of the result, from the strongest to the
/// weakest.
using Candidates = std::vector<const CheckedSection*>;

void applyOption(const OptionInfo& info, const Candidates& candidates, OptionSet& options) {
  const auto strongest = std::ranges::find_if(
      candidates, [&](const CheckedSection* section) { return section->mentions(info); });
  if (strongest == candidates.end()) {
    if (!info.isList()) (void)info.set(info, options, info.defaultText);
    return;
  }
  if ((*strongest)->raw().kind == SectionKind::kDefaults) options.inherited.emplace_back(info.key);
  for (const CheckedEntry& entry : (*strongest)->entries()) {
    if (entry.info != &info) continue;
    options.origins.try_emplace(std::string(info.key), entry.raw->origin);
    if (!info.isList()) {
      (void)info.set(info, options, entry.raw->value);  // cannot fail after the first pass
      continue;
    }
    for (const std::string& item : entry.items)
      info.list(options)->push_back({item, entry.raw->origin});
  }
}

class Builder {
 public:
  Builder(const ConfigLayers& layers, const Validators& validators, Diagnostics& diagnostics)
      : layers_(layers), validators_(validators), diagnostics_(diagnostics) {}

  Config build() {
    checkFile(layers_.file);
    for (const RawDocument& document : layers_.included) checkFile(document);
    filePlans_ = services_.size();
    for (const RawDocument* document : {&layers_.environment, &layers_.sets, &layers_.named})
      checkDocument(*document, otherDefaults_, false);
    buildGlobal();
    for (size_t i = 0; i < services_.size(); ++i) buildService(services_[i]);
    if (config_.services.empty()) noService();
    if (incomplete_) diagnostics_.append(layers_.hints);
    warnLateDefaults();
    checkWhole(config_, validators_, diagnostics_);
    return std::move(config_);
  }

 private:
  struct ServicePlan {
    std::vector<const CheckedSection*> own;  // weakest source first
    size_t file;      // the file of the service; 0, the main file, for services of overrides
    size_t defaults;  // number of [defaults] in this file that precede the service
  };
  using Sections = std::vector<const CheckedSection*>;

  void checkFile(const RawDocument& document) {
    fileDefaults_.emplace_back();
    checkDocument(document, fileDefaults_.back(), true);
  }

  void checkDocument(const RawDocument& document, Sections& defaults, bool isFile) {
    CheckedSection::Seen globalSeen;
    for (const RawSection& raw : document.sections) {
      if (raw.kind == SectionKind::kUnknown) {
        unknownSections_ = true;
        continue;
      }
      CheckedSection& section = sections_.emplace_back(raw, validators_, diagnostics_);
      CheckedSection::Seen seen;
      section.check(raw.kind == SectionKind::kGlobal ? globalSeen : seen);
      if (raw.kind == SectionKind::kGlobal) global_.push_back(&section);
      if (raw.kind == SectionKind::kDefaults) defaults.push_back(&section);
      if (raw.kind == SectionKind::kService) addService(section, isFile);
    }
  }

  void addService(const CheckedSection& section, bool isFile) {
    const auto [place, isNew] = byName_.try_emplace(section.raw().name, services_.size());
    if (isNew) {
      const size_t file = isFile ? fileDefaults_.size() - 1 : 0;
      services_.push_back({{&section}, file, fileDefaults_[file].size()});
    } else if (isFile) {
      const Origin& first = services_[place->second].own.front()->raw().origin;
      diagnostics_.error(section.raw().origin, section.raw().label(), {},
                         fmt::format("a service of this name exists already, at {}", first.text()));
    } else {
      services_[place->second].own.push_back(&section);
    }
  }

  void buildGlobal() {
    const Candidates candidates(global_.rbegin(), global_.rend());
    if (!global_.empty()) config_.global.sectionOrigin = global_.front()->raw().origin;
    for (const OptionInfo& info : allOptions())
      if (info.scope == OptionScope::kGlobal) applyOption(info, candidates, config_.global);
  }

  void buildService(const ServicePlan& plan) {
    Candidates candidates(plan.own.rbegin(), plan.own.rend());
    candidates.insert(candidates.end(), otherDefaults_.rbegin(), otherDefaults_.rend());
    for (size_t i = plan.defaults; i > 0; --i)
      candidates.push_back(fileDefaults_[plan.file][i - 1]);
    if (plan.file != 0)
      candidates.insert(candidates.end(), fileDefaults_[0].rbegin(), fileDefaults_[0].rend());
    ServiceOptions service;
    service.name = plan.own.front()->raw().name;
    service.sectionOrigin = plan.own.front()->raw().origin;
    for (const OptionInfo& info : allOptions())
      if (info.scope == OptionScope::kService) applyOption(info, candidates, service);
    applyPolicy(service, candidates);
    turnTicketsOff(service);
    takeSelfSigned(service);
    checkRequired(service, candidates);
    config_.services.push_back(std::move(service));
  }

  /// Turns session tickets off if verify-client is on. Does nothing if the service itself sets
  /// session-tickets = on, because checkWhole() reports that setting as an error.
  void turnTicketsOff(ServiceOptions& service) {
    if (service.verifyClient == VerifyClient::kOff || !service.sessionTickets) return;
    const Origin& origin = service.originOf("session-tickets");
    const bool byDefault = origin.kind == Origin::Kind::kDefault;
    if (!byDefault && !service.isInherited("session-tickets")) return;
    service.sessionTickets = false;
    if (!byDefault)
      diagnostics_.add(Severity::kNote, origin, sectionLabel(service), "session-tickets",
                       "is off in this service, because of verify-client: a resumed session has "
                       "no certificate");
  }

  void takeSelfSigned(ServiceOptions& service) {
    const bool byOption = layers_.selfSigned && service.name == kMainService;
    const bool byName = std::ranges::any_of(
        service.cert, [](const SourcedText& cert) { return cert.text == kSelfSigned; });
    if (!byOption && !byName) return;
    if (!byOption && (service.cert.size() > 1 || !service.key.empty())) {
      diagnostics_.error(service.originOf("cert"), sectionLabel(service), "cert",
                         "self-signed must be the only cert, and excludes key (a "
                         "file of that name is ./self-signed)");
    }
    service.selfSigned = true;
    service.key.clear();
    service.origins.erase("key");
    if (!byOption) return;
    service.cert.clear();
    service.origins.erase("cert");
  }

  /// Applies the values of the policy to all options that the configuration does not set. Every
  /// policy uses the built-in lists of suites and groups.
  void applyPolicy(ServiceOptions& service, const Candidates& candidates) {
    const PolicyInfo* policy = findPolicy(service.policy);
    if (policy == nullptr || service.originOf("policy").kind == Origin::Kind::kDefault) return;
    const std::pair<std::string_view, std::string_view> values[] = {
        {"min-version", policy->minVersion},
        {"max-version", policy->maxVersion},
        {"ciphers", {}},
        {"ciphersuites", {}},
        {"groups", {}},
    };
    for (const auto& [key, value] : values) {
      const OptionInfo* info = findOption(OptionScope::kService, key);
      if (service.origins.contains(key)) {
        warnOverruled(service, candidates, *info, value);
        continue;
      }
      service.origins.emplace(key, Origin::policy(service.policy));
      if (!info->isList()) (void)info->set(*info, service, value);
    }
  }

  /// Warns if an option overrides a value of the policy although it is set in a more general
  /// section than `policy`, for example in [defaults]. The operator may not expect that.
  void warnOverruled(const ServiceOptions& service, const Candidates& candidates,
                     const OptionInfo& info, std::string_view preset) {
    const auto place = [&](const OptionInfo& option) {
      return std::ranges::find_if(candidates,
                                  [&](auto* section) { return section->mentions(option); });
    };
    const bool further = place(*findOption(OptionScope::kService, "policy")) < place(info);
    const std::string value = formatValue(info, service);
    if (!further || value.empty() || value == preset) return;
    diagnostics_.warning(
        service.originOf("policy"), sectionLabel(service), "policy",
        fmt::format("{} does not set {}, because {} sets it: {}", service.policy, info.key,
                    service.originOf(info.key).text(), printable(value, 60)));
  }

  void checkRequired(ServiceOptions& service, const Candidates& candidates) {
    for (const OptionInfo& info : allOptions()) {
      const bool needed =
          info.has(kRequired) ||
          (info.has(kRequiredWithTls) && service.tls == ClientTls::kOn && !service.selfSigned);
      if (info.scope != OptionScope::kService || !needed) continue;
      const bool meant =
          std::ranges::any_of(candidates, [&](auto* section) { return section->mentions(info); });
      if (meant) continue;
      incomplete_ = true;
      std::string what = fmt::format("is missing; every service {}needs it: {}",
                                     info.has(kRequired) ? "" : "with tls = on ", info.brief);
      if (info.key == "cert" && service.name == kMainService &&
          service.sectionOrigin.kind != Origin::Kind::kFile)
        what += " (or --self-signed)";
      what += nearService(service);
      diagnostics_.error(service.sectionOrigin, sectionLabel(service), std::string(info.key),
                         std::move(what));
    }
  }

  /// If only an override names the service, suggests a service of the file with a similar name,
  /// because the operator may have misspelt the name. Otherwise returns an empty text.
  std::string nearService(const ServiceOptions& service) const {
    if (service.sectionOrigin.kind == Origin::Kind::kFile) return {};
    std::vector<std::string_view> names;
    for (size_t i = 0; i < filePlans_; ++i) names.push_back(services_[i].own.front()->raw().name);
    const std::string_view near = nearestName(service.name, names);
    return near.empty() ? std::string() : didYouMean(fmt::format("service:{}", near));
  }

  void noService() {
    incomplete_ = true;
    if (unknownSections_) return;  // an unknown section may be a misspelt service
    if (layers_.unread) return;    // the file may have services
    if (layers_.fileName.empty() && diagnostics_.hasErrors()) return;
    const Origin place =
        layers_.fileName.empty() ? Origin::named("--listen", 0) : Origin::file(layers_.fileName, 1);
    diagnostics_.error(
        place, {}, {},
        "no service is configured; add a [service NAME] section with listen, backend and cert");
  }

  void warnLateDefaults() {
    // The number of [defaults] of each file that apply to a service.
    std::vector<size_t> used(fileDefaults_.size());
    for (const ServicePlan& plan : services_) {
      used[plan.file] = std::max(used[plan.file], plan.defaults);
      if (plan.file != 0) used[0] = fileDefaults_[0].size();
    }
    for (size_t file = 0; file < used.size(); ++file) {
      for (size_t i = used[file]; i < fileDefaults_[file].size(); ++i) {
        const RawSection& section = fileDefaults_[file][i]->raw();
        if (section.entries.empty()) continue;
        diagnostics_.warning(section.origin, "defaults", {},
                             "has no effect: it applies to later services, but no service follows");
      }
    }
  }

  static constexpr std::string_view kSelfSigned = "self-signed";
  const ConfigLayers& layers_;
  const Validators& validators_;
  Diagnostics& diagnostics_;
  Config config_;
  std::deque<CheckedSection> sections_;
  Sections global_, otherDefaults_;     // weakest first
  std::vector<Sections> fileDefaults_;  // for each file, in the order of the file
  std::vector<ServicePlan> services_;
  std::unordered_map<std::string, size_t> byName_;
  size_t filePlans_ = 0;
  bool unknownSections_ = false;
  bool incomplete_ = false;  // true if there is no service, or a service lacks a required option
};

}  // namespace

Config buildConfig(const ConfigLayers& layers, const Validators& validators,
                   Diagnostics& diagnostics) {
  return Builder(layers, validators, diagnostics).build();
}

}  // namespace culvert
