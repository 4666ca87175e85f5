// SPDX-License-Identifier: GPL-3.0-or-later
// ByteStream is the tunnel's interface to one of its two connections. It can read, write, flush,
// shut down writing, abort, and watch for readiness. Plain TCP, TLS and the tests' scripted streams
// implement it, so tunnel/ needs no sockets and does not depend on TLS. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/deferred.h"
#include "buffer/ring_buffer.h"
#include "net/close_reason.h"

namespace culvert {

/// The result of a call on a ByteStream. It tells the caller what to do next.
enum class IoStatus : uint8_t {
  kOk,         ///< continue; bytes moved, or there was nothing to do
  kBlocked,    ///< the socket would block: wait until it is readable (read) or writable (write,
               ///< flush)
  kEof,        ///< read only: the peer ended its direction cleanly (FIN; on TLS close_notify)
  kTruncated,  ///< read only: the TLS peer closed TCP without close_notify (RFC 8446 6.1)
  kReset,      ///< the connection was reset; every later call returns kReset too
  kFailed,     ///< a protocol error; see failure(). Every later call returns kFailed too
};

struct [[nodiscard]] IoResult {
  IoStatus status = IoStatus::kOk;
  size_t bytes = 0;  ///< payload bytes moved by this call, valid with every status
};

/// A stream calls its observer when its socket is ready for what watch() requested. The stream and
/// the observer must stay valid until the turn ends.
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
  /// Larger than the longest TLS record (RFC 8446 5.2) plus an incomplete record received earlier.
  static constexpr size_t kReadUnit = 17 * 1024;

  /// No write() leaves more than kMostBacklog bytes in backlog(). The backlog can grow beyond this
  /// limit only through TLS replies (for example to KeyUpdate) that the peer does not read. The
  /// stream's owner then stops reading from the stream.
  static constexpr size_t kMostBacklog = 80 * 1024;

  /// Continues the opening handshake. Returns kOk when the handshake is complete (on a plain stream
  /// at the first call). After kBlocked, call this again when the socket is ready.
  virtual IoStatus handshake() { return IoStatus::kOk; }

  /// Reads the socket once and puts at most `limit` bytes into `into`, which has room for them. If
  /// `limit` is at least kReadUnit, the stream keeps no decrypted bytes for a later call. May
  /// return kOk with 0 bytes, for example for a record without payload.
  virtual IoResult read(RingBuffer& into, size_t limit) = 0;

  /// Moves bytes from `from` to the socket or to the backlog. While it has a backlog, the stream
  /// accepts no more bytes.
  virtual IoResult write(RingBuffer& from) = 0;

  /// Writes the backlog to the socket. Returns kOk when the backlog is empty.
  virtual IoStatus flush() = 0;

  /// Number of bytes that the stream has accepted but has not yet written to the socket (on TLS,
  /// encrypted records).
  virtual size_t backlog() const = 0;

  /// Number of bytes that the kernel has accepted so far. It grows as long as the peer reads.
  virtual uint64_t transmitted() const = 0;

  /// Closes the outgoing direction cleanly after all accepted bytes. Plain streams send a FIN; TLS
  /// streams send close_notify and then a FIN. If this returns kBlocked, the shutdown is complete
  /// when flush() returns kOk.
  virtual IoStatus shutdownWrite() = 0;

  /// Number of accepted bytes that the peer's kernel has not acknowledged (backlog + SIOCOUTQ).
  virtual size_t unacknowledged() const = 0;

  /// Returns true if the connection was reset. A timer calls this while the connection has no
  /// watcher.
  virtual bool hungUp() const = 0;

  /// Makes the destructor close the socket with an RST instead of a FIN. The kernel then discards
  /// the bytes that it has not sent.
  virtual void abort() = 0;

  /// Reads and discards raw input, at most about `limit` bytes. Returns kBlocked if there is no
  /// more input yet, and kEof or kReset if the peer has closed or reset the connection.
  virtual IoResult discardInput(size_t limit) = 0;

  /// Starts and stops the watchers, which are level triggered. Only Tunnel::updateInterest calls
  /// it.
  virtual void watch(bool readable, bool writable) = 0;

  /// The progress of an unfinished handshake, as text for the log; empty if no handshake is
  /// running.
  virtual std::string handshakeProgress() const { return {}; }

  /// Why the stream failed; nothing if no call has returned kFailed.
  virtual std::optional<CloseReason> failure() const { return std::nullopt; }

  void setObserver(StreamObserver* observer) { observer_ = observer; }

 protected:
  StreamObserver* observer_ = nullptr;  // not owned; the tunnel's endpoint
};

}  // namespace culvert
