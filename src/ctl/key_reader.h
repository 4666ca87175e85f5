// SPDX-License-Identifier: GPL-3.0-or-later
// KeyReader turns the bytes that a terminal sends into keys. Thread: one owner (pure).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

enum class KeyKind : uint8_t {
  kText,  ///< a character
  kEnter,
  kEscape,
  kBackspace,
  kClearLine,  ///< Ctrl-U
  kUp,
  kDown,
  kPageUp,
  kPageDown,
  kHome,
  kEnd,
  kInterrupt,  ///< Ctrl-C
  kSuspend,    ///< Ctrl-Z
  kRedraw,     ///< Ctrl-L
};

struct Key {
  KeyKind kind = KeyKind::kText;
  std::string text;  ///< of kText: one character in UTF-8
  bool operator==(const Key&) const = default;
};

class KeyReader {
 public:
  /// Takes bytes and returns the keys that they complete. Sequences that are not known are dropped.
  std::vector<Key> feed(std::string_view bytes);
  /// True if the bytes so far may be the beginning of a sequence.
  bool waits() const { return !pending_.empty(); }
  /// Nothing followed: an Escape that waits is the key itself.
  std::vector<Key> flush();

 private:
  bool takeOne(std::vector<Key>& keys);
  bool takeEscape(std::vector<Key>& keys);
  void takePlain(std::vector<Key>& keys, char byte);

  std::string pending_;
};

}  // namespace culvert
