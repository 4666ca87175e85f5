// SPDX-License-Identifier: GPL-3.0-or-later
// RecordLayer reads and writes the records of one established session. There are two: culvert's own
// (OwnRecords), and wolfSSL's (LibraryRecords) for CBC suites and for builds of wolfSSL that do not
// export a session. TlsStream chooses when the handshake is done. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "net/byte_stream.h"

namespace culvert {

class RecordLayer {
 public:
  virtual ~RecordLayer() = default;

  /// Returns how many bytes may be received now, so that their payload fits into `limit` bytes.
  virtual size_t receivable(size_t limit) const = 0;
  /// Returns memory into which the next bytes may be received without a later copy. May be empty.
  virtual std::span<uint8_t> missing() { return {}; }
  /// Reads `filled` bytes at missing() and then `input`, and appends the payload to `into`. Puts
  /// answers and alerts into the worker's output. After kFailed the transport has the reason.
  virtual IoResult read(size_t filled, std::span<uint8_t> input, RingBuffer& into) = 0;
  /// Returns how much payload fits into `wire` bytes of records.
  virtual size_t payloadIn(size_t wire) const = 0;
  /// Seals at most `most` bytes of `from` into the worker's output. Returns kOk, or kFailed.
  virtual IoResult write(RingBuffer& from, size_t most) = 0;
  /// Seals an answer that the peer requested and that may wait until other output has left.
  virtual IoStatus answer() { return IoStatus::kOk; }
  /// Seals a close_notify. Returns false if that fails.
  virtual bool closeNotify() = 0;
};

}  // namespace culvert
