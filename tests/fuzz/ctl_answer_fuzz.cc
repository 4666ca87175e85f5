// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes what culvertctl may receive: an answer has one meaning, whatever the pieces it comes in, and
// its JSON is read or refused. The first byte chooses the pieces.
//
// modules: ctl
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "ctl/http_answer.h"
#include "ctl/json_value.h"

namespace {

using culvert::CtlAnswer;
using culvert::CtlAnswerReader;
using culvert::Result;

void require(bool condition) {
  if (!condition) std::abort();
}

/// Stops at the first error, or when the answer is complete, as the client does.
Result<CtlAnswer> read(std::string_view bytes, size_t piece) {
  CtlAnswerReader reader;
  for (; !bytes.empty() && !reader.complete(); bytes.remove_prefix(std::min(piece, bytes.size())))
    if (auto fed = reader.feed(bytes.substr(0, piece)); !fed) return tl::unexpected(fed.error());
  return reader.finish();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = read(bytes, size);
  const auto pieces = read(bytes, size_t{data[0]} + 1);
  require(whole.has_value() == pieces.has_value());
  if (!whole) return 0;
  require(whole->status == pieces->status && whole->type == pieces->type);
  require(whole->body == pieces->body);
  require(whole->body.size() <= size);
  if (auto value = culvert::parseJson(whole->body)) (void)(*value)["status"].text();
  return 0;
}
