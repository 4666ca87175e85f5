// SPDX-License-Identifier: GPL-3.0-or-later
// Helpers for messages. They make text from outside printable, and find the known name that is most
// similar to a misspelt name. Thread: any.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace culvert {

/// Returns `text` with every control character (including DEL and NUL) replaced by '?'. If the text
/// has more than `limit` bytes, returns the first `limit` bytes and "..". Used when a message
/// quotes a peer or a file.
std::string printable(std::string_view text, size_t limit = 4096);

/// Returns the number of edits that turn `a` into `b` (optimal string alignment distance: insert,
/// delete, replace, swap of neighbours). Ignores the case of ASCII letters. Returns `limit` + 1 for
/// any larger distance, and for names longer than 64 bytes.
size_t editDistance(std::string_view a, std::string_view b, size_t limit);

/// Returns the name in `names` that is most similar to `word`; the first one if several are equally
/// similar. A name is similar if its edit distance to `word` is at most about a third of the longer
/// text. A name is also similar if the name starts with `word`, or if `word` starts with the name;
/// the shorter text must then have at least 3 letters. Returns an empty text if no name is similar.
std::string_view nearestName(std::string_view word, std::span<const std::string_view> names);

/// Returns ` (did you mean "name")`, or "" if `name` is empty.
std::string didYouMean(std::string_view name);

}  // namespace culvert
