// SPDX-License-Identifier: GPL-3.0-or-later
// See stapling.h.
#include "server/stapling.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "tls/ocsp_check.h"

namespace culvert {
namespace {

// One look at the files takes a system call each: so many every half second are not felt.
constexpr size_t kFilesAtOnce = 64;

}  // namespace

std::vector<StapleWish> stapleWishes(const Runtime& runtime) {
  std::vector<StapleWish> wishes;
  for (const auto& service : runtime.services) {
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
    if (!url) continue;  // among the shortcomings
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
      tell("ocsp-stapling is off: clients that keep to it will refuse");
    } else if (wish.wantsFetch() && issuerOf(*wish.credentials).empty()) {
      tell("no OCSP response can be verified: the file lacks the issuer's certificate");
    } else if (wish.wantsFetch() && wish.responder.empty()) {
      tell("no OCSP responder is named in it: ocsp-responder can name one");
    } else if (const auto url = parseHttpUrl(wish.responder); wish.wantsFetch() && !url) {
      tell("its OCSP responder cannot be asked: " + url.error().text);
    } else if (demanded && !wish.wantsFetch() &&
               wish.credentials->staple().serving(now) == nullptr) {
      tell(fmt::format("there is no valid one in {}.ocsp", wish.credentials->certPath()));
    }
  }
  return notes;
}

StapleFiles::Stamp StapleFiles::stampOf(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return {};
  return {info.st_ino, info.st_size,
          static_cast<int64_t>(info.st_mtim.tv_sec) * 1'000'000'000 + info.st_mtim.tv_nsec};
}

void StapleFiles::read(Entry& entry, int64_t now, std::vector<StapleNote>& notes) {
  const auto note = [&](StapleNote::Kind kind, const std::string& text) {
    notes.push_back({kind, entry.service, entry.path + ": " + text});
  };
  StapleSlot& slot = entry.credentials->staple();
  const auto refuse = [&](const std::string& why) {
    slot.setTrouble(entry.path + ": " + why);
    note(StapleNote::Kind::kRefused, why);
  };
  const auto bytes = readSecretFile(entry.path, kMaxOcspResponse);
  if (!bytes) {
    slot.setTrouble(bytes.error().text);
    notes.push_back({StapleNote::Kind::kRefused, entry.service, bytes.error().text});
    return;
  }
  auto staple = checkOcspResponse(*entry.credentials, bytes->span(), now);
  if (!staple) return refuse("the OCSP response " + staple.error().text);
  if (!slot.put(*staple, now)) return;  // one that is newer was fetched
  entry.expiryTold = false;
  if ((*staple)->revoked) {
    note(StapleNote::Kind::kRevoked, "the OCSP response calls the certificate revoked");
  } else {
    note(StapleNote::Kind::kRead,
         fmt::format("OCSP response read, valid until {}", utcText((*staple)->validUntil)));
  }
}

void StapleFiles::check(Entry& entry, int64_t now, std::vector<StapleNote>& notes) {
  const Stamp stamp = stampOf(entry.path);
  if (stamp != entry.stamp) {
    entry.stamp = stamp;
    if (stamp.size >= 0) read(entry, now, notes);  // a removed file's response stays while valid
  }
  const auto held = entry.credentials->staple().held();
  if (held == nullptr || held->validUntil >= now || entry.expiryTold) return;
  entry.expiryTold = true;
  notes.push_back({StapleNote::Kind::kExpired, entry.service,
                   fmt::format("{}: the OCSP response has expired ({}), none is served",
                               entry.credentials->certPath(), utcText(held->validUntil))});
}

std::vector<StapleNote> StapleFiles::follow(const std::vector<StapleWish>& wishes, int64_t now) {
  std::vector<StapleNote> notes;
  std::unordered_map<const Credentials*, Entry*> known;
  for (Entry& entry : entries_) known.emplace(entry.credentials.get(), &entry);
  std::vector<Entry> entries;
  for (const StapleWish& wish : wishes) {
    if (wish.mode == StapleMode::kOff) continue;
    Entry entry{wish.service, wish.credentials, wish.credentials->certPath() + ".ocsp", {}, false};
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
