// SPDX-License-Identifier: GPL-3.0-or-later
// See memory_share.h.
#include "buffer/memory_share.h"

namespace culvert {

void MemoryShare::setLimit(size_t bytes) {
  limit_ = bytes;
  changed_ = true;
  judge();
}

void MemoryShare::judge() noexcept {
  if (limit_ == 0) {
    level_ = MemoryLevel::kAmple;
    high_ = kNever;
    low_ = 0;
    return;
  }
  const size_t eighth = limit_ / 8;
  const size_t tight = 6 * eighth;
  if (total_ >= limit_) {
    level_ = MemoryLevel::kFull;
  } else if (total_ < 5 * eighth) {
    level_ = MemoryLevel::kAmple;
  } else if (level_ == MemoryLevel::kFull ? total_ < 7 * eighth : total_ >= tight) {
    level_ = MemoryLevel::kTight;
  }
  switch (level_) {
    case MemoryLevel::kAmple:
      high_ = tight;
      low_ = 0;
      break;
    case MemoryLevel::kTight:
      high_ = limit_;
      low_ = 5 * eighth;
      break;
    case MemoryLevel::kFull:
      high_ = kNever;
      low_ = 7 * eighth;
      break;
  }
}

}  // namespace culvert
