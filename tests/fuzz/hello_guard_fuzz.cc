// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes what stands between a client's handshake and wolfSSL: HelloGuard and PlainFlight. No
// crash, bounded, what is dropped was there, and the same result whether the bytes arrive at once
// or in pieces. The first byte of the input chooses.
//
// modules: tls/hello
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "tls/hello/hello_gatherer.h"
#include "tls/hello/hello_guard.h"
#include "tls/hello/plain_flight.h"
#include "unit/tls/support/hello_builder.h"

namespace culvert {
namespace {

void require(bool condition) {
  if (!condition) std::abort();
}

void walkGuard(std::span<const uint8_t> bytes, bool awaits) {
  HelloGuard guard;
  const Bytes message = HelloBuilder::modern().add(42, {}).message();
  ClientHello first;
  require(parseClientHelloMessage(message, first).status == HelloStatus::kComplete);
  const Bytes retry = Bytes(34, 1) + vector8(Bytes(32, 7)) + Bytes{0x13, 1, 0, 0, 0};
  if (awaits) guard.awaitSecond(first, retry);
  size_t dropped = 0;
  for (;;) {
    const RecordVerdict verdict = guard.inspect(bytes);
    if (verdict.kind != RecordVerdict::kDrop) {
      require((verdict.kind == RecordVerdict::kRefuse) == !verdict.reason.empty());
      require(verdict.kind != RecordVerdict::kMore || bytes.size() < 7);
      break;
    }
    require(verdict.size != 0 && verdict.size <= bytes.size());
    bytes = bytes.subspan(verdict.size);
    dropped += verdict.size;
  }
  require(dropped < 40 * 1024);
  HelloGatherer gatherer;
  ClientHello second;
  if (awaits && gatherer.feed(bytes, second).status == HelloStatus::kComplete)
    require(guard.judgeSecond(second).reason.empty() == (guard.judgeSecond(second).alert == 0));
}

void walkFlight(std::span<const uint8_t> bytes, size_t step, bool certificateAsked) {
  PlainFlight whole;
  std::vector<uint8_t> all;
  const RecordVerdict want = whole.feed(bytes, all, certificateAsked);
  require(all.size() <= bytes.size() * 6);  // a record for each byte, at worst
  PlainFlight pieces;
  std::vector<uint8_t> out;
  RecordVerdict got;
  for (size_t at = 0; at < bytes.size() && got.kind == RecordVerdict::kPass; at += step)
    got = pieces.feed(bytes.subspan(at, std::min(step, bytes.size() - at)), out, certificateAsked);
  require(got.kind == want.kind && got.alert == want.alert);
}

}  // namespace
}  // namespace culvert

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;
  if (size == 0) return 0;
  const std::vector<uint8_t> bytes(data + 1, data + size);  // exact size: reads beyond it are seen
  walkGuard(bytes, (data[0] & 1) != 0);
  walkFlight(bytes, 1 + (data[0] >> 2), (data[0] & 2) != 0);
  (void)lookAtFlight(bytes);
  return 0;
}
