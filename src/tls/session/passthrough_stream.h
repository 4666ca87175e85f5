// SPDX-License-Identifier: GPL-3.0-or-later
// PassthroughStream is the client's end of a tunnel whose TLS ends at the backend (tls =
// passthrough). It reads the ClientHello, for the log and the choice of the service, and then
// carries all bytes unchanged, the hello included. Thread: loop.
#pragma once

#include <string>
#include <vector>

#include "net/early_stream.h"
#include "tls/hello/hello_gatherer.h"
#include "tls/session/explain.h"

namespace culvert {

class PassthroughStream final : public EarlyStream {
 public:
  /// See EarlyStream.
  PassthroughStream(EventLoop& loop, MemoryShare& memory, UniqueFd fd, std::vector<uint8_t> early)
      : EarlyStream(loop, memory, std::move(fd), std::move(early)) {
    incomplete_ = true;
  }

  /// Gathers the ClientHello. Returns kEof if the client closed before its first byte.
  IoStatus handshake() override;
  std::string handshakeProgress() const override;
  std::optional<CloseReason> failure() const override;

  const std::string& serverName() const { return serverName_; }
  HandshakeFailure handshakeFailure() const { return failureKind_; }

 private:
  IoStatus judge();
  IoStatus refuse(const HelloResult& result);

  HelloGatherer gatherer_;
  std::string serverName_;
  std::unique_ptr<const CloseReason> failure_;
  HandshakeFailure failureKind_ = HandshakeFailure::kNone;
  bool gathered_ = false;
};

}  // namespace culvert
