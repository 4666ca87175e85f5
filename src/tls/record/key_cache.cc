// SPDX-License-Identifier: GPL-3.0-or-later
// See key_cache.h.
#include "tls/record/key_cache.h"

#include <algorithm>

#include "tls/library/secret_bytes.h"

namespace culvert {

KeyCache::KeyCache()
    : owners_(std::make_unique<const void*[]>(kPlaces)),
      keys_(std::make_unique_for_overwrite<ExpandedKey[]>(kPlaces)) {}

KeyCache::~KeyCache() { wipe(keys_.get(), used_ * sizeof(ExpandedKey)); }

ExpandedKey* KeyCache::expand(const void* owner, uint16_t& place, AeadKind kind,
                              std::span<const uint8_t> key) {
  place = next_;
  next_ = static_cast<uint16_t>((next_ + 1) % kPlaces);
  used_ = std::max<uint16_t>(used_, static_cast<uint16_t>(place + 1));
  owners_[place] = nullptr;
  if (!aeadFor(kind).expand(kind, key, keys_[place])) return nullptr;
  owners_[place] = owner;
  return &keys_[place];
}

void KeyCache::forget(const void* owner, uint16_t& place) {
  if (place != kNoPlace && owners_[place] == owner) {
    wipe(&keys_[place], sizeof(ExpandedKey));
    owners_[place] = nullptr;
  }
  place = kNoPlace;
}

}  // namespace culvert
