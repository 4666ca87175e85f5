// SPDX-License-Identifier: GPL-3.0-or-later
// ByteStream is one end of a tunnel as the tunnel sees it: four verbs (read, write, flush,
// shutdownWrite), an abort, and watchers. Plain TCP, TLS and the tests' scripted streams stand
// behind it, so everything in tunnel/ runs without sockets and without a word about TLS. Thread:
// loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/deferred.h"
#include "buffer/ring_buffer.h"
#include "net/close_reason.h"

namespace culvert {

/// What the caller does next after a call on a ByteStream.
enum class IoStatus : uint8_t {
  kOk,         ///< go on: bytes moved, or there was nothing to do
  kBlocked,    ///< the socket would block: wait until it is readable (read) or writable (write,
               ///< flush)
  kEof,        ///< read only: the peer ended its direction cleanly (FIN; on TLS close_notify)
  kTruncated,  ///< read only: the TLS peer closed TCP without close_notify (RFC 8446 6.1)
  kReset,      ///< the connection was reset; sticky: every later call says kReset again
  kFailed,     ///< a protocol error; failure() says which. Sticky like kReset
};

struct [[nodiscard]] IoResult {
  IoStatus status = IoStatus::kOk;
  size_t bytes = 0;  ///< payload bytes moved by this call, valid with every status
};

/// Told by a stream when its socket is ready for what watch() asked. `this` stays valid until the
/// turn ends.
class StreamObserver {
 public:
  virtual void onReadable() = 0;
  virtual void onWritable() = 0;

 protected:
  ~StreamObserver() = default;
};

/// The destructor closes the socket: a FIN, unless abort() was called.
class ByteStream : public Deferred {
 public:
  /// More than the longest TLS record, the part of one that may have come before included (RFC
  /// 8446 5.2).
  static constexpr size_t kReadUnit = 17 * 1024;

  /// No write() leaves more than this in backlog(): what is there beyond are answers that the peer
  /// asks for and does not read, and whoever drives the stream stops reading it.
  static constexpr size_t kMostBacklog = 80 * 1024;

  /// Moves the opening handshake on. kOk = done (at once on a plain stream); kBlocked = wait (see
  /// wantsWrite()).
  virtual IoStatus handshake() { return IoStatus::kOk; }

  /// Reads the socket once and puts at most `limit` bytes into `into`, which has room for them. Ask
  /// for kReadUnit at least: with that much room no decrypted byte waits anywhere but in `into`
  /// after the call. kOk may come with 0 bytes (a record without payload).
  virtual IoResult read(RingBuffer& into, size_t limit) = 0;

  /// Takes bytes out of `from`. Taken bytes may wait in backlog(); a stream with a backlog takes
  /// nothing more.
  virtual IoResult write(RingBuffer& from) = 0;

  /// Pushes the backlog out. kOk = the backlog is empty.
  virtual IoStatus flush() = 0;

  /// Bytes taken by this stream that the kernel has not taken yet (on TLS: sealed records).
  virtual size_t backlog() const = 0;

  /// Bytes that the kernel has taken so far, of whatever kind: the peer makes room for them.
  virtual uint64_t transmitted() const = 0;

  /// Ends our direction cleanly after everything taken so far: FIN, on TLS close_notify and then
  /// FIN. Complete when it returned kOk, or after kBlocked once flush() returned kOk.
  virtual IoStatus shutdownWrite() = 0;

  /// Bytes that the peer's kernel has not acknowledged (backlog + SIOCOUTQ).
  virtual size_t unacknowledged() const = 0;

  /// True where a connection that nobody watches has been reset meanwhile (asked by timer).
  virtual bool hungUp() const = 0;

  /// Makes the destructor's close an RST instead of a FIN; throws away what the kernel has not
  /// sent.
  virtual void abort() = 0;

  /// Reads and throws away raw input, at most about `limit` bytes. kBlocked = no more now;
  /// kEof/kReset = the peer is gone.
  virtual IoResult discardInput(size_t limit) = 0;

  /// Arms and disarms the watchers. Level triggered. Only Tunnel::updateInterest calls it.
  virtual void watch(bool readable, bool writable) = 0;

  /// How far a handshake that is not done has come, for a person; empty where there is none.
  virtual std::string handshakeProgress() const { return {}; }

  /// Why the stream failed; nothing before it returned kFailed.
  virtual std::optional<CloseReason> failure() const { return std::nullopt; }

  void setObserver(StreamObserver* observer) { observer_ = observer; }

 protected:
  StreamObserver* observer_ = nullptr;  // not owned; points up to the tunnel's end
};

}  // namespace culvert
