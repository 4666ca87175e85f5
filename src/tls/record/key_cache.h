// SPDX-License-Identifier: GPL-3.0-or-later
// KeyCache holds the expanded keys of the directions that a worker used last. An expanded key takes
// a kilobyte, so a tunnel does not keep one: it expands its key again if the cache has given the
// place to another direction (about 0.1 us). Thread: loop (one cache for each worker).
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "tls/record/aead.h"

namespace culvert {

class KeyCache {
 public:
  /// Enough for 64 tunnels that carry small messages in turn. Bounds the cache to 144 KiB. The memory
  /// is touched only as far as it is used.
  static constexpr uint16_t kPlaces = 128;
  static constexpr uint16_t kNoPlace = 0xffff;

  KeyCache();
  ~KeyCache();
  KeyCache(const KeyCache&) = delete;
  KeyCache& operator=(const KeyCache&) = delete;

  /// Returns the expanded `key` of `owner`, or nullptr if it cannot be expanded. `place` belongs to
  /// the owner, starts as kNoPlace, and says where to look. The pointer is valid until the next
  /// call.
  ExpandedKey* find(const void* owner, uint16_t& place, AeadKind kind,
                    std::span<const uint8_t> key) {
    if (place != kNoPlace && owners_[place] == owner) return &keys_[place];
    return expand(owner, place, kind, key);
  }
  /// Wipes the expanded key of `owner`, if the cache has it. Call when the key changes or ends.
  void forget(const void* owner, uint16_t& place);

 private:
  ExpandedKey* expand(const void* owner, uint16_t& place, AeadKind kind,
                      std::span<const uint8_t> key);

  std::unique_ptr<const void*[]> owners_;  // nullptr: the place is free
  std::unique_ptr<ExpandedKey[]> keys_;
  uint16_t next_ = 0;  // the place that is given away next
  uint16_t used_ = 0;  // no place from here on was ever used
};

}  // namespace culvert
