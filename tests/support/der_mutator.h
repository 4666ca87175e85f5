// SPDX-License-Identifier: GPL-3.0-or-later
// Writes DER, and changes it at a random place. All lengths around the change are made right again:
// blind mutations seldom get past the first header.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "tls/x509/der_reader.h"

namespace culvert {

using Der = std::vector<uint8_t>;

inline Der derItem(uint8_t tag, const Der& body) {
  Der out{tag};
  if (body.size() < 0x80) {
    out.push_back(static_cast<uint8_t>(body.size()));
  } else {
    Der length;
    for (size_t rest = body.size(); rest != 0; rest >>= 8)
      length.insert(length.begin(), static_cast<uint8_t>(rest));
    out.push_back(static_cast<uint8_t>(0x80 | length.size()));
    out.insert(out.end(), length.begin(), length.end());
  }
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

inline Der derText(uint8_t tag, std::string_view text) {
  return derItem(tag, Der(text.begin(), text.end()));
}

inline Der derSequence(const std::vector<Der>& parts, uint8_t tag = DerReader::kSequence) {
  Der body;
  for (const Der& part : parts) body.insert(body.end(), part.begin(), part.end());
  return derItem(tag, body);
}

class DerMutator {
 public:
  /// `change` returns new contents for the body of an item.
  template <class Change>
  static Der mutate(std::span<const uint8_t> der, unsigned seed, Change change) {
    std::minstd_rand random(seed);
    size_t left = random() % (countOf(der) + 1);
    return rewrite(der, left, random, change);
  }

 private:
  static bool isConstructed(const DerItem& item) {
    return (item.tag & 0x20) != 0 && !item.body.empty();
  }

  static size_t countOf(std::span<const uint8_t> der) {
    size_t count = 0;
    DerReader reader(der);
    while (const auto item = reader.next())
      count += 1 + (isConstructed(*item) ? countOf(item->body) : 0);
    return count;
  }

  /// All items again, except for the one at which `left` reaches 0.
  template <class Change>
  static Der rewrite(std::span<const uint8_t> der, size_t& left, std::minstd_rand& random,
                     Change& change) {
    Der out;
    const auto append = [&out](const Der& part) {
      out.insert(out.end(), part.begin(), part.end());
    };
    DerReader reader(der);
    size_t done = 0;
    while (const auto item = reader.next()) {
      done += item->whole.size();
      const Der whole(item->whole.begin(), item->whole.end());
      if (left-- == 0)
        append(other(*item, whole, random, change));
      else if (left != SIZE_MAX && isConstructed(*item))
        append(derItem(item->tag, rewrite(item->body, left, random, change)));
      else
        append(whole);
    }
    out.insert(out.end(), der.begin() + static_cast<long>(done), der.end());
    return out;
  }

  template <class Change>
  static Der other(const DerItem& item, const Der& whole, std::minstd_rand& random,
                   Change& change) {
    constexpr uint8_t kTags[] = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0c, 0x13, 0x16, 0x17,
                                 0x18, 0x1e, 0x30, 0x31, 0x80, 0x82, 0x86, 0x87, 0xa0, 0xa3};
    const Der body(item.body.begin(), item.body.end());
    switch (random() % 8) {
      case 0:
        return {};
      case 1: {
        Der twice = whole;
        twice.insert(twice.end(), whole.begin(), whole.end());
        return twice;
      }
      case 2:
        return derItem(kTags[random() % std::size(kTags)], body);
      case 3:
        return derItem(item.tag, whole);
      default:
        return derItem(item.tag, change(body));
    }
  }
};

}  // namespace culvert
