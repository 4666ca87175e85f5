// SPDX-License-Identifier: GPL-3.0-or-later
// ByteStream is the tunnel's interface to one of its two connections. It can read, write, flush,
// shut down writing, abort, and watch for readiness. Plain TCP, TLS and the tests' scripted streams
// implement it, so tunnel/ needs no sockets and does not depend on TLS. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/deferred.h"
#include "buffer/ring_buffer.h"
#include "net/close_reason.h"

namespace culvert {

/// How far a stream has come before it only carries bytes. Most streams are kDone from the start;
/// OpeningStream passes through the others.
enum class OpeningPhase : uint8_t {
  kHandshake,  ///< handshake() is the next step
  kDialog,     ///< plain bytes pass, which agree on TLS (STARTTLS)
  kSettling,   ///< TLS stands; the stream still changes some of the bytes that pass
  kDone,
};

/// The result of a call on a ByteStream. It tells the caller what to do next.
enum class IoStatus : uint8_t {
  kOk,         ///< success: bytes were moved, or there was nothing to do
  kBlocked,    ///< the socket would block: wait until it is readable (after a read) or writable
               ///< (after a write or flush)
  kEof,        ///< when reading: the peer ended its direction cleanly (FIN; on TLS close_notify)
  kTruncated,  ///< when reading: the TLS peer closed TCP without close_notify (RFC 8446 6.1)
  kReset,      ///< the connection was reset; every later call returns kReset too
  kFailed,     ///< a protocol error; see failure(). Every later call returns kFailed too
};

struct [[nodiscard]] IoResult {
  IoStatus status = IoStatus::kOk;
  size_t bytes = 0;  ///< payload bytes moved by this call, valid with every status
};

/// A stream calls its observer when its socket is ready for what watch() requested. The stream and
/// the observer must stay valid until the event loop's turn ends.
class StreamObserver {
 public:
  virtual void onReadable() = 0;
  virtual void onWritable() = 0;

 protected:
  ~StreamObserver() = default;
};

/// One connection of a tunnel. The destructor closes the socket: with an RST after abort(),
/// otherwise with a FIN.
class ByteStream : public Deferred {
 public:
  /// The smallest `limit` with which read() leaves no decrypted bytes in the stream. It is larger
  /// than the longest TLS record (RFC 8446 5.2) plus an incomplete record received earlier.
  static constexpr size_t kReadUnit = 17 * 1024;

  /// No write() leaves more than kMostBacklog bytes in backlog(). Only TLS replies (for example to
  /// KeyUpdate) that the peer does not read can make the backlog larger. While the backlog has this
  /// size or more, the tunnel does not read from the stream.
  static constexpr size_t kMostBacklog = 80 * 1024;

  /// The most bytes of one send(). The network stack passes them on as one packet, which the card or
  /// the loopback splits or takes whole (GSO): it has at most 64 KiB, in whole segments of the
  /// connection. One byte more makes a second packet, which costs as much again and wakes the
  /// peer again. 61 KiB fit with segments of 1448, 1428, 8948 and 65483 bytes.
  static constexpr size_t kOneSend = 61 * 1024;

  /// Continues the opening handshake. Returns kOk when the handshake is complete; a plain stream
  /// returns kOk at once. Returns kBlocked if the caller has to call again when the socket is
  /// ready.
  virtual IoStatus handshake() { return IoStatus::kOk; }

  /// Reads the socket once and appends at most `limit` bytes to the buffer `into`, which must have
  /// room for them. If `limit` is at least kReadUnit, the stream keeps no decrypted bytes for a
  /// later call. May return kOk with 0 bytes, for example for a record without payload.
  virtual IoResult read(RingBuffer& into, size_t limit) = 0;

  /// Moves bytes from the buffer `from` to the socket or to the backlog. While the stream has a
  /// backlog, it accepts no more bytes.
  virtual IoResult write(RingBuffer& from) = 0;

  /// Returns how many bytes of payload the stream best gets at once: they leave with one send().
  virtual size_t writeUnit() const { return kOneSend; }

  /// Writes the backlog to the socket. Returns kOk when the backlog is empty.
  virtual IoStatus flush() = 0;

  /// Number of bytes that the stream has accepted but has not yet written to the socket (on TLS,
  /// encrypted records).
  virtual size_t backlog() const = 0;

  /// Number of bytes that the kernel has accepted so far. This number grows as long as the peer
  /// reads.
  virtual uint64_t transmitted() const = 0;

  /// Closes the outgoing direction cleanly after all accepted bytes. Plain streams send a FIN; TLS
  /// streams send close_notify and then a FIN. If this returns kBlocked, the shutdown is complete
  /// when flush() returns kOk.
  virtual IoStatus shutdownWrite() = 0;

  /// Number of bytes accepted by write() that the peer's kernel has not acknowledged (backlog +
  /// SIOCOUTQ).
  virtual size_t unacknowledged() const = 0;

  /// Returns true if the connection was reset. A timer calls this function while the stream watches
  /// nothing, because then no callback reports the reset.
  virtual bool hungUp() const = 0;

  /// Makes the destructor close the socket with an RST instead of a FIN. The kernel then discards
  /// the bytes that it has not sent yet.
  virtual void abort() = 0;

  /// Reads and discards raw input, about `limit` bytes at most. Returns kBlocked if no more input
  /// has arrived yet, kEof if the peer has closed the connection, and kReset if the peer has reset
  /// it.
  virtual IoResult discardInput(size_t limit) = 0;

  /// Sets the directions to watch; the watchers are level triggered. Only Tunnel::updateInterest
  /// calls this function.
  virtual void watch(bool readable, bool writable) = 0;

  /// Returns the progress of an unfinished handshake, as text for the log. The text is empty if no
  /// handshake is running.
  virtual std::string handshakeProgress() const { return {}; }

  /// Returns why culvert itself delays an unfinished handshake, or nothing if it waits for the peer.
  virtual std::optional<CloseReason> handshakeDelay() const { return std::nullopt; }

  /// Returns why the stream failed, or nothing if no call has returned kFailed.
  virtual std::optional<CloseReason> failure() const { return std::nullopt; }

  /// The socket, for queries of the kernel's state; -1 if there is none.
  virtual int descriptor() const { return -1; }

  virtual OpeningPhase phase() const { return OpeningPhase::kDone; }
  /// Once the phase is kDone: returns the stream that takes the place of this one, or nullptr if
  /// this one stays.
  virtual std::unique_ptr<ByteStream> successor() { return nullptr; }

  void setObserver(StreamObserver* observer) { observer_ = observer; }

 protected:
  StreamObserver* observer_ = nullptr;  // the endpoint of the tunnel; not owned
};

}  // namespace culvert
