// SPDX-License-Identifier: GPL-3.0-or-later
// OwnRecords joins a RecordReader and a RecordWriter to the record layer of a TlsStream. It decides
// about answers, sizes of records and failures. Thread: loop.
#pragma once

#include <memory>

#include "tls/record/record_reader.h"
#include "tls/record/record_sizer.h"
#include "tls/record/record_writer.h"
#include "tls/session/record_layer.h"
#include "tls/session/tls_transport.h"

namespace culvert {

class OwnRecords final : public RecordLayer {
 public:
  /// `io` is the transport of the stream that owns this object. `tickets` takes the session tickets
  /// of a server; nullptr drops them.
  OwnRecords(TlsTransport& io, const SessionKeys& keys, RecordSizer sizer,
             std::unique_ptr<TicketSink> tickets = nullptr);

  size_t receivable(size_t limit) const override { return reader_.receivable(limit); }
  std::span<uint8_t> missing() override { return reader_.missing(); }
  IoResult read(size_t filled, std::span<uint8_t> input, RingBuffer& into) override;
  size_t payloadIn(size_t wire) const override {
    return sizer_.payloadIn(wire, writer_.limit(), writer_.overhead());
  }
  IoResult write(RingBuffer& from, size_t most) override;
  IoStatus answer() override;
  bool closeNotify() override;

 private:
  IoStatus end(const RecordReader::Outcome& outcome);

  TlsTransport& io_;
  RecordReader reader_;
  RecordWriter writer_;
  RecordSizer sizer_;
  const std::unique_ptr<TicketSink> tickets_;
};

}  // namespace culvert
