// SPDX-License-Identifier: GPL-3.0-or-later
// HealthExchange runs a HealthDialog on a stream whose handshake is done. Health checks and --probe
// use it. Thread: loop.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "buffer/ring_buffer.h"
#include "health/health_dialog.h"
#include "net/byte_stream.h"
#include "tls/session/backend_peer.h"

namespace culvert {

/// The header that precedes the bytes of a connection of culvert's own; empty with
/// proxy-protocol = off.
std::string ownProxyHeader(const Service& service);

/// Returns the dialog of the service's health check for a backend that is configured as `host` and
/// was dialled at `address`, or nullptr if the check needs none.
std::unique_ptr<HealthDialog> healthDialogOf(const Service& service, const SocketAddress& address,
                                             const std::string& host);

/// Returns whom a check expects at `address`, or nothing with backend-tls = off. An HTTP check offers
/// HTTP/1.1, whatever clients may choose.
std::optional<BackendPeer> checkedPeer(const Service& service, const SocketAddress& address,
                                       const std::string& host);

class HealthExchange {
 public:
  HealthExchange(BufferPool& pool, std::unique_ptr<HealthDialog> dialog);

  /// Moves bytes in both directions as far as they go. Returns kMore if the socket would block.
  HealthVerdict step(ByteStream& stream);
  /// Sends what is left of the dialog. Call it after the verdict.
  void flush(ByteStream& stream);
  bool wantsWrite(const ByteStream& stream) const { return !out_.empty() || stream.backlog() != 0; }
  std::string progress() const { return dialog_->progress(); }

 private:
  void say(std::string& text);

  std::unique_ptr<HealthDialog> dialog_;
  RingBuffer in_;
  RingBuffer out_;
  bool begun_ = false;
};

/// Why the stream failed, in words.
std::string failureWords(const ByteStream& stream);

}  // namespace culvert
