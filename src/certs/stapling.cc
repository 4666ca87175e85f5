// SPDX-License-Identifier: GPL-3.0-or-later
// See stapling.h.
#include "certs/stapling.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tls/ocsp/ocsp_check.h"

namespace culvert {
namespace {

// How many files culvert checks every half second. Each check is one system call, so this number of
// checks takes little time.
constexpr size_t kFilesAtOnce = 64;

}  // namespace

std::vector<StapleWish> stapleWishes(const Runtime& runtime) {
  std::vector<StapleWish> wishes;
  for (const RuntimeService& one : runtime.services) {
    const auto& service = one.service;
    if (service->tls == nullptr) continue;
    for (const auto& credentials : service->tls->credentials->list()) {
      const CertificateInfo& leaf = credentials->leaf();
      if (leaf.selfIssued() || credentials->certPath().empty()) continue;
      if (service->staple.mode == StapleMode::kOff && !leaf.mustStaple) continue;
      const std::string& own = service->staple.responder;
      wishes.push_back({service->profile->name, credentials, service->staple.mode,
                        own.empty() ? leaf.ocspUrl : own});
    }
  }
  return wishes;
}

std::vector<OcspTask> ocspTasks(const std::vector<StapleWish>& wishes) {
  std::map<std::string, OcspTask> tasks;
  for (const StapleWish& wish : wishes) {
    if (!wish.wantsFetch() || issuerOf(*wish.credentials).empty()) continue;
    auto url = parseHttpUrl(wish.responder);
    if (!url) continue;  // stapleShortcomings() reports the wrong URL
    OcspTask& task = tasks[wish.credentials->leaf().fingerprint + url->text()];
    task.responder = std::move(*url);
    auto& all = task.credentials;
    if (std::find(all.begin(), all.end(), wish.credentials) == all.end())
      all.push_back(wish.credentials);
  }
  std::vector<OcspTask> list;
  for (auto& [key, task] : tasks) list.push_back(std::move(task));
  return list;
}

std::vector<StapleNote> stapleShortcomings(const std::vector<StapleWish>& wishes, int64_t now) {
  std::vector<StapleNote> notes;
  for (const StapleWish& wish : wishes) {
    const bool demanded = wish.credentials->leaf().mustStaple;
    const auto tell = [&](std::string_view what) {
      notes.push_back({StapleNote::Kind::kMissing, wish.service,
                       fmt::format("{}: {}{}", wish.credentials->certPath(),
                                   demanded ? "the certificate demands a stapled OCSP response "
                                              "(must-staple), and "
                                            : "",
                                   what)});
    };
    if (wish.mode == StapleMode::kOff) {
      tell("ocsp-stapling is off: clients that check it will refuse the connection");
    } else if (wish.wantsFetch() && issuerOf(*wish.credentials).empty()) {
      tell("no OCSP response can be verified: the file lacks the issuer's certificate");
    } else if (wish.wantsFetch() && wish.responder.empty()) {
      tell("it names no OCSP responder: set ocsp-responder");
    } else if (const auto url = parseHttpUrl(wish.responder); wish.wantsFetch() && !url) {
      tell("its OCSP responder cannot be used: " + url.error().text);
    } else if (demanded && !wish.wantsFetch() &&
               wish.credentials->staple().serving(now) == nullptr) {
      tell(fmt::format("{}.ocsp holds no valid response", wish.credentials->certPath()));
    }
  }
  return notes;
}

void StapleFiles::read(Entry& entry, int64_t now, std::vector<StapleNote>& notes) {
  const auto note = [&](StapleNote::Kind kind, const std::string& text) {
    notes.push_back({kind, entry.service, entry.path + ": " + text});
  };
  StapleSlot& slot = entry.credentials->staple();
  const auto refuse = [&](const std::string& why) {
    entry.refused = true;
    if (std::find(entry.told.begin(), entry.told.end(), why) != entry.told.end()) return;
    entry.told.push_back(why);
    slot.setTrouble(why);
    notes.push_back({StapleNote::Kind::kRefused, entry.service, why});
  };
  entry.refused = false;
  if (!entry.stamp.regular) return refuse(entry.path + ": is not a regular file");
  const auto bytes = readSecretFile(entry.path, kMaxOcspResponse);
  if (!bytes) return refuse(bytes.error().text);
  auto staple = checkOcspResponse(*entry.credentials, bytes->span(), now);
  if (!staple) return refuse(entry.path + ": the OCSP response " + staple.error().text);
  if (!slot.put(*staple, now)) return;  // culvert has fetched a newer response
  entry.expiryTold = false;
  if ((*staple)->revoked) {
    note(StapleNote::Kind::kRevoked, "the OCSP response says that the certificate is revoked");
  } else {
    note(StapleNote::Kind::kRead,
         fmt::format("OCSP response read, valid until {}", utcText((*staple)->validUntil)));
  }
}

void StapleFiles::check(Entry& entry, int64_t now, std::vector<StapleNote>& notes) {
  const FileStamp stamp = stampOf(entry.path);
  const bool changed = stamp != entry.stamp;
  if (changed) {
    entry.stamp = stamp;
    entry.told.clear();
  }
  // If the file was removed, its response is served until it expires.
  if (stamp.exists() && (changed || entry.refused)) read(entry, now, notes);
  const auto held = entry.credentials->staple().held();
  if (held == nullptr || held->validUntil >= now || entry.expiryTold) return;
  entry.expiryTold = true;
  notes.push_back({StapleNote::Kind::kExpired, entry.service,
                   fmt::format("{}: the OCSP response has expired ({}); none is served",
                               entry.credentials->certPath(), utcText(held->validUntil))});
}

std::vector<StapleNote> StapleFiles::follow(const std::vector<StapleWish>& wishes, int64_t now) {
  std::vector<StapleNote> notes;
  std::unordered_map<const Credentials*, Entry*> known;
  for (Entry& entry : entries_) known.emplace(entry.credentials.get(), &entry);
  std::vector<Entry> entries;
  for (const StapleWish& wish : wishes) {
    if (wish.mode == StapleMode::kOff) continue;
    Entry entry{wish.service, wish.credentials, wish.credentials->certPath() + ".ocsp", {}};
    if (const auto before = known.find(wish.credentials.get()); before != known.end())
      entry = *before->second;
    check(entry, now, notes);
    entries.push_back(std::move(entry));
  }
  entries_ = std::move(entries);
  next_ = 0;
  return notes;
}

std::vector<StapleNote> StapleFiles::recheckSome(int64_t now) {
  std::vector<StapleNote> notes;
  for (size_t i = 0; i < kFilesAtOnce && next_ < entries_.size(); ++i)
    check(entries_[next_++], now, notes);
  if (next_ >= entries_.size()) next_ = 0;
  return notes;
}

}  // namespace culvert
