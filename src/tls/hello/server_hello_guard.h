// SPDX-License-Identifier: GPL-3.0-or-later
// ServerHelloGuard checks a server's first message between the socket and wolfSSL, when culvert is
// the client. It finds servers that do not speak TLS, and checks what RFC 8446 and RFC 5246 require
// of a ServerHello and wolfSSL does not check: extensions that were not offered or are sent twice,
// the echoed session id, suite and compression, the versions, the downgrade mark, and whether a
// ServerHello agrees with the HelloRetryRequest before it. Pure. Thread: loop.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tls/hello/hello_guard.h"

namespace culvert {

/// The verdict on a ServerHello. An empty `reason` means that the message is sound.
struct [[nodiscard]] ServerHelloVerdict {
  uint8_t alert = 0;
  std::string_view reason = {};
  bool retry = false;  ///< the message is a HelloRetryRequest
  bool tls13 = false;  ///< the server has chosen TLS 1.3
  uint16_t suite = 0;  ///< the suite that the server has chosen
};

/// Judges the ServerHello `message` (with its header) as the answer to culvert's own hello
/// `offered`, a ClientHello message with its header.
ServerHelloVerdict judgeServerHello(std::span<const uint8_t> message,
                                    std::span<const uint8_t> offered);

class ServerHelloGuard {
 public:
  /// Keeps culvert's own hello. `records` are the sealed bytes that wolfSSL has staged.
  void offered(std::span<const uint8_t> records);

  /// Judges the record at the front of `bytes`, as HelloGuard::inspect() does.
  RecordVerdict inspect(std::span<const uint8_t> bytes);

  /// True if a ServerHello has been accepted. Every later record passes.
  bool answered() const { return state_ == State::kDone; }

 private:
  enum class State : uint8_t { kFirst, kRetried, kDone };

  RecordVerdict inspectHandshake(std::span<const uint8_t> body);
  RecordVerdict accept(const ServerHelloVerdict& verdict, bool alone);

  std::vector<uint8_t> offered_;  // the ClientHello with its header
  std::vector<uint8_t> message_;  // the ServerHello, as far as it is here
  State state_ = State::kFirst;
  uint16_t retrySuite_ = 0;  // the suite in the HelloRetryRequest
};

}  // namespace culvert
