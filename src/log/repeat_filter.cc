// SPDX-License-Identifier: GPL-3.0-or-later
#include "log/repeat_filter.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <new>
#include <utility>

namespace culvert {

namespace {

std::string spanWords(Millis span) {
  if (span >= std::chrono::seconds(1)) {
    return fmt::format("{} s", std::chrono::round<std::chrono::seconds>(span).count());
  }
  return fmt::format("{} ms", span.count());
}

}  // namespace

RepeatFilter::RepeatFilter(uint32_t burst, Millis window, size_t maxKeys)
    : burst_(burst), window_(window), maxKeys_(std::max<size_t>(maxKeys, 1)) {}

bool RepeatFilter::suppress(const LogLine& line, TimePoint now) {
  if (line.collapseKey().empty()) return false;
  closeEnded(now);
  auto found = byKey_.find(line.collapseKey());
  if (found == byKey_.end()) {
    if (windows_.size() >= maxKeys_) closeFront(now);
    windows_.push_back(Window{line.collapseKey(), now});
    try {
      found = byKey_.emplace(windows_.back().key, std::prev(windows_.end())).first;
    } catch (const std::bad_alloc&) {  // without its index entry the window could not be found
      windows_.pop_back();
      throw;
    }
  }
  Window& window = *found->second;
  if (passes(window, line)) return false;
  countSource(window, line.collapseSource());
  window.last = LogLine(line);  // copy first, so that an exception does not change `last`
  if (window.suppressed++ == 0) ++holding_;
  return true;
}

/// Returns the entry of the source `name` in the window, and creates it if necessary. Returns
/// nullptr if the line has no source or the table is full.
RepeatFilter::Source* RepeatFilter::sourceOf(Window& window, const std::string& name) {
  if (name.empty()) return nullptr;
  const size_t hash = std::hash<std::string>{}(name);
  for (Source& source : window.sources)
    if (source.hash == hash) return &source;
  if (window.sources.size() == kSourcesCounted) return nullptr;
  return &window.sources.emplace_back(Source{hash});
}

bool RepeatFilter::passes(Window& window, const LogLine& line) const {
  Source* source = sourceOf(window, line.collapseSource());
  const bool entitled = source != nullptr && source->passed < kSourceBurst &&
                        source < window.sources.data() + kSourcesPassed;
  if (window.passed >= burst_ && !entitled) return false;
  if (window.passed < burst_) ++window.passed;
  if (source != nullptr) ++source->passed;
  return true;
}

void RepeatFilter::countSource(Window& window, const std::string& name) {
  Source* source = sourceOf(window, name);
  if (source == nullptr || std::exchange(source->suppressed, true)) return;
  if (window.sourcesSuppressed < kSourcesNamed)
    window.named += (window.named.empty() ? "" : ", ") + name;
  else if (window.sourcesSuppressed == kSourcesNamed)
    window.named += ", ..";
  ++window.sourcesSuppressed;
}

LogLine RepeatFilter::summaryOf(const Window& window, TimePoint now) const {
  const TimePoint ended = std::min(now, window.opened + window_);
  const auto span = std::chrono::duration_cast<Millis>(ended - window.opened);
  LogLine summary = window.last.withMessage(fmt::format(
      "repeated {} times in {}: {}", window.suppressed, spanWords(span), window.last.message()));
  summary.add("repeated", window.suppressed);
  if (window.sourcesSuppressed != 0)
    summary.add("sources", window.sourcesSuppressed).add("first_sources", window.named);
  return summary;
}

void RepeatFilter::closeFront(TimePoint now) {
  Window& window = windows_.front();
  if (window.suppressed > 0) --holding_;
  if (window.suppressed > 0 && due_.size() >= maxKeys_) {
    ++lost_;
  } else if (window.suppressed > 0) {
    try {
      due_.push_back(summaryOf(window, now));
    } catch (const std::bad_alloc&) {
      ++lost_;
    }
  }
  byKey_.erase(window.key);
  windows_.pop_front();
}

void RepeatFilter::closeEnded(TimePoint now) {
  while (!windows_.empty() && windows_.front().opened + window_ <= now) closeFront(now);
}

TimePoint RepeatFilter::nextDue() const {
  if (!due_.empty()) return TimePoint::min();
  if (holding_ == 0) return kNever;
  return windows_.front().opened + window_;
}

std::vector<LogLine> RepeatFilter::takeDue(TimePoint now) {
  closeEnded(now);
  return std::exchange(due_, {});
}

std::vector<LogLine> RepeatFilter::takeAll(TimePoint now) {
  while (!windows_.empty()) closeFront(now);
  return std::exchange(due_, {});
}

}  // namespace culvert
