// SPDX-License-Identifier: GPL-3.0-or-later
// See certificate_loader.h.
#include "server/certificate_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <set>

#include "base/ascii.h"

namespace culvert {
namespace {

constexpr int64_t kMilli = 1'000'000;

// The grain of the file systems' clocks is a tick of the kernel, 10 ms at most.
constexpr int64_t kGrain = 50 * kMilli;

// A chain that has become shorter is perhaps only half written.
constexpr int64_t kSettlesShorter = 1300 * kMilli;

// A refusal is told when it has stood this long: until then it is perhaps half of a pair.
constexpr int64_t kTellsAfter = 1000 * kMilli;

std::array<FileStamp, 3> stampsOf(const CertificateFiles& files) {
  std::array<FileStamp, 3> stamps;
  stamps[0] = stampOf(files.cert);
  if (!files.key.empty()) stamps[1] = stampOf(files.key);
  if (!files.passphrase.empty()) stamps[2] = stampOf(files.passphrase);
  return stamps;
}

bool olderThan(const std::array<FileStamp, 3>& stamps, int64_t nanos) {
  return std::all_of(stamps.begin(), stamps.end(),
                     [&](const FileStamp& stamp) { return stamp.settled(nanos); });
}

bool serves(const CertificateUnit& unit) { return unit.credentials != nullptr; }

bool coversName(const CertificateUnit& unit, std::string_view name) {
  return serves(unit) && unit.credentials->matches(name) > 0;
}

}  // namespace

CredentialSet::List credentialsOf(const CertificateUnits& units) {
  CredentialSet::List list;
  for (const auto& unit : units) {
    if (serves(*unit)) list.push_back(unit->credentials);
  }
  return list;
}

CertificateUnits CertificateLoader::load(const ServiceOptions& options,
                                         const CertificateUnits& before, const AskedNames* asked) {
  CertificateUnits units;
  for (size_t i = 0; i < options.cert.size(); ++i) addAll(options, i, units, before);
  if (reason_ == LoadReason::kWatch) keepVanished(options, before, units);
  if (!before.empty() && units != before) keepNames(options, before, units, asked);
  if (reason_ != LoadReason::kWatch) {
    const bool none =
        std::none_of(units.begin(), units.end(), [](const auto& unit) { return serves(*unit); });
    if (none && !diagnostics_.hasErrors())
      diagnostics_.error(options.originOf("cert"), sectionLabel(options), "cert",
                         "no certificate that can be used is there");
    warnOfNames(options, units);
  }
  return units;
}

void CertificateLoader::addAll(const ServiceOptions& options, size_t index, CertificateUnits& units,
                               const CertificateUnits& before) {
  const SourcedText& cert = options.cert[index];
  const SourcedText key = index < options.key.size() ? options.key[index] : SourcedText();
  const SourcedList& phrases = options.keyPassphraseFile;
  const SourcedText phrase = phrases.size() == 1      ? phrases[0]
                             : index < phrases.size() ? phrases[index]
                                                      : SourcedText();
  if (!isDirectory(cert.text)) {
    const Place place{options, cert.origin, key.origin, phrase.origin, false};
    units.push_back(unitFor({cert.text, key.text, phrase.text}, place));
    return;
  }
  const Place place{options, cert.origin, key.origin, phrase.origin, true};
  if (!key.text.empty())
    return diagnostics_.error(
        key.origin, sectionLabel(options), "key",
        cert.text + " is a directory, whose keys lie beside their certificates");
  const auto listed = listCertificates(cert.text, phrase.text);
  if (!listed) {
    diagnostics_.error(cert.origin, sectionLabel(options), "cert", listed.error().text);
    for (const auto& unit : before)
      if (unit->fromDirectory && unit->files.cert.starts_with(cert.text)) units.push_back(unit);
    return;
  }
  for (const CertificateFiles& files : *listed) units.push_back(unitFor(files, place));
}

/// Who replaces a file by removing it first leaves a gap; a certificate outlives it.
void CertificateLoader::keepVanished(const ServiceOptions& options, const CertificateUnits& before,
                                     CertificateUnits& units) {
  std::set<std::string> here;
  for (const auto& unit : units) here.insert(unit->files.id());
  for (const auto& old : before) {
    if (!old->fromDirectory || !serves(*old) || here.contains(old->files.id())) continue;
    if (old->goneSince != 0 && wallNanos() - old->goneSince >= kTellsAfter) {
      diagnostics_.add(Severity::kNote, options.originOf("cert"), sectionLabel(options), "cert",
                       old->files.cert + " is gone: it is served no more");
      continue;
    }
    auto kept = std::make_shared<CertificateUnit>(*old);
    if (kept->goneSince == 0) kept->goneSince = wallNanos();
    units.push_back(std::move(kept));
    lookAgain_ = true;
  }
}

CertificateLoader::Unit CertificateLoader::unitFor(const CertificateFiles& files,
                                                   const Place& place) {
  const auto found = known_.find(files.id());
  const Unit before = found != known_.end() ? found->second : nullptr;
  const auto stamps = stampsOf(files);
  if (before != nullptr && isUnchanged(*before, stamps)) return before;
  Unit unit;
  if (reason_ == LoadReason::kWatch && isBeingWritten(before.get(), stamps)) {
    lookAgain_ = true;
    if (before != nullptr) return before;
    auto later = std::make_shared<CertificateUnit>();
    later->files = files;
    later->fromDirectory = place.fromDirectory;
    return later;
  }
  unit = read(files, place, before, stamps);
  known_[files.id()] = unit;  // two services may name one certificate
  return unit;
}

bool CertificateLoader::isUnchanged(const CertificateUnit& before,
                                    const std::array<FileStamp, 3>& stamps) const {
  if (before.stamps != stamps) return false;
  // A pipe was read once and for all.
  const bool readable = std::all_of(stamps.begin(), stamps.end(), [](const FileStamp& stamp) {
    return stamp.regular || !stamp.exists();
  });
  if (!readable) return reason_ == LoadReason::kWatch;
  return before.settled && before.refusal.empty() && serves(before);
}

bool CertificateLoader::isBeingWritten(const CertificateUnit* before,
                                       const std::array<FileStamp, 3>& stamps) const {
  return (before == nullptr || before->stamps != stamps) && !olderThan(stamps, FileStamp::kSettles);
}

CertificateLoader::Unit CertificateLoader::read(const CertificateFiles& files, const Place& place,
                                                const Unit& before,
                                                const std::array<FileStamp, 3>& stamps) {
  auto loaded = Credentials::loadFiles(files);
  auto unit = std::make_shared<CertificateUnit>();
  unit->files = files;
  unit->stamps = stamps;
  unit->fromDirectory = place.fromDirectory;
  unit->settled = olderThan(stamps, kGrain);
  if (stampsOf(files) != stamps) {  // swapped while it was read
    if (reason_ == LoadReason::kWatch) {
      lookAgain_ = true;
      if (before != nullptr) return before;
    }
    unit->settled = false;
  }
  if (!loaded) return refuse(std::move(unit), place, before, loaded.error());
  unit->credentials = std::move(*loaded);
  if (before == nullptr || !serves(*before)) {
    const int64_t now = std::time(nullptr);
    const bool expired = unit->credentials->validity(now) == Validity::kExpired;
    if (reason_ == LoadReason::kStart || !expired) return serve(std::move(unit), place);
    const std::string text = files.cert + ": " + unit->credentials->validityText(now);
    return refuse(std::move(unit), place, before, {text, {}, {}});
  }
  const Credentials& old = *before->credentials;
  if (old.contentHash() == unit->credentials->contentHash()) {
    unit->credentials = before->credentials;
    return serve(std::move(unit), place);
  }
  if (reason_ == LoadReason::kWatch && unit->credentials->chain().size() < old.chain().size() &&
      !olderThan(stamps, kSettlesShorter)) {
    lookAgain_ = true;
    return before;
  }
  const std::string worse = whatIsWorse(*unit->credentials, old);
  if (worse.empty()) return serve(std::move(unit), place);
  return refuse(std::move(unit), place, before, {files.cert + ": " + worse, {}, {}});
}

/// What speaks against a certificate in the place of one that is served.
std::string CertificateLoader::whatIsWorse(const Credentials& now,
                                           const Credentials& before) const {
  const int64_t time = std::time(nullptr);
  const Validity validity = now.validity(time);
  if (validity == Validity::kExpired) return now.validityText(time);
  if (reason_ != LoadReason::kWatch) return {};
  if (validity == Validity::kNotYetValid) return now.validityText(time);
  if (!now.chainInOrder() && before.chainInOrder())
    return "the chain is incomplete or out of order, which it was not before";
  return {};
}

CertificateLoader::Unit CertificateLoader::serve(std::shared_ptr<CertificateUnit> unit,
                                                 const Place& place) {
  for (const std::string& text : unit->credentials->warnings())
    diagnostics_.warning(place.cert, sectionLabel(place.service), "cert", text);
  const int64_t now = std::time(nullptr);
  if (unit->credentials->validity(now) != Validity::kValid) {
    diagnostics_.warning(
        place.cert, sectionLabel(place.service), "cert",
        fmt::format("{}: {}", unit->files.cert, unit->credentials->validityText(now)));
  }
  return unit;
}

/// At the start and in a reload an error, unless the certificate is one of many; in a watch what is
/// served stays.
CertificateLoader::Unit CertificateLoader::refuse(std::shared_ptr<CertificateUnit> unit,
                                                  const Place& place, const Unit& before,
                                                  const CredentialFaults& faults) {
  const std::string label = sectionLabel(place.service);
  unit->credentials = before != nullptr ? before->credentials : nullptr;
  unit->refusal = faults.text();
  const char* stays = serves(*unit) ? "; the one in use stays" : "; it is left out";
  if (reason_ != LoadReason::kWatch && !place.fromDirectory) {
    if (!faults.cert.empty()) diagnostics_.error(place.cert, label, "cert", faults.cert);
    if (!faults.key.empty()) diagnostics_.error(place.key, label, "key", faults.key);
    if (!faults.passphrase.empty())
      diagnostics_.error(place.passphrase, label, "key-passphrase-file", faults.passphrase);
    return unit;
  }
  if (reason_ != LoadReason::kWatch) {
    diagnostics_.warning(place.cert, label, "cert", unit->refusal + stays);
    unit->told = true;
    ++refused_;
    return unit;
  }
  const bool same =
      before != nullptr && before->refusal == unit->refusal && before->stamps == unit->stamps;
  unit->refusedSince = same ? before->refusedSince : wallNanos();
  unit->told = same && before->told;
  if (!unit->told && wallNanos() - unit->refusedSince >= kTellsAfter) {
    diagnostics_.error(place.cert, label, "cert", unit->refusal + stays);
    unit->told = true;
    ++refused_;
  }
  if (!unit->told) lookAgain_ = true;
  return unit;
}

/// Names that are in use: the configuration demands them, or clients have asked for them.
void CertificateLoader::keepNames(const ServiceOptions& options, const CertificateUnits& before,
                                  CertificateUnits& units, const AskedNames* asked) {
  const CredentialSet had(credentialsOf(before));
  const CredentialSet has(credentialsOf(units));
  const Place place{options, options.originOf("cert"), {}, {}, true};
  const auto check = [&](const std::string& name, const char* why) {
    if (!had.covers(name) || has.covers(name)) return;
    keepCovering(name, fmt::format("lacks {}, {}", name, why), place, before, units);
  };
  for (const SourcedText& name : options.serverNames)
    check(lower(name.text), "which server-names demands");
  if (asked == nullptr) return;
  for (const std::string& name : asked->recent(std::time(nullptr)))
    check(name, "which clients have asked for within 24 hours");
}

/// Puts back what covered the name, or warns where an operator wants it so.
void CertificateLoader::keepCovering(const std::string& name, const std::string& why,
                                     const Place& place, const CertificateUnits& before,
                                     CertificateUnits& units) {
  for (const auto& old : before) {
    if (!coversName(*old, name)) continue;
    const auto at = std::find_if(units.begin(), units.end(),
                                 [&](const auto& unit) { return unit->files == old->files; });
    const std::string text = fmt::format(
        "{}: {} {}", old->files.cert, at != units.end() ? "it" : "is gone, and what is left", why);
    if (reason_ != LoadReason::kWatch) {
      diagnostics_.warning(place.cert, sectionLabel(place.service), "cert", text);
      continue;
    }
    if (at != units.end() && coversName(**at, name)) continue;
    auto kept = std::make_shared<CertificateUnit>(at != units.end() ? **at : *old);
    kept->credentials = nullptr;
    Unit unit = refuse(kept, place, old, {text, {}, {}});
    if (at != units.end()) {
      *at = std::move(unit);
    } else {
      units.push_back(std::move(unit));
    }
  }
}

void CertificateLoader::warnOfNames(const ServiceOptions& options, const CertificateUnits& units) {
  if (options.serverNames.empty()) return;
  const CredentialSet set(credentialsOf(units));
  for (const SourcedText& name : options.serverNames) {
    if (set.covers(lower(name.text))) continue;
    diagnostics_.warning(name.origin, sectionLabel(options), "server-names",
                         fmt::format("no certificate names {}", name.text));
  }
}

}  // namespace culvert
