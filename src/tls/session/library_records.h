// SPDX-License-Identifier: GPL-3.0-or-later
// LibraryRecords is wolfSSL's record layer, for sessions that culvert cannot take over: CBC suites,
// and builds of wolfSSL that do not export a session. Thread: loop.
#pragma once

#include <memory>

#include "buffer/memory_share.h"
#include "tls/protocol/wire.h"
#include "tls/record/record_sizer.h"
#include "tls/session/record_layer.h"
#include "tls/session/tls_transport.h"
#include "tls/session/wolf_io.h"

namespace culvert {

class LibraryRecords final : public RecordLayer {
 public:
  LibraryRecords(TlsTransport& io, std::unique_ptr<WolfIo> wolf, RecordSizer sizer)
      : io_(io),
        wolf_(std::move(wolf)),
        sizer_(sizer),
        memory_(io.worker_.pool.memory(), MemoryUse::kTunnels, kMemory) {}

  size_t receivable(size_t limit) const override { return wolf_->receivable(limit); }
  IoResult read(size_t filled, std::span<uint8_t> input, RingBuffer& into) override;
  size_t payloadIn(size_t wire) const override {
    return sizer_.payloadIn(wire, kMaxPlaintext, kMostOverhead);
  }
  IoResult write(RingBuffer& from, size_t most) override;
  bool closeNotify() override;

 private:
  // Header, IV, HMAC-SHA-384 and padding of a CBC record (RFC 5246 6.2.3.2).
  static constexpr size_t kMostOverhead = 5 + 16 + 48 + 16;

  // What a WOLFSSL object takes on the heap between records.
  static constexpr size_t kMemory = 4 * 1024;

  IoResult decrypt(RingBuffer& into);
  IoStatus fail(int wolfError);

  TlsTransport& io_;
  std::unique_ptr<WolfIo> wolf_;
  RecordSizer sizer_;
  const MemoryCharge memory_;
};

}  // namespace culvert
