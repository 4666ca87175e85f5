// SPDX-License-Identifier: GPL-3.0-or-later
// See certificate_loader.h.
#include "certs/certificate_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <ctime>
#include <unordered_set>

#include "base/ascii.h"

namespace culvert {
namespace {

constexpr int64_t kMilli = 1'000'000;

// More than the granularity of file timestamps, which is a kernel tick (at most 10 ms).
constexpr int64_t kGrain = 50 * kMilli;

// A chain that has become shorter may be half written, so culvert waits this long before it loads
// the chain.
constexpr int64_t kSettlesShorter = 1300 * kMilli;

// culvert logs a refusal only after this time, because only one file of a new certificate and key
// may have been written.
constexpr int64_t kTellsAfter = 1000 * kMilli;

// culvert logs at most this many lost names in lines of their own, and the rest in one line.
constexpr size_t kMostLost = 20;

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

/// Inserts a unit at its position among the previous units. The order matters, because the first
/// certificate is the default.
void insertInPlace(std::shared_ptr<const CertificateUnit> unit, const CertificateUnits& before,
                   CertificateUnits& units) {
  const auto same = [](const CertificateFiles& files) {
    return [&files](const auto& other) { return other->files == files; };
  };
  auto old = std::find_if(before.begin(), before.end(), same(unit->files));
  while (old != before.begin() && old != before.end()) {
    --old;
    const auto at = std::find_if(units.begin(), units.end(), same((*old)->files));
    if (at == units.end()) continue;
    units.insert(std::next(at), std::move(unit));
    return;
  }
  units.insert(units.begin(), std::move(unit));
}

bool isBelow(const std::string& path, const std::string& directory) {
  return path.starts_with(directory.ends_with('/') ? directory : directory + "/");
}

bool coversName(const CertificateUnit& unit, std::string_view name) {
  return serves(unit) && unit.credentials->matches(name) > 0;
}

bool isValid(const CertificateUnit& unit, int64_t now) {
  return serves(unit) && unit.credentials->validity(now) == Validity::kValid;
}

/// Returns the default certificate, which is the first served certificate, or end().
CertificateUnits::const_iterator firstServed(const CertificateUnits& units) {
  return std::find_if(units.begin(), units.end(), [](const auto& unit) { return serves(*unit); });
}

CredentialSet::List validOf(const CertificateUnits& units, int64_t now) {
  CredentialSet::List list;
  for (const auto& unit : units) {
    if (isValid(*unit, now)) list.push_back(unit->credentials);
  }
  return list;
}

/// Returns how the chain is worse than the chain of `before`; empty if it is not worse.
std::string_view chainLoss(const Credentials& now, const Credentials& before) {
  if (!now.chainInOrder() && before.chainInOrder())
    return "the chain is incomplete or out of order, unlike the previous one";
  // A chain of the leaf alone is worse if an intermediate issued the leaf and `before` has that
  // intermediate, because clients need it. Clients do not need a root or further intermediates.
  const CertificateInfo& leaf = now.leaf();
  const auto& had = before.chain();
  const bool lost =
      now.chain().size() == 1 && std::any_of(had.begin() + 1, had.end(), [&](const auto& issuer) {
        return issuer.subjectHash == leaf.issuerHash && !issuer.selfIssued();
      });
  return lost ? "the chain lacks the issuer's certificate, which the previous one had" : "";
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
                                         const CertificateUnits& before, AskedNames* asked,
                                         const TlsSettings* settings) {
  settings_ = settings;
  own_.clear();
  for (const auto& unit : before) own_.emplace(unit->files.id(), unit);
  CertificateUnits units;
  for (size_t i = 0; i < options.cert.size(); ++i) addAll(options, i, units, before);
  CertificateUnits vanished;
  if (reason_ == LoadReason::kWatch) {
    vanished = keepVanished(before, units);
    keepDefault(options, before, units);
  }
  if (!before.empty() && units != before) {
    keepNames(options, before, units);
    if (asked != nullptr) warnOfAsked(options, before, units, *asked);
  }
  if (reason_ == LoadReason::kWatch) settleVanished(options, vanished, before, units);
  if (units != before) warnOfDefault(options, before, units);
  if (reason_ == LoadReason::kWatch) return units;
  if (std::none_of(units.begin(), units.end(), [](const auto& unit) { return serves(*unit); }) &&
      !diagnostics_.hasErrors())
    diagnostics_.error(options.originOf("cert"), sectionLabel(options), "cert",
                       "there is no usable certificate");
  warnOfNames(options, units);
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
  // A directory may be missing while its file system is not mounted. The path still counts as a
  // directory then.
  const bool was = std::any_of(before.begin(), before.end(), [&](const auto& unit) {
    return unit->fromDirectory && isBelow(unit->files.cert, cert.text);
  });
  const bool wasFile = std::any_of(before.begin(), before.end(), [&](const auto& unit) {
    return !unit->fromDirectory && unit->files.cert == cert.text;
  });
  const bool directory = reason_ == LoadReason::kWatch ? was || (!wasFile && isDirectory(cert.text))
                                                       : isDirectory(cert.text);
  const Place place{options, cert.origin, key.origin, phrase.origin, directory};
  if (!directory) {
    units.push_back(unitFor({cert.text, key.text, phrase.text}, place));
  } else if (!key.text.empty()) {
    diagnostics_.error(
        key.origin, sectionLabel(options), "key",
        cert.text + " is a directory: its keys are the files beside the certificates");
  } else {
    addDirectory(cert, phrase.text, place, units, before);
  }
}

void CertificateLoader::addDirectory(const SourcedText& cert, const std::string& passphrase,
                                     const Place& place, CertificateUnits& units,
                                     const CertificateUnits& before) {
  const auto listed = listCertificates(cert.text, passphrase);
  if (listed) {
    for (const CertificateFiles& files : *listed) units.push_back(unitFor(files, place));
    return;
  }
  if (reason_ != LoadReason::kWatch)
    return diagnostics_.error(place.cert, sectionLabel(place.service), "cert", listed.error().text);
  bool told = false;  // the error has been reported for the first unit
  for (const auto& unit : before) {
    if (!unit->fromDirectory || !isBelow(unit->files.cert, cert.text)) continue;
    auto kept = std::make_shared<CertificateUnit>(*unit);
    units.push_back(told ? unit
                         : refuse(std::move(kept), place, unit, {listed.error().text, {}, {}}));
    told = true;
  }
}

/// Keeps certificates whose files vanished a moment ago, because an operator may remove a file
/// before writing the new one. Returns the certificates that have been missing for longer.
CertificateUnits CertificateLoader::keepVanished(const CertificateUnits& before,
                                                 CertificateUnits& units) {
  std::unordered_set<std::string> here;
  for (const auto& unit : units) here.insert(unit->files.id());
  CertificateUnits vanished;
  for (const auto& old : before) {
    if (!old->fromDirectory || !serves(*old) || here.contains(old->files.id())) continue;
    if (old->goneSince != 0 && wallNanos() - old->goneSince >= kTellsAfter) {
      vanished.push_back(old);
      continue;
    }
    auto kept = std::make_shared<CertificateUnit>(*old);
    if (kept->goneSince == 0) kept->goneSince = wallNanos();
    insertInPlace(std::move(kept), before, units);
    lookAgain_ = true;
  }
  return vanished;
}

/// Keeps a missing certificate if it covers a name in server-names, or if no other certificate is
/// left.
void CertificateLoader::settleVanished(const ServiceOptions& options,
                                       const CertificateUnits& vanished,
                                       const CertificateUnits& before, CertificateUnits& units) {
  const bool none =
      std::none_of(units.begin(), units.end(), [](const auto& unit) { return serves(*unit); });
  const Place place{options, options.originOf("cert"), {}, {}, true};
  for (const auto& old : vanished) {
    const bool kept = std::any_of(units.begin(), units.end(),
                                  [&](const auto& unit) { return unit->files == old->files; });
    if (kept) continue;
    if (none) {
      const std::string text =
          old->files.cert + ": is gone, and no other certificate can be served";
      insertInPlace(refuse(std::make_shared<CertificateUnit>(*old), place, old, {text, {}, {}}),
                    before, units);
    } else {
      diagnostics_.add(Severity::kNote, place.cert, sectionLabel(options), "cert",
                       old->files.cert + " is gone: it is no longer served");
    }
  }
}

CertificateLoader::Unit CertificateLoader::knownUnit(const std::string& id) const {
  // Search this service's units first, because another service may have refused the same
  // certificate. For example, the certificate may lack a name that the other service needs.
  for (const Known* known : {&own_, &known_}) {
    const auto found = known->find(id);
    if (found != known->end()) return found->second;
  }
  return nullptr;
}

CertificateLoader::Unit CertificateLoader::unitFor(const CertificateFiles& files,
                                                   const Place& place) {
  const Unit before = knownUnit(files.id());
  const auto stamps = stampsOf(files);
  if (before != nullptr && before->goneSince == 0 && isUnchanged(*before, stamps)) return before;
  if (reason_ == LoadReason::kWatch && isBeingWritten(before.get(), stamps)) {
    lookAgain_ = true;
    if (before != nullptr) return before;
    auto later = std::make_shared<CertificateUnit>();
    later->files = files;
    later->fromDirectory = place.fromDirectory;
    return later;
  }
  Unit unit = read(files, place, before, stamps);
  known_[files.id()] = unit;  // two services may name the same certificate
  return unit;
}

bool CertificateLoader::isUnchanged(const CertificateUnit& before,
                                    const std::array<FileStamp, 3>& stamps) const {
  if (before.stamps != stamps) return false;
  // culvert reads a pipe only once, unless the pipe has replaced a regular file.
  const bool readable = std::all_of(stamps.begin(), stamps.end(), [](const FileStamp& stamp) {
    return stamp.regular || !stamp.exists();
  });
  if (!readable) return reason_ == LoadReason::kWatch && (before.refusal.empty() || before.told);
  return before.settled && before.refusal.empty() && serves(before);
}

bool CertificateLoader::isBeingWritten(const CertificateUnit* before,
                                       const std::array<FileStamp, 3>& stamps) const {
  return (before == nullptr || before->stamps != stamps) && !olderThan(stamps, FileStamp::kSettles);
}

CertificateLoader::Unit CertificateLoader::read(const CertificateFiles& files, const Place& place,
                                                const Unit& before,
                                                const std::array<FileStamp, 3>& stamps) {
  // If culvert has refused a candidate for its dates or names, and the candidate's files are
  // unchanged, culvert neither reads nor reports the candidate again.
  const bool seen = before != nullptr && before->candidate != nullptr && before->settled &&
                    before->stamps == stamps;
  auto loaded = seen ? Credentials::Loaded(before->candidate) : Credentials::loadFiles(files);
  auto unit = std::make_shared<CertificateUnit>();
  unit->files = files;
  unit->stamps = stamps;
  unit->fromDirectory = place.fromDirectory;
  unit->settled = olderThan(stamps, kGrain);
  if (stampsOf(files) != stamps) {  // the files changed while they were read
    if (reason_ == LoadReason::kWatch) {
      lookAgain_ = true;
      if (before != nullptr) return before;
    }
    unit->settled = false;
  }
  if (!loaded) return refuse(std::move(unit), place, before, loaded.error());
  unit->credentials = sameAsKnown(files, std::move(*loaded));
  const Credentials* old =
      before != nullptr && serves(*before) ? before->credentials.get() : nullptr;
  if (unit->credentials.get() == old) return serve(std::move(unit), place, seen);
  if (reason_ == LoadReason::kWatch && old != nullptr && !olderThan(stamps, kSettlesShorter) &&
      unit->credentials->chain().size() < old->chain().size()) {
    lookAgain_ = true;
    return before;
  }
  const std::string worse = whatIsWorse(*unit->credentials, old);
  if (worse.empty()) {
    if (const auto loss = old != nullptr ? chainLoss(*unit->credentials, *old) : ""; !loss.empty())
      diagnostics_.warning(place.cert, sectionLabel(place.service), "cert",
                           fmt::format("{}: {}", files.cert, loss));
    return serve(std::move(unit), place, seen && reason_ == LoadReason::kWatch);
  }
  return refuse(std::move(unit), place, before, {files.cert + ": " + worse, {}, {}});
}

/// Returns the known object if its contents equal those of `loaded`, else `loaded`.
std::shared_ptr<const Credentials> CertificateLoader::sameAsKnown(
    const CertificateFiles& files, std::shared_ptr<const Credentials> loaded) const {
  for (const Known* known : {&own_, &known_}) {
    const auto found = known->find(files.id());
    if (found == known->end() || !serves(*found->second)) continue;
    if (found->second->credentials->contentHash() == loaded->contentHash())
      return found->second->credentials;
  }
  return loaded;
}

/// Returns why a certificate must not replace `before`, or must not be served if `before` is null.
/// The text does not depend on the time, so that the same refusal is logged once.
std::string CertificateLoader::whatIsWorse(const Credentials& now,
                                           const Credentials* before) const {
  if (reason_ != LoadReason::kReload && reason_ != LoadReason::kWatch) return {};
  const int64_t time = std::time(nullptr);
  const Validity validity = now.validity(time);
  if (validity == Validity::kExpired) return "has expired (" + now.validUntilText() + ")";
  const bool watch = reason_ == LoadReason::kWatch;
  if (watch && validity == Validity::kNotYetValid)
    return "is not valid before " + now.validFromText();
  // An expired certificate never replaces a valid certificate.
  const bool sound = before != nullptr && before->validity(time) == Validity::kValid;
  if (sound || (watch && before == nullptr)) {
    for (const CertificateFlaw& flaw : now.flaws())
      if (before == nullptr || !before->hasFlaw(flaw.kind)) return flaw.text;
  }
  if (!watch) return {};
  if (sound)
    if (const auto loss = chainLoss(now, *before); !loss.empty()) return std::string(loss);
  if (settings_ != nullptr) {
    if (const auto fits = checkKeyType(*settings_, now); !fits) return fits.error().text;
  }
  return {};
}

CertificateLoader::Unit CertificateLoader::serve(std::shared_ptr<CertificateUnit> unit,
                                                 const Place& place, bool quiet) {
  if (quiet) return unit;
  const std::string label = sectionLabel(place.service);
  for (const std::string& text : unit->credentials->warnings())
    diagnostics_.warning(place.cert, label, "cert", text);
  const Severity severity = reason_ == LoadReason::kStrict ? Severity::kError : Severity::kWarning;
  for (const CertificateFlaw& flaw : unit->credentials->flaws())
    diagnostics_.add(severity, place.cert, label, "cert", unit->files.cert + ": " + flaw.text);
  const int64_t now = std::time(nullptr);
  if (unit->credentials->validity(now) != Validity::kValid) {
    diagnostics_.add(severity, place.cert, label, "cert",
                     fmt::format("{}: {}", unit->files.cert, unit->credentials->validityText(now)));
  }
  return unit;
}

/// Refuses a certificate. At the start and in a reload, the refusal is an error, unless the
/// certificate comes from a directory. With kWatch, the served certificate stays.
CertificateLoader::Unit CertificateLoader::refuse(std::shared_ptr<CertificateUnit> unit,
                                                  const Place& place, const Unit& before,
                                                  const CredentialFaults& faults) {
  const std::string label = sectionLabel(place.service);
  unit->candidate = std::move(unit->credentials);
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

/// The first certificate is the default. While the default's own file exists, new files do not
/// change the default.
void CertificateLoader::keepDefault(const ServiceOptions& options, const CertificateUnits& before,
                                    CertificateUnits& units) {
  const auto first = firstServed(units);
  const auto had = firstServed(before);
  if (first == units.end() || had == before.end() || (*first)->files == (*had)->files) return;
  const auto same = std::find_if(units.begin(), units.end(),
                                 [&](const auto& unit) { return unit->files == (*had)->files; });
  if (same == units.end() || !serves(**same)) return;
  const bool fresh = std::none_of(before.begin(), before.end(), [&](const auto& unit) {
    return serves(*unit) && unit->files == (*first)->files;
  });
  if (fresh)
    diagnostics_.warning(options.originOf("cert"), sectionLabel(options), "cert",
                         fmt::format("{} comes before {}, which stays the default certificate "
                                     "until the next reload or start",
                                     (*first)->files.cert, (*had)->files.cert));
  std::rotate(units.begin(), same, std::next(same));
}

/// Warns if the default changed because of files in a directory and not because of the
/// configuration.
void CertificateLoader::warnOfDefault(const ServiceOptions& options, const CertificateUnits& before,
                                      const CertificateUnits& units) {
  const auto first = firstServed(units);
  const auto had = firstServed(before);
  if (first == units.end() || had == before.end() || (*first)->files == (*had)->files) return;
  const bool ofDirectory =
      (*first)->fromDirectory && (*had)->fromDirectory &&
      std::any_of(options.cert.begin(), options.cert.end(),
                  [&](const SourcedText& cert) { return isBelow((*had)->files.cert, cert.text); });
  if (ofDirectory)
    diagnostics_.warning(options.originOf("cert"), sectionLabel(options), "cert",
                         fmt::format("{} is the default certificate now, it was {}",
                                     (*first)->files.cert, (*had)->files.cert));
}

/// If a name in server-names would lose its last valid certificate, keeps the valid certificates
/// that cover the name.
void CertificateLoader::keepNames(const ServiceOptions& options, const CertificateUnits& before,
                                  CertificateUnits& units) {
  if (options.serverNames.empty()) return;
  const int64_t now = std::time(nullptr);
  const CredentialSet had(credentialsOf(before)), has(credentialsOf(units));
  const CredentialSet hadValid(validOf(before, now)), hasValid(validOf(units, now));
  const Place place{options, options.originOf("cert"), {}, {}, true};
  for (const SourcedText& text : options.serverNames) {
    const std::string name = lower(text.text);
    if (hadValid.covers(name) && !hasValid.covers(name)) {
      CertificateUnits covering = before;
      std::erase_if(covering, [&](const auto& unit) {
        return !coversName(*unit, name) || !isValid(*unit, now);
      });
      keepCovering(covering, fmt::format("lacks {}, which server-names demands", name), place,
                   before, units);
    } else if (reason_ == LoadReason::kWatch && had.covers(name) && !has.covers(name)) {
      warnOfName(options, text);
    }
  }
}

/// Warns about lost names that clients have requested. The loss is not an error, because clients
/// are not trusted.
void CertificateLoader::warnOfAsked(const ServiceOptions& options, const CertificateUnits& before,
                                    const CertificateUnits& units, AskedNames& asked) {
  const CredentialSet has(credentialsOf(units));
  size_t lost = 0;
  for (const std::string& name : asked.recent(std::time(nullptr))) {
    if (has.covers(name)) continue;
    const auto old = std::find_if(before.begin(), before.end(),
                                  [&](const auto& unit) { return coversName(*unit, name); });
    if (old == before.end() || ++lost > kMostLost) continue;
    const bool there = std::any_of(units.begin(), units.end(),
                                   [&](const auto& unit) { return unit->files == (*old)->files; });
    diagnostics_.warning(
        options.originOf("cert"), sectionLabel(options), "cert",
        fmt::format("{}: {} lacks {}, which clients requested within 24 hours", (*old)->files.cert,
                    there ? "it" : "is gone, and the rest", name));
  }
  if (lost > kMostLost)
    diagnostics_.warning(
        options.originOf("cert"), sectionLabel(options), "cert",
        fmt::format("{} more names that clients requested within 24 hours are lost",
                    lost - kMostLost));
}

/// Puts the units in `covering` back into `units`. At the start and in a reload, only warns that
/// they are lost.
void CertificateLoader::keepCovering(const CertificateUnits& covering, const std::string& why,
                                     const Place& place, const CertificateUnits& before,
                                     CertificateUnits& units) {
  for (const auto& old : covering) {
    const auto at = std::find_if(units.begin(), units.end(),
                                 [&](const auto& unit) { return unit->files == old->files; });
    const std::string text = fmt::format("{}: {} {}", old->files.cert,
                                         at != units.end() ? "it" : "is gone, and the rest", why);
    if (reason_ != LoadReason::kWatch) {
      diagnostics_.warning(place.cert, sectionLabel(place.service), "cert", text);
      continue;
    }
    if (at != units.end() && (*at)->credentials == old->credentials) continue;
    auto kept = std::make_shared<CertificateUnit>(at != units.end() ? **at : *old);
    Unit unit = refuse(kept, place, old, {text, {}, {}});
    if (at != units.end()) {
      *at = std::move(unit);
    } else {
      insertInPlace(std::move(unit), before, units);
    }
  }
}

void CertificateLoader::warnOfName(const ServiceOptions& options, const SourcedText& name) {
  diagnostics_.warning(name.origin, sectionLabel(options), "server-names",
                       fmt::format("no certificate covers {}", name.text));
}

void CertificateLoader::warnOfNames(const ServiceOptions& options, const CertificateUnits& units) {
  if (options.serverNames.empty() && options.matchName.empty()) return;
  const CredentialSet set(credentialsOf(units));
  for (const SourcedText& name : options.serverNames)
    if (!set.covers(lower(name.text))) warnOfName(options, name);
  for (const SourcedText& name : options.matchName) {
    // A certificate for *.SUFFIX covers one label in front of the suffix.
    const std::string one = name.text.starts_with("*.") ? "a" + name.text.substr(1) : name.text;
    if (!set.covers(lower(one)))
      diagnostics_.warning(name.origin, sectionLabel(options), "match-name",
                           fmt::format("no certificate covers {}", name.text));
  }
}

CertificateLoader::Known knownCertificates(const Runtime& runtime) {
  CertificateLoader::Known known;
  for (const RuntimeService& service : runtime.services)
    for (const auto& unit : service.certificates) known.emplace(unit->files.id(), unit);
  return known;
}

}  // namespace culvert
