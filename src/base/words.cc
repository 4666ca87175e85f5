// SPDX-License-Identifier: GPL-3.0-or-later
// See words.h. The edit distance uses one small table of fixed size. So the computation allocates
// no memory, and its time is limited for any input.
#include "base/words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/ascii.h"

namespace culvert {

namespace {

constexpr size_t kLongestWord = 64;

bool startsWith(std::string_view word, std::string_view start) {
  return word.size() >= start.size() && equalNoCase(word.substr(0, start.size()), start);
}

}  // namespace

std::string printable(std::string_view text, size_t limit) {
  std::string clean(text.substr(0, limit));
  for (char& c : clean) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  if (text.size() > limit) clean += "..";
  return clean;
}

size_t editDistance(std::string_view a, std::string_view b, size_t limit) {
  if (a.size() > kLongestWord || b.size() > kLongestWord) return limit + 1;
  const size_t difference = a.size() > b.size() ? a.size() - b.size() : b.size() - a.size();
  if (difference > limit) return limit + 1;
  using Row = std::array<size_t, kLongestWord + 1>;
  Row beforeLast{}, last{}, row{};
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    beforeLast = last;
    last = row;
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = lower(a[i - 1]) == lower(b[j - 1]);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1)});
      const bool swapped = i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                           lower(a[i - 2]) == lower(b[j - 1]);
      if (swapped) row[j] = std::min(row[j], beforeLast[j - 2] + 1);
    }
  }
  return std::min(row[b.size()], limit + 1);
}

std::string_view nearestName(std::string_view word, std::span<const std::string_view> names) {
  std::string_view best;
  size_t bestDistance = kLongestWord;
  for (std::string_view name : names) {
    const size_t longer = std::max(word.size(), name.size());
    const size_t limit = std::max<size_t>(1, (longer + 1) / 3);
    const size_t distance = editDistance(word, name, limit);
    if (distance <= limit && distance < longer && distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  if (!best.empty()) return best;
  for (std::string_view name : names) {
    if (word.size() >= 3 && startsWith(name, word)) return name;
    if (name.size() >= 3 && startsWith(word, name)) return name;
  }
  return {};
}

std::string didYouMean(std::string_view name) {
  return name.empty() ? std::string() : fmt::format(" (did you mean \"{}\")", name);
}

}  // namespace culvert
