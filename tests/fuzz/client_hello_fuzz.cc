// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes the gatherer and parser of ClientHellos: no crash, bounded, and the same result and
// contents whether the bytes arrive at once or in pieces. The first byte of the input chooses the
// pieces. The mutator starts from sound hellos, so no corpus is kept.
//
// modules: tls/hello
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <vector>

#include "tls/hello/client_hello.h"
#include "tls/hello/hello_gatherer.h"
#include "unit/tls/support/hello_builder.h"

namespace culvert {
namespace {

/// No hello needs more raw bytes than this; a gatherer that was fed as many has decided.
constexpr size_t kMaxHelloBytes = kMaxHelloMessage + 5 * kMaxHelloRecords;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Everything that a hello says, walked to its last byte.
std::string contents(const ClientHello& hello) {
  std::string out = hello.serverName + "/";
  auto list = [&out](const U16List& numbers) {
    for (size_t i = 0; i < numbers.size(); ++i) out += std::to_string(numbers[i]) + ",";
    out += "/";
  };
  list(hello.supportedVersions);
  list(hello.cipherSuites);
  list(hello.groups);
  list(hello.signatureAlgorithms);
  hello.forEachKeyShare([&](uint16_t group, std::span<const uint8_t> key) {
    require(!key.empty());
    out += std::to_string(group) + std::string(key.begin(), key.end());
  });
  hello.forEachProtocol([&](std::string_view name) {
    require(!name.empty());
    out += std::string(name) + ",";
  });
  out += std::to_string(hello.highestVersion());
  return out;
}

}  // namespace
}  // namespace culvert

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace culvert;
  if (size == 0) return 0;
  std::span<const uint8_t> bytes(data + 1, size - 1);
  size_t step = std::max<size_t>(size_t{data[0]} + 1,
                                 bytes.size() / 64);  // each piece is a copy of all before it

  ClientHello whole;
  HelloGatherer oneShot;
  HelloResult want = oneShot.feed(bytes, whole);
  bool refused = want.status == HelloStatus::kNotTls || want.status == HelloStatus::kMalformed;
  require(refused == !want.reason.empty());
  require(!refused || want.alert != 0);
  require(bytes.size() < kMaxHelloBytes || want.status != HelloStatus::kNeedMore);
  std::string said;
  if (want.status == HelloStatus::kComplete) {
    said = contents(whole);
    require(oneShot.consumed() <= bytes.size());
    require(oneShot.preface(bytes).size() == whole.message.size() + 5);
    // What is handed on must be the same hello again.
    ClientHello again;
    HelloGatherer second;
    std::vector<uint8_t> replay(oneShot.preface(bytes).begin(), oneShot.preface(bytes).end());
    require(second.feed(replay, again).status == HelloStatus::kComplete && contents(again) == said);
  }

  HelloGatherer pieces;
  ClientHello hello;
  HelloResult got;
  for (size_t end = std::min(step, bytes.size());; end = std::min(end + step, bytes.size())) {
    std::vector<uint8_t> moved(
        bytes.begin(),
        bytes.begin() + static_cast<long>(end));  // exact size: reads beyond it are seen
    got = pieces.feed(moved, hello);
    if (got.status == HelloStatus::kComplete) require(contents(hello) == said);
    if (got.status != HelloStatus::kNeedMore || end == bytes.size()) break;
  }
  require(got.status == want.status);
  if (got.status == HelloStatus::kMalformed)
    require(got.alert == want.alert && got.reason == want.reason);
  return 0;
}

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t room);

// Libfuzzer's own mutations, of sound hellos (whole, split, old, with a ticket) where there is
// nothing better yet.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t room, unsigned seed) {
  using namespace culvert;
  if (size < 40 || seed % 128 == 0) {
    HelloBuilder hello = seed % 3 == 0 ? HelloBuilder::tls12() : HelloBuilder::modern();
    if (seed % 5 == 0)
      hello.add(41,
                vector16(vector16(Bytes(8, 1)) + Bytes(4, 0)) + vector16(vector8(Bytes(32, 2))));
    Bytes bytes = hello.records(seed % 2 == 0 ? 16384 : 1 + seed % 700);
    if (bytes.size() + 1 <= room) {
      data[0] = static_cast<uint8_t>(seed >> 8);
      std::memcpy(data + 1, bytes.data(), bytes.size());
      size = bytes.size() + 1;
    }
  }
  return LLVMFuzzerMutate(data, size, room);
}
