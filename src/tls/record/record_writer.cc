// SPDX-License-Identifier: GPL-3.0-or-later
// See record_writer.h.
#include "tls/record/record_writer.h"

#include <new>

#include "tls/protocol/wire.h"

namespace culvert {

bool RecordWriter::payload(std::span<const uint8_t> bytes, OutputBuffer& out) {
  const bool worn = cipher_.sequence() >= kMostRecords || bytes_ >= kMostBytes;
  if (cipher_.tls13() && worn && !keyUpdate(out)) return false;
  bytes_ += bytes.size();
  return seal(kApplicationData, bytes, out);
}

bool RecordWriter::alert(uint8_t level, uint8_t number, OutputBuffer& out) {
  const uint8_t message[] = {level, number};
  return seal(kAlertRecord, message, out);
}

bool RecordWriter::keyUpdate(OutputBuffer& out) {
  const uint8_t message[] = {kKeyUpdate, 0, 0, 1, 0};
  if (!seal(kHandshakeRecord, message, out)) return false;
  bytes_ = 0;
  return cipher_.update();
}

bool RecordWriter::seal(uint8_t type, std::span<const uint8_t> bytes, OutputBuffer& out) {
  const size_t size = bytes.size() + cipher_.overhead();
  try {
    if (!cipher_.seal(type, bytes, out.reserve(size))) return false;
  } catch (const std::bad_alloc&) {
    return false;
  }
  out.commit(size);
  return true;
}

}  // namespace culvert
