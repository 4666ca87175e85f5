// SPDX-License-Identifier: GPL-3.0-or-later
// For messages: foreign words made printable, and "did you mean" with the known name that a
// misspelt one is nearest to, if any is near enough. Thread: any.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace culvert {

/// `text` with every control character (also DEL and NUL) replaced by '?', and cut at `limit` bytes
/// with "..": for words of a peer or a file inside a message.
std::string printable(std::string_view text, size_t limit = 4096);

/// Optimal string alignment distance (insert, delete, replace, swap of neighbours), ASCII letters
/// without case. Gives `limit` + 1 for anything above `limit`. Names longer than 64 bytes are
/// always above it.
size_t editDistance(std::string_view a, std::string_view b, size_t limit);

/// The nearest of `names`: a distance of about a third of the longer one at most, or one is the
/// start of the other (3 letters or more). Empty where nothing is near. Ties: the first.
std::string_view nearestName(std::string_view word, std::span<const std::string_view> names);

/// ` (did you mean "name")`, or "" for an empty name.
std::string didYouMean(std::string_view name);

}  // namespace culvert
