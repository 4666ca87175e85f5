// SPDX-License-Identifier: GPL-3.0-or-later
// The words of other TLS proxies (foreign_words.def), for the errors about unknown names. Thread:
// any (constant data).
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

struct ForeignWord {
  std::string_view word;    ///< in lower case, with '-' and never '_'
  std::string_view tools;   ///< "stunnel", "hitch and haproxy"
  std::string_view keys;    ///< the keys of culvert that the advice names, separated by blanks
  std::string_view advice;  ///< "culvert calls this listen"

  /// Returns the keys one by one.
  std::vector<std::string_view> keyList() const;
  /// Returns the clauses for an error: "a word of stunnel; culvert calls this listen".
  std::string text() const;
};

std::span<const ForeignWord> allForeignWords();

/// Finds a word without regard to case, and with '-' and '_' alike. Returns nullptr if there is no
/// such word.
const ForeignWord* findForeignWord(std::string_view word);

/// Returns "; NAME is a word of stunnel; culvert calls this listen". Returns "" if there is no such
/// word.
std::string foreignWordHint(std::string_view name);

}  // namespace culvert
