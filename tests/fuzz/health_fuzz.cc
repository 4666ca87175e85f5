// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes what a backend may answer to a health check. The first byte chooses the kind and the pieces,
// the second one the length of health-expect, which comes first. The verdict does not depend on the
// pieces, and culvert says a bounded number of bytes.
//
// modules: health
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/bytes.h"
#include "base/escapes.h"
#include "health/health_dialog.h"

namespace {

using namespace culvert;

constexpr HealthCheck kKinds[] = {HealthCheck::kSend, HealthCheck::kHttp, HealthCheck::kRedis,
                                  HealthCheck::kPgsql, HealthCheck::kSmtp};

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  HealthVerdict::State state = HealthVerdict::State::kMore;
  std::string said;
  bool operator==(const Outcome&) const = default;
};

void checkWords(const std::string& words) {
  require(words.size() <= 600);
  for (const char c : words) require(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f);
}

Outcome run(const HealthOptions& options, std::string_view answer, size_t piece) {
  const auto dialog = makeHealthDialog(options, "h.example");
  Outcome out;
  dialog->begin(out.said);
  while (!answer.empty() && out.state == HealthVerdict::State::kMore) {
    const std::string_view part = answer.substr(0, piece);
    const HealthVerdict verdict = dialog->feed(asBytes(part), out.said);
    answer.remove_prefix(part.size());
    checkWords(verdict.words);
    checkWords(dialog->progress());
    out.state = verdict.state;
  }
  if (out.state == HealthVerdict::State::kMore) {
    const HealthVerdict end = dialog->finish();
    require(end.state == HealthVerdict::State::kFailed);
    checkWords(end.words);
  }
  require(out.said.size() <= options.send.size() + 256);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const uint8_t choice = data[0];
  std::string_view answer = asText({data + 2, size - 2});
  HealthOptions options;
  options.kind = kKinds[choice % std::size(kKinds)];
  options.expect = answer.substr(0, data[1]);
  if (options.kind == HealthCheck::kSend) answer.remove_prefix(options.expect.size());
  const Outcome whole = run(options, answer, answer.size() + 1);
  require(run(options, answer, 1) == whole);
  require(run(options, answer, size_t{2} + (choice >> 4)) == whole);
  if (const auto read = readEscapes(answer))
    require(read->size() <= answer.size());
  else
    checkWords(read.error().text);
  return 0;
}
