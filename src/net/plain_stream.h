// SPDX-License-Identifier: GPL-3.0-or-later
// PlainStream is an end of a tunnel without TLS: plain bytes over TCP or a UNIX socket. A preface
// (the PROXY header) can precede all payload. Thread: loop.
#pragma once

#include <string>

#include "net/socket_stream.h"

namespace culvert {

class PlainStream : public SocketStream {
 public:
  /// `fd` must be connected. `preface` is sent before the first payload byte, and counts as backlog
  /// until it is sent.
  PlainStream(EventLoop& loop, UniqueFd fd, std::string preface = {});

  IoResult read(RingBuffer& into, size_t limit) override;
  IoResult write(RingBuffer& from) override;
  IoStatus flush() override;
  size_t backlog() const override { return preface_.size(); }
  IoStatus shutdownWrite() override;

 private:
  std::string preface_;
  bool finishWanted_ = false;
  bool finished_ = false;
};

}  // namespace culvert
