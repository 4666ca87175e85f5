// SPDX-License-Identifier: GPL-3.0-or-later
// See staple_keeper.h.
#include "certs/staple_keeper.h"

#include <ctime>

#include "process/privileges.h"

namespace culvert {
namespace {

// Each OCSP response file is checked at this interval.
constexpr Millis kRound{5000};

LogLevel levelOfNote(StapleNote::Kind kind) {
  switch (kind) {
    case StapleNote::Kind::kRead:
      return LogLevel::kInfo;
    case StapleNote::Kind::kRefused:
    case StapleNote::Kind::kExpired:
      return LogLevel::kWarning;
    case StapleNote::Kind::kRevoked:
    case StapleNote::Kind::kMissing:
      break;
  }
  return LogLevel::kErr;
}

}  // namespace

void StapleKeeper::log(const std::vector<StapleNote>& notes) {
  for (const StapleNote& note : notes) {
    if (note.kind == StapleNote::Kind::kRefused) counters_.add(Counter::kOcspFilesRefused);
    if (note.kind == StapleNote::Kind::kRevoked) counters_.add(Counter::kOcspRevoked);
    logger_.log(LogLine(levelOfNote(note.kind), "OCSP stapling")
                    .add("service", note.service)
                    .add("what", note.text));
  }
}

void StapleKeeper::follow(const Runtime& runtime) {
  const int64_t now = std::time(nullptr);
  wishes_ = stapleWishes(runtime);
  log(files_.follow(wishes_, now));
  log(stapleShortcomings(wishes_, now));
  if (fetching_ != nullptr) fetch();
}

void StapleKeeper::startFetching(CounterRegistry& registry, std::function<void()> onThreadStart) {
  fetching_ = std::make_unique<OcspThread>(logger_, registry, std::move(onThreadStart));
  fetch();
}

/// Fetching needs five descriptors for the loop, four for exchanges and two for the sockets of a
/// look-up.
size_t StapleKeeper::ownDescriptors() const { return ocspTasks(wishes_).empty() ? 0 : 5 + 4 + 2; }

void StapleKeeper::fetch() {
  if (auto done = fetching_->follow(ocspTasks(wishes_)); !done) {
    logger_.log(LogLine(LogLevel::kErr, "OCSP responses cannot be fetched")
                    .add("error", done.error().text));
  }
}

void StapleKeeper::onTick(TimePoint now) {
  if (files_.roundDone()) {
    if (files_.empty() || now < nextRound_) return;
    nextRound_ = now + kRound;
  }
  const ControlPrivileges raised;  // the directory may be readable by root only
  log(files_.recheckSome(std::time(nullptr)));
}

size_t StapleKeeper::dump() const {
  const int64_t now = std::time(nullptr);
  size_t serving = 0;
  for (const StapleWish& wish : wishes_) {
    const StapleSlot& slot = wish.credentials->staple();
    const auto held = slot.held();
    const std::string trouble = slot.trouble();
    const bool valid = held != nullptr && held->validUntil >= now;
    if (valid) ++serving;
    if (held == nullptr && trouble.empty() && !wish.wantsFetch() &&
        !wish.credentials->leaf().mustStaple)
      continue;
    LogLine line(LogLevel::kNotice, "state");
    line.add("service", wish.service).add("certificate", wish.credentials->certPath());
    line.add("staple", !valid          ? (held == nullptr ? "none" : "expired")
                       : held->revoked ? "revoked"
                                       : "good");
    if (held != nullptr) line.add("valid_until", utcText(held->validUntil));
    line.addNonEmpty("last_error", trouble);
    logger_.log(line);
  }
  return serving;
}

}  // namespace culvert
