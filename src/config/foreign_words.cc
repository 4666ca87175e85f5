// SPDX-License-Identifier: GPL-3.0-or-later
// See foreign_words.h.
#include "config/foreign_words.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/words.h"

namespace culvert {
namespace {

constexpr ForeignWord kForeignWords[] = {
#define FOREIGN_WORD(word, tools, keys, advice) {word, tools, keys, advice},
#include "config/foreign_words.def"
#undef FOREIGN_WORD
};

}  // namespace

std::vector<std::string_view> ForeignWord::keyList() const {
  std::vector<std::string_view> list;
  for (std::string_view rest = keys; !rest.empty();) {
    const size_t end = std::min(rest.find(' '), rest.size());
    list.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return list;
}

std::string ForeignWord::text() const { return fmt::format("a word of {}; {}", tools, advice); }

std::span<const ForeignWord> allForeignWords() { return kForeignWords; }

const ForeignWord* findForeignWord(std::string_view word) {
  std::string plain = lower(word);
  std::ranges::replace(plain, '_', '-');
  const auto* found = std::ranges::find(kForeignWords, plain, &ForeignWord::word);
  return found == std::end(kForeignWords) ? nullptr : found;
}

std::string foreignWordHint(std::string_view name) {
  const ForeignWord* foreign = findForeignWord(name);
  return foreign == nullptr ? std::string()
                            : fmt::format("; {} is {}", printable(name, 60), foreign->text());
}

}  // namespace culvert
