// SPDX-License-Identifier: GPL-3.0-or-later
// RecordReader reads the records of an established session. It accepts any split of the ciphertext.
// It decrypts payload straight into the FIFO, and judges everything else that a peer may send after
// the handshake: padding, KeyUpdate, alerts, renegotiation (RFC 8446 4.6, 5, 6; RFC 5246 6, 7).
// Thread: loop.
//
// Invariants:
//   1. At most one unfinished record waits, in a block that is leased from the pool.
//   2. No byte of a record reaches the FIFO before the whole record is authenticated.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <utility>

#include "base/clock.h"
#include "buffer/ring_buffer.h"
#include "tls/record/idle_records.h"
#include "tls/record/message_reader.h"
#include "tls/record/record_cipher.h"

namespace culvert {

/// Takes the session tickets that a server sends.
class TicketSink {
 public:
  /// `body` is the body of a NewSessionTicket (RFC 8446 4.6.1), unchecked.
  virtual void onTicket(std::span<const uint8_t> body) = 0;
  virtual ~TicketSink() = default;
};

class RecordReader {
 public:
  struct Outcome {
    enum class Kind : uint8_t {
      kMore,      ///< all input was read
      kEnd,       ///< the peer sent close_notify; what follows does not count (RFC 8446 6.1)
      kRefuse,    ///< the peer must get the fatal alert `alert`, because of `reason`
      kFlood,     ///< the same, because of too many records without payload
      kReceived,  ///< the peer sent the error alert `alert`
      kNoMemory,  ///< no memory for the FIFO or for the unfinished record
    };
    Kind kind = Kind::kMore;
    uint8_t alert = 0;
    std::string_view reason{};
  };

  /// `cache` and `pool` must outlive this object.
  RecordReader(KeyCache& cache, BufferPool& pool, const SessionKeys& keys);
  ~RecordReader();
  RecordReader(const RecordReader&) = delete;
  RecordReader& operator=(const RecordReader&) = delete;

  /// Returns how many bytes may be received now, so that their payload fits into `limit` bytes,
  /// together with the unfinished record.
  size_t receivable(size_t limit) const;

  /// Returns the memory for the rest of the unfinished record, if its length is known. A caller that
  /// receives these bytes here, and more bytes elsewhere, saves a copy. It passes their number
  /// as `filled` to read().
  std::span<uint8_t> missing();

  /// Reads `filled` bytes at missing() and then `input`, and appends the payload to `into`. After
  /// any outcome but kMore the session is over. May overwrite `input`.
  Outcome read(size_t filled, std::span<uint8_t> input, RingBuffer& into, TimePoint now);

  /// Returns whether the peer requested a KeyUpdate, or a renegotiation that must be refused, since
  /// the last call. One answer is enough for all requests (RFC 8446 4.6.3).
  bool takeUpdateRequest() { return std::exchange(updateRequested_, false); }
  bool takeRenegotiation() { return std::exchange(renegotiation_, false); }
  /// Gives the session tickets of a server to `sink`, which must outlive the reader. Without a sink
  /// they are dropped.
  void setTicketSink(TicketSink* sink) { tickets_ = sink; }

  /// Number of payload bytes that could not be decrypted in place and were copied.
  size_t takeCopied() { return std::exchange(copied_, 0); }

 private:
  using Kind = Outcome::Kind;
  /// Where a record was decrypted to.
  enum class Place : uint8_t { kFifo, kInput };

  Outcome finishHeld(std::span<uint8_t>& input, RingBuffer& into, TimePoint now);
  Outcome checkHeader(std::span<const uint8_t> header) const;
  Outcome readRecord(std::span<uint8_t> record, RingBuffer& into, TimePoint now);
  Outcome readOpened(uint8_t type, std::span<const uint8_t> inner, Place place, RingBuffer& into,
                     TimePoint now);
  Outcome readPayload(std::span<const uint8_t> content, Place place, RingBuffer& into,
                      TimePoint now);
  Outcome readMessages(std::span<const uint8_t> content);
  Outcome readAlert(std::span<const uint8_t> content) const;
  bool hold(std::span<const uint8_t> start);
  void release();

  BufferPool& pool_;
  RecordCipher cipher_;
  MessageReader messages_;
  IdleRecords idle_;
  uint8_t* block_ = nullptr;  // leased while an unfinished record waits
  uint16_t held_ = 0;         // bytes of the unfinished record
  uint16_t lastSize_ = 0;     // of the last whole record
  uint16_t limit_;            // most payload bytes of a record
  size_t copied_ = 0;
  bool updateRequested_ = false;
  bool renegotiation_ = false;
  TicketSink* tickets_ = nullptr;
};

}  // namespace culvert
