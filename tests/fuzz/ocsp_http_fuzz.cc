// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes what an OCSP responder may send: the HTTP answer is bounded and reads the same in whatever
// pieces it comes, and its body is looked into as an OCSP response, as is the whole input. The
// first byte chooses the pieces.
//
// modules: http tls/ocsp
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "http/http_response.h"
#include "tls/ocsp/ocsp_reader.h"

namespace {

constexpr size_t kMaxBody = 4096;

void require(bool condition) {
  if (!condition) std::abort();
}

culvert::HttpResponse::State read(culvert::HttpResponse& response, std::span<const uint8_t> bytes,
                                  size_t piece) {
  auto state = culvert::HttpResponse::State::kMore;
  while (!bytes.empty() && state == culvert::HttpResponse::State::kMore) {
    const size_t size = std::min(piece, bytes.size());
    state = response.feed(bytes.first(size));
    bytes = bytes.subspan(size);
  }
  return response.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using culvert::HttpResponse;
  if (size == 0) return 0;
  const std::span<const uint8_t> bytes(data + 1, size - 1);
  HttpResponse whole(kMaxBody);
  HttpResponse pieces(kMaxBody);
  const auto state = read(whole, bytes, size);
  require(state != HttpResponse::State::kMore);
  require(read(pieces, bytes, size_t{data[0]} + 1) == state);
  require(whole.error() == pieces.error());
  require(whole.body().size() <= kMaxBody);
  require((state == HttpResponse::State::kBad) == !whole.error().empty());
  if (state == HttpResponse::State::kDone) {
    require(whole.body() == pieces.body());
    (void)culvert::readOcspSummary(whole.body());
  }
  if (const auto summary = culvert::readOcspSummary(bytes)) {
    for (const auto& single : summary->singles)
      require(single.serial.empty() || single.serial.front() != 0);
  }
  return 0;
}
