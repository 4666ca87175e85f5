// SPDX-License-Identifier: GPL-3.0-or-later
// Helpers for messages. They make text from outside printable, and find the known name that is most
// similar to a misspelt name. Thread: any.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace culvert {

/// Returns `text` with every control character (including DEL and NUL) replaced by '?'. A text
/// longer than `limit` bytes is cut there and gets ".." appended. Used when a message quotes a peer
/// or a file.
std::string printable(std::string_view text, size_t limit = 4096);

/// Returns the optimal string alignment distance (insert, delete, replace, swap of neighbours).
/// Ignores the case of ASCII letters. Returns `limit` + 1 for any larger distance, and for names
/// longer than 64 bytes.
size_t editDistance(std::string_view a, std::string_view b, size_t limit);

/// Returns the name in `names` that is most similar to `word`; the first one if several are equally
/// similar. Returns an empty text if no name is similar enough: the distance must be at most about
/// a third of the longer name, or one name must start with the other (3 letters or more).
std::string_view nearestName(std::string_view word, std::span<const std::string_view> names);

/// Returns ` (did you mean "name")`, or "" if `name` is empty.
std::string didYouMean(std::string_view name);

}  // namespace culvert
