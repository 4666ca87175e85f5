// SPDX-License-Identifier: GPL-3.0-or-later
// SocketStream is the common part of PlainStream and TlsStream: one nonblocking socket, its
// watcher, and receive/transmit, which convert errno into the caller's next step. Thread: loop.
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
    if (!watcher_.watch(readable, writable)) throw std::bad_alloc();  // a lack of resources
  }

  int fd() const { return fd_.get(); }

 protected:
  /// One recv(). EOF after a failed write is not a clean close: the kernel has returned its error
  /// to the write already and would now report a plain EOF. So the result is kReset.
  IoResult receive(std::span<uint8_t> into);
  /// One send(). kReset is permanent for writing; input that arrived before can still be received.
  /// With `moreFollows` a partial last segment waits for the next send() or finish() (MSG_MORE).
  IoResult transmit(std::span<const uint8_t> from, bool moreFollows = false);
  /// Sends the FIN.
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
