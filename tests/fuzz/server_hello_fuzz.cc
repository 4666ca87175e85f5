// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes what stands between a backend's first bytes and wolfSSL: ServerHelloGuard. No crash,
// bounded memory, the same result whether the bytes arrive at once or in pieces, and no accepted
// ServerHello with an extension that was not offered. The first byte of the input chooses the hello,
// the second the size of the pieces. If bit 7 of the first byte is set, the rest describes a
// ServerHello, else the rest is what the backend sends.
//
// modules: tls/hello
#include <sanitizer/allocator_interface.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <span>
#include <vector>

#include "tls/hello/server_hello_guard.h"
#include "unit/tls/support/server_hello_builder.h"

namespace culvert {
namespace {

constexpr size_t kMostMemory = 64 * 1024;

void require(bool condition) {
  if (!condition) std::abort();
}

HelloBuilder offerFor(uint8_t choice) {
  HelloBuilder offer = clientOffer();
  if ((choice & 3) == 1) offer = HelloBuilder::tls12();
  if ((choice & 3) == 2) offer.set(43, vector8(numbers({0x0304})));
  if ((choice & 3) == 3) offer.withExtensions = false;
  if ((choice & 4) != 0) offer.remove(41).remove(16);
  return offer;
}

struct Outcome {
  RecordVerdict verdict;
  size_t passed = 0;
  bool answered = false;
  bool operator==(const Outcome& other) const {
    return verdict.kind == other.verdict.kind && verdict.alert == other.verdict.alert &&
           verdict.reason == other.verdict.reason && passed == other.passed &&
           answered == other.answered;
  }
};

/// Feeds the bytes as ClientHandshake does. `step` is the size of a piece.
Outcome walk(std::span<const uint8_t> bytes, const Bytes& offered, size_t step) {
  ServerHelloGuard guard;
  guard.offered(offered);
  Outcome outcome{.verdict = {RecordVerdict::kMore}};
  size_t arrived = 0;
  while (!outcome.answered && outcome.passed < bytes.size()) {
    const auto rest = bytes.subspan(outcome.passed, arrived - std::min(arrived, outcome.passed));
    outcome.verdict = guard.inspect(rest);
    outcome.answered = guard.answered();
    if (outcome.verdict.kind == RecordVerdict::kMore) {
      if (arrived >= bytes.size()) break;
      arrived = std::min(bytes.size(), arrived + step);
    } else if (outcome.verdict.kind == RecordVerdict::kPass) {
      require(rest.size() >= 5 && rest.size() >= 5u + rest[3] * 256u + rest[4]);
      outcome.passed += 5u + rest[3] * 256u + rest[4];
    } else {
      require(outcome.verdict.kind == RecordVerdict::kRefuse);
      require(!outcome.verdict.reason.empty() && outcome.verdict.alert != 0);
      break;
    }
  }
  return outcome;
}

/// Returns whether all extensions of an accepted ServerHello were offered. It reads the message with
/// code of its own.
bool allOffered(const Bytes& message, const HelloBuilder& offer) {
  const bool scsv = [&] {
    for (size_t i = 0; i + 1 < offer.suites.size(); i += 2)
      if (offer.suites[i] == 0 && offer.suites[i + 1] == 0xff) return true;
    return false;
  }();
  const bool retry = message[6] == 0xcf && message[7] == 0x21 && message[37] == 0x9c;
  size_t at = 4u + 2 + 32 + 1 + message[38] + 2 + 1;
  if (at == message.size()) return true;
  std::vector<unsigned> seen;
  for (at += 2; at < message.size();) {
    if (at + 4 > message.size()) return false;
    const unsigned type = message[at] * 256u + message[at + 1];
    at += 4u + message[at + 2] * 256u + message[at + 3];
    if (at > message.size()) return false;
    if (std::find(seen.begin(), seen.end(), type) != seen.end()) return false;
    seen.push_back(type);
    const bool offered =
        offer.withExtensions &&
        std::any_of(offer.extensions.begin(), offer.extensions.end(),
                    [type](const auto& extension) { return extension.first == type; });
    if (!offered && !(type == 44 && retry) && !(type == 0xff01 && scsv)) return false;
  }
  return true;
}

/// Makes a ServerHello of the bytes, so that many of them are accepted.
Bytes describe(std::span<const uint8_t> bytes) {
  const auto next = [&bytes] {
    if (bytes.empty()) return uint8_t{0};
    const uint8_t value = bytes[0];
    bytes = bytes.subspan(1);
    return value;
  };
  const uint8_t kind = next();
  ServerHelloBuilder hello = (kind & 3) == 0   ? ServerHelloBuilder::tls13()
                             : (kind & 3) == 1 ? ServerHelloBuilder::tls12()
                             : (kind & 3) == 2 ? ServerHelloBuilder::retry()
                                               : ServerHelloBuilder();
  if ((kind & 4) != 0) hello.suite = static_cast<uint16_t>(next() * 256 + next());
  if ((kind & 8) != 0) hello.sessionId = Bytes(next() % 34, next());
  if ((kind & 16) != 0) hello.version = static_cast<uint16_t>(0x0300 + next());
  if ((kind & 32) != 0) hello.markDowngrade(next());
  if ((kind & 64) != 0) hello.compression = next();
  if ((kind & 128) != 0) hello.extensions.clear();
  while (!bytes.empty()) {
    const uint8_t low = next();
    const uint16_t type = low == 1 ? 0xff01 : low;
    Bytes body(next() % 8);
    for (uint8_t& byte : body) byte = next();
    hello.add(type, body);
  }
  return hello.message();
}

/// Judges one message, cut and whole.
void judge(const Bytes& message, const HelloBuilder& offer) {
  const Bytes offered = offer.message();
  const ServerHelloVerdict verdict = judgeServerHello(message, offered);
  require(verdict.reason.empty() == (verdict.alert == 0));
  if (verdict.reason.empty()) require(allOffered(message, offer));
}

}  // namespace
}  // namespace culvert

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;
  if (size < 3) return 0;
  const HelloBuilder offer = offerFor(data[0]);
  const size_t step = 1 + data[1] % 64;
  const std::span<const uint8_t> rest(data + 2, size - 2);
  Bytes bytes(rest.begin(), rest.end());  // exact size: reads beyond it are seen
  if ((data[0] & 0x80) != 0) {
    const Bytes message = describe(rest);
    judge(message, offer);
    bytes = HelloBuilder::split(message, 1 + data[1]);
    if ((data[0] & 0x40) != 0)  // behind a HelloRetryRequest
      bytes = HelloBuilder::split(ServerHelloBuilder::retry().message(), 16384) + bytes;
  } else {
    judge(bytes, offer);
  }
  const Bytes offered = offer.records(1 + data[1]);
  const size_t before = __sanitizer_get_current_allocated_bytes();
  {
    ServerHelloGuard guard;
    guard.offered(offered);
    std::span<const uint8_t> left = bytes;
    while (guard.inspect(left).kind == RecordVerdict::kPass && !guard.answered())
      left = left.subspan(5u + left[3] * 256u + left[4]);
    require(__sanitizer_get_current_allocated_bytes() - before < kMostMemory);
  }
  const Outcome whole = walk(bytes, offered, bytes.size());
  require(whole == walk(bytes, offered, step));
  require(whole == walk(bytes, offered, 1));
  return 0;
}
