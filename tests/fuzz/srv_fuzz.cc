// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes what a name server may answer to a question for SRV records. What is accepted is ordered,
// bounded, and has host names and ports.
//
// modules: backend
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>

#include "backend/srv_lookup.h"

namespace {

using namespace culvert;

void require(bool condition) {
  if (!condition) std::abort();
}

void checkAnswer(const Result<SrvAnswer>& answer) {
  if (!answer) {
    require(!answer.error().text.empty() && answer.error().text.size() < 200);
    return;
  }
  require(!answer->records.empty() && answer->records.size() <= SrvAnswer::kMostRecords);
  require(answer->ttl >= Millis(0) && answer->ttl <= Millis(int64_t{UINT32_MAX} * 1000));
  require(std::is_sorted(
      answer->records.begin(), answer->records.end(), [](const SrvRecord& a, const SrvRecord& b) {
        return a.priority != b.priority ? a.priority < b.priority : a.weight > b.weight;
      }));
  for (const SrvRecord& record : answer->records) {
    require(record.port != 0);
    const auto spec = parseAddress(record.target + ":1", AddressUse::kBackend);
    require(spec && spec->kind == AddressKind::kHostName);
  }
}

/// A sound head, the question, and the input as answers: so the fuzzer gets further.
std::vector<uint8_t> behindHead(std::span<const uint8_t> answers) {
  std::vector<uint8_t> packet = {0, 1, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0};
  constexpr std::string_view kQuestion(
      "\x02_x\x04_tcp\x01"
      "d\0\0\x21\0\x01",
      15);
  packet.insert(packet.end(), kQuestion.begin(), kQuestion.end());
  if (answers.empty()) return packet;
  packet[7] = answers[0];  // how many records
  packet.insert(packet.end(), answers.begin() + 1, answers.end());
  return packet;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const uint8_t> bytes(data, size);
  checkAnswer(parseSrvAnswer(bytes, "_x._tcp.d"));
  checkAnswer(parseSrvAnswer(behindHead(bytes), "_x._tcp.d"));
  return 0;
}
