// SPDX-License-Identifier: GPL-3.0-or-later
// See plain_stream.h.
#include "net/plain_stream.h"

#include <algorithm>

#include "base/bytes.h"

namespace culvert {

PlainStream::PlainStream(EventLoop& loop, UniqueFd fd, std::string preface)
    : SocketStream(loop, std::move(fd)), preface_(std::move(preface)) {}

IoResult PlainStream::read(RingBuffer& into, size_t limit) {
  const std::span<uint8_t> free = into.writable();
  if (free.empty()) return {into.outOfMemory() ? IoStatus::kFailed : IoStatus::kBlocked, 0};
  const IoResult r = receive(free.first(std::min(free.size(), limit)));
  into.commit(r.bytes);
  return r;
}

IoResult PlainStream::write(RingBuffer& from) {
  if (!preface_.empty()) {
    const IoStatus status = flush();
    if (status != IoStatus::kOk) return {status, 0};
  }
  size_t total = 0;
  while (!from.empty()) {
    const std::span<const uint8_t> bytes = from.readable();
    const IoResult r = transmit(bytes);
    from.consume(r.bytes);
    total += r.bytes;
    if (r.status != IoStatus::kOk) return {r.status, total};
    if (r.bytes < bytes.size()) return {IoStatus::kBlocked, total};
  }
  return {IoStatus::kOk, total};
}

IoStatus PlainStream::flush() {
  while (!preface_.empty()) {
    const IoResult r = transmit(asBytes(preface_));
    if (r.status == IoStatus::kReset) preface_.clear();  // the preface can no longer be sent
    if (r.status != IoStatus::kOk) return r.status;
    preface_.erase(0, r.bytes);
  }
  if (finishWanted_ && !finished_) {
    finished_ = true;
    return finish();
  }
  return IoStatus::kOk;
}

IoStatus PlainStream::shutdownWrite() {
  finishWanted_ = true;
  return flush();
}

}  // namespace culvert
