// SPDX-License-Identifier: GPL-3.0-or-later
// See recent_lines.h.
#include "log/recent_lines.h"

#include <algorithm>

namespace culvert {

void RecentLines::add(const LogLine& line, WallTime time) {
  if (line.level() > LogLevel::kWarning) return;
  std::string key(line.message());
  for (const LogLine::Field& field : line.fields())
    if (field.key == "service") key.append(1, '\0').append(line.value(field));
  std::string text = renderText(line);
  const std::lock_guard lock(mutex_);
  auto found = std::ranges::find(entries_, key, &Entry::key);
  if (found == entries_.end()) {
    if (entries_.size() == kMost) entries_.pop_back();
    entries_.push_front({});
    entries_.front().key = std::move(key);
  } else {
    entries_.splice(entries_.begin(), entries_, found);
    if (time - entries_.front().time > kAge) entries_.front().count = 0;
  }
  Entry& entry = entries_.front();
  entry.level = line.level();
  entry.time = time;
  entry.text = std::move(text);
  ++entry.count;
}

std::vector<RecentLines::Entry> RecentLines::entries(WallTime now) const {
  std::vector<Entry> recent;
  const std::lock_guard lock(mutex_);
  for (const Entry& entry : entries_)
    if (now - entry.time <= kAge) recent.push_back(entry);
  return recent;
}

}  // namespace culvert
