// SPDX-License-Identifier: GPL-3.0-or-later
// SocketStream is the common base of PlainStream and TlsStream. It has one nonblocking socket and
// its watcher. receive() and transmit() convert errno into an IoStatus. Thread: loop.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <new>
#include <span>
#include <utility>

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
    if (!watcher_.watch(readable, writable)) throw std::bad_alloc();  // ENOMEM or no watch left
  }

  int descriptor() const final { return fd_.get(); }

  int fd() const { return fd_.get(); }

 protected:
  /// Calls recv(), and retries after EINTR. Returns kReset instead of kEof if an earlier write
  /// failed. An EOF after a failed write is not a clean close, because the write has already
  /// consumed the connection's error.
  IoResult receive(std::span<uint8_t> into);
  /// Receives into `first`, and what does not fit there into `second`.
  IoResult receive(std::span<uint8_t> first, std::span<uint8_t> second);
  /// Calls send(), and retries after EINTR. After kReset every later transmit() returns kReset too,
  /// but input that has already arrived can still be received. With `moreFollows` (MSG_MORE) the
  /// kernel holds back a partial last segment until the next send() or finish().
  IoResult transmit(std::span<const uint8_t> from, bool moreFollows = false);
  /// Gives the socket away. No other function may be called afterwards, except the destructor.
  UniqueFd release() {
    watcher_.watch(false, false);
    return std::move(fd_);
  }
  /// Sends the FIN. Returns kReset if the peer has reset the connection.
  IoStatus finish();

 private:
  IoResult received(ssize_t n);
  void tellReadable() { observer_->onReadable(); }
  void tellWritable() { observer_->onWritable(); }

  UniqueFd fd_;
  IoWatcher watcher_;  // declared after fd_, so that it stops watching before fd_ closes
  uint64_t transmitted_ = 0;
  bool writeBroken_ = false;
  bool abortOnClose_ = false;
};

}  // namespace culvert
