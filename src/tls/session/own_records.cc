// SPDX-License-Identifier: GPL-3.0-or-later
// See own_records.h.
#include "tls/session/own_records.h"

#include <algorithm>
#include <string>

#include "tls/protocol/alert_number.h"
#include "tls/session/explain.h"

namespace culvert {

OwnRecords::OwnRecords(TlsTransport& io, const SessionKeys& keys, RecordSizer sizer,
                       std::unique_ptr<TicketSink> tickets)
    : io_(io),
      reader_(io.worker_.keys, io.worker_.pool, keys),
      writer_(io.worker_.keys, keys),
      sizer_(sizer),
      tickets_(std::move(tickets)) {
  reader_.setTicketSink(tickets_.get());
}

IoResult OwnRecords::read(size_t filled, std::span<uint8_t> input, RingBuffer& into) {
  const size_t before = into.size();
  const RecordReader::Outcome outcome = reader_.read(filled, input, into, io_.worker_.loop.now());
  const size_t bytes = into.size() - before;
  if (const size_t copied = reader_.takeCopied(); copied != 0)
    io_.worker_.counters.add(Counter::kPayloadCopied, copied);
  return {end(outcome), bytes};
}

/// Converts the outcome of a read to a status. Sends the alert and stores the reason of a failure.
IoStatus OwnRecords::end(const RecordReader::Outcome& outcome) {
  using Kind = RecordReader::Outcome::Kind;
  switch (outcome.kind) {
    case Kind::kMore:
      return IoStatus::kOk;
    case Kind::kEnd:
      return IoStatus::kEof;
    case Kind::kNoMemory:
      return io_.failForMemory();
    case Kind::kReceived:
      io_.fail(alertReceived(outcome.alert, io_.peer_));
      return IoStatus::kFailed;
    case Kind::kFlood:
      io_.worker_.counters.add(Counter::kFloodEnds);
      break;
    case Kind::kRefuse:
      break;
  }
  if (!writer_.alert(RecordWriter::kFatal, outcome.alert, io_.worker_.output))
    return io_.failForMemory();
  io_.fail(alertSent(outcome.alert, std::string(outcome.reason)));
  return IoStatus::kFailed;
}

IoResult OwnRecords::write(RingBuffer& from, size_t most) {
  size_t total = 0;
  while (!from.empty() && total < most) {
    const std::span<const uint8_t> bytes = from.readable();
    const size_t part = std::min({bytes.size(), most - total, writer_.limit()});
    const size_t size = sizer_.next(part, io_.worker_.loop.now());
    if (!writer_.payload(bytes.first(size), io_.worker_.output))
      return {io_.failForMemory(), total};
    from.consume(size);
    total += size;
  }
  return {IoStatus::kOk, total};
}

IoStatus OwnRecords::answer() {
  if (reader_.takeUpdateRequest() && !writer_.keyUpdate(io_.worker_.output))
    return io_.failForMemory();
  if (reader_.takeRenegotiation() &&
      !writer_.alert(RecordWriter::kWarning, Alert::no_renegotiation, io_.worker_.output))
    return io_.failForMemory();
  return IoStatus::kOk;
}

bool OwnRecords::closeNotify() {
  return writer_.alert(RecordWriter::kWarning, Alert::close_notify, io_.worker_.output);
}

}  // namespace culvert
