// SPDX-License-Identifier: GPL-3.0-or-later
// ByteStream is the tunnel's interface to one of its ends: four verbs (read, write, flush,
// shutdownWrite), an abort, and watchers. Plain TCP, TLS and the tests' scripted streams implement
// it, so tunnel/ needs no sockets and does not depend on TLS. Thread: loop.
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
  kOk,         ///< continue: bytes moved, or there was nothing to do
  kBlocked,    ///< the socket would block: wait until it is readable (read) or writable (write,
               ///< flush)
  kEof,        ///< read only: the peer ended its direction cleanly (FIN; on TLS close_notify)
  kTruncated,  ///< read only: the TLS peer closed TCP without close_notify (RFC 8446 6.1)
  kReset,      ///< the connection was reset; every later call returns kReset too
  kFailed,     ///< a protocol error; see failure(). Every later call returns it too
};

struct [[nodiscard]] IoResult {
  IoStatus status = IoStatus::kOk;
  size_t bytes = 0;  ///< payload bytes moved by this call, valid with every status
};

/// A stream calls this when its socket is ready for what watch() requested. `this` stays valid
/// until the turn ends.
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
  /// More than the longest TLS record (RFC 8446 5.2), including a part that was received earlier.
  static constexpr size_t kReadUnit = 17 * 1024;

  /// No write() leaves more than this in backlog(). A larger backlog consists of answers that the
  /// peer requests and does not read; then the stream's owner stops reading from it.
  static constexpr size_t kMostBacklog = 80 * 1024;

  /// Continues the opening handshake. kOk: done (at once on a plain stream). kBlocked: call again
  /// when the socket is ready.
  virtual IoStatus handshake() { return IoStatus::kOk; }

  /// Reads the socket once and puts at most `limit` bytes into `into`, which has room for them.
  /// `limit` should be at least kReadUnit: then no decrypted byte is left outside `into` after the
  /// call. kOk may come with 0 bytes (a record without payload).
  virtual IoResult read(RingBuffer& into, size_t limit) = 0;

  /// Moves bytes out of `from`. They may wait in backlog(); a stream with a backlog accepts no more
  /// bytes.
  virtual IoResult write(RingBuffer& from) = 0;

  /// Writes the backlog to the socket. kOk: the backlog is empty.
  virtual IoStatus flush() = 0;

  /// Bytes that this stream has accepted but the kernel has not (on TLS: sealed records).
  virtual size_t backlog() const = 0;

  /// Number of bytes that the kernel has accepted so far. It grows as long as the peer reads.
  virtual uint64_t transmitted() const = 0;

  /// Closes the outgoing direction cleanly after all accepted bytes: FIN, on TLS close_notify and
  /// then FIN. Complete when it returned kOk, or after kBlocked once flush() returned kOk.
  virtual IoStatus shutdownWrite() = 0;

  /// Bytes that the peer's kernel has not acknowledged (backlog + SIOCOUTQ).
  virtual size_t unacknowledged() const = 0;

  /// True if a connection without a watcher was reset in the meantime (a timer calls this).
  virtual bool hungUp() const = 0;

  /// Makes the destructor's close an RST instead of a FIN, and discards what the kernel has not
  /// sent.
  virtual void abort() = 0;

  /// Reads and discards raw input, at most about `limit` bytes. kBlocked: no more now. kEof or
  /// kReset: the peer is gone.
  virtual IoResult discardInput(size_t limit) = 0;

  /// Starts and stops the watchers. Level triggered. Only Tunnel::updateInterest calls it.
  virtual void watch(bool readable, bool writable) = 0;

  /// How far an unfinished handshake has come, as text for the log; empty if there is none.
  virtual std::string handshakeProgress() const { return {}; }

  /// Why the stream failed; nothing before a call returned kFailed.
  virtual std::optional<CloseReason> failure() const { return std::nullopt; }

  void setObserver(StreamObserver* observer) { observer_ = observer; }

 protected:
  StreamObserver* observer_ = nullptr;  // not owned: the end of the tunnel
};

}  // namespace culvert
