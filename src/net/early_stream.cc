// SPDX-License-Identifier: GPL-3.0-or-later
// See early_stream.h.
#include "net/early_stream.h"

#include <algorithm>

namespace culvert {

IoResult EarlyStream::read(RingBuffer& into, size_t limit) {
  if (held_.empty()) return PlainStream::read(into, limit);
  const size_t part = std::min({held_.size(), limit, into.room()});
  if (!into.append(std::span<const uint8_t>(held_).first(part)))
    return {into.outOfMemory() ? IoStatus::kFailed : IoStatus::kBlocked, 0};
  held_.erase(held_.begin(), held_.begin() + static_cast<ptrdiff_t>(part));
  if (held_.empty()) held_ = {};
  memory_.resize(held_.capacity());
  return {IoStatus::kOk, part};
}

void EarlyStream::watch(bool readable, bool writable) {
  SocketStream::watch(readable, writable);
  if (readable && !held_.empty() && !incomplete_)
    loop_.runSoon(*this);
  else
    unlink();
}

void EarlyStream::runSoon() {
  if (observer_ != nullptr) observer_->onReadable();
}

}  // namespace culvert
