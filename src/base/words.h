// SPDX-License-Identifier: GPL-3.0-or-later
// For messages: makes text from outside printable, and finds the known name that a misspelt one is
// most similar to. Thread: any.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace culvert {

/// `text` with every control character (including DEL and NUL) replaced by '?'. Cut at `limit`
/// bytes with "..". For text of a peer or a file in a message.
std::string printable(std::string_view text, size_t limit = 4096);

/// Optimal string alignment distance (insert, delete, replace, swap of neighbours), without case of
/// ASCII letters. Returns `limit` + 1 for any larger distance, and for names longer than 64 bytes.
size_t editDistance(std::string_view a, std::string_view b, size_t limit);

/// The most similar of `names`. Its distance is at most about a third of the longer name, or one
/// name starts with the other (3 letters or more). Empty if none is similar enough. Of equal ones,
/// the first.
std::string_view nearestName(std::string_view word, std::span<const std::string_view> names);

/// ` (did you mean "name")`, or "" for an empty name.
std::string didYouMean(std::string_view name);

}  // namespace culvert
