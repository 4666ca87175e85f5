// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/key_reader.h"

#include <algorithm>
#include <optional>

#include "base/utf8.h"

namespace culvert {

namespace {

constexpr char kEsc = '\x1b';
constexpr size_t kMaxSequence = 16;

struct Sequence {
  std::string_view bytes;  // after ESC [ or ESC O
  KeyKind kind;
};

constexpr Sequence kSequences[] = {{"A", KeyKind::kUp},      {"B", KeyKind::kDown},
                                   {"H", KeyKind::kHome},    {"F", KeyKind::kEnd},
                                   {"1~", KeyKind::kHome},   {"7~", KeyKind::kHome},
                                   {"4~", KeyKind::kEnd},    {"8~", KeyKind::kEnd},
                                   {"5~", KeyKind::kPageUp}, {"6~", KeyKind::kPageDown}};

std::optional<KeyKind> controlKey(char byte) {
  switch (byte) {
    case '\r':
    case '\n':
      return KeyKind::kEnter;
    case '\x7f':
    case '\b':
      return KeyKind::kBackspace;
    case '\x03':
      return KeyKind::kInterrupt;
    case '\x0c':
      return KeyKind::kRedraw;
    case '\x15':
      return KeyKind::kClearLine;
    case '\x1a':
      return KeyKind::kSuspend;
    default:
      return std::nullopt;
  }
}

/// The length of the UTF-8 sequence that this byte begins; 0 if it begins none.
size_t lengthFrom(char first) {
  const auto byte = static_cast<unsigned char>(first);
  if (byte < 0x80) return 1;
  if (byte >= 0xc2 && byte < 0xe0) return 2;
  if (byte >= 0xe0 && byte < 0xf0) return 3;
  return byte >= 0xf0 && byte < 0xf5 ? 4 : 0;
}

}  // namespace

std::vector<Key> KeyReader::feed(std::string_view bytes) {
  std::vector<Key> keys;
  pending_ += bytes;
  while (!pending_.empty() && takeOne(keys)) {
  }
  return keys;
}

std::vector<Key> KeyReader::flush() {
  std::vector<Key> keys;
  if (pending_.starts_with(kEsc)) keys.push_back({KeyKind::kEscape, {}});
  pending_.clear();
  return keys;
}

bool KeyReader::takeOne(std::vector<Key>& keys) {
  if (pending_.front() == kEsc) return takeEscape(keys);
  const size_t length = lengthFrom(pending_.front());
  if (length > pending_.size()) return false;
  if (length <= 1) {
    takePlain(keys, pending_.front());
    pending_.erase(0, 1);
    return true;
  }
  const size_t valid = readUtf8(pending_).bytes;
  if (valid == length) keys.push_back({KeyKind::kText, pending_.substr(0, length)});
  pending_.erase(0, std::max<size_t>(valid, 1));
  return true;
}

void KeyReader::takePlain(std::vector<Key>& keys, char byte) {
  if (const std::optional<KeyKind> kind = controlKey(byte))
    keys.push_back({*kind, {}});
  else if (byte >= 0x20)  // also false for bytes that are not ASCII
    keys.push_back({KeyKind::kText, std::string(1, byte)});
}

bool KeyReader::takeEscape(std::vector<Key>& keys) {
  if (pending_.size() == 1) return false;
  if (pending_[1] != '[' && pending_[1] != 'O') {
    keys.push_back({KeyKind::kEscape, {}});
    pending_.erase(0, 1);
    return true;
  }
  size_t end = 2;
  while (end < pending_.size() && (pending_[end] < 0x40 || pending_[end] > 0x7e)) ++end;
  if (end == pending_.size()) {
    if (end < kMaxSequence) return false;
    pending_.clear();
    return true;
  }
  const std::string_view body = std::string_view(pending_).substr(2, end - 1);
  const auto* found = std::ranges::find(kSequences, body, &Sequence::bytes);
  if (found != std::end(kSequences)) keys.push_back({found->kind, {}});
  pending_.erase(0, end + 1);
  return true;
}

}  // namespace culvert
