// SPDX-License-Identifier: GPL-3.0-or-later
// SocketStream is what PlainStream and TlsStream share: one nonblocking socket, its watcher, and
// receive/transmit that turn errno into the caller's next move. Thread: loop.
#pragma once

#include <cstdint>
#include <new>
#include <span>

#include "base/unique_fd.h"
#include "event/io_watcher.h"
#include "net/byte_stream.h"

namespace culvert {

class SocketStream : public ByteStream {
 public:
  SocketStream(EventLoop& loop, UniqueFd fd);
  ~SocketStream() override;

  size_t unacknowledged() const override;
  uint64_t transmitted() const override { return transmitted_; }
  bool hungUp() const override;
  void abort() override { abortOnClose_ = true; }
  IoResult discardInput(size_t limit) override;
  void watch(bool readable, bool writable) override {
    if (!watcher_.watch(readable, writable)) throw std::bad_alloc();  // a shortage, as of memory
  }

  int fd() const { return fd_.get(); }

 protected:
  /// One recv(). An end of stream after a failed write is no clean end: the kernel has told its
  /// error to the write already and would now report a plain EOF, so it is kReset here.
  IoResult receive(std::span<uint8_t> into);
  /// One send(). kReset is sticky for writing; input that had arrived before can still be received.
  /// `moreFollows`: a last part segment waits for the next send() or finish() (MSG_MORE).
  IoResult transmit(std::span<const uint8_t> from, bool moreFollows = false);
  /// FIN.
  IoStatus finish();

 private:
  void tellReadable() { observer_->onReadable(); }
  void tellWritable() { observer_->onWritable(); }

  UniqueFd fd_;
  IoWatcher watcher_;  // after fd_: stops watching before the descriptor is closed
  uint64_t transmitted_ = 0;
  bool writeBroken_ = false;
  bool abortOnClose_ = false;
};

}  // namespace culvert
