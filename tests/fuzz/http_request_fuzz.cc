// SPDX-License-Identifier: GPL-3.0-or-later
// Fuzzes what a client may send to an HTTP door. Any pieces of the input give the same result, its
// parts are bounded, and the path of an accepted request has one meaning. The first byte chooses
// the pieces.
//
// modules: http
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "http/http_access.h"
#include "http/http_request.h"

namespace {

using culvert::HttpRequest;
using culvert::HttpRequestReader;
using State = HttpRequestReader::State;

void require(bool condition) {
  if (!condition) std::abort();
}

struct Outcome {
  State state = State::kMore;
  int status = 0;
  std::string error;
  HttpRequest request;
};

Outcome read(std::string_view bytes, size_t piece) {
  HttpRequestReader reader;
  Outcome out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size())))
    out.state = reader.feed(bytes.substr(0, piece));
  if (out.state == State::kFailed) {
    out.status = reader.status();
    out.error = reader.error();
  }
  if (out.state == State::kDone) out.request = std::move(reader.request());
  return out;
}

bool equal(const Outcome& a, const Outcome& b) {
  const HttpRequest &one = a.request, &other = b.request;
  return a.state == b.state && a.status == b.status && a.error == b.error &&
         one.method == other.method && one.path == other.path && one.query == other.query &&
         one.host == other.host && one.origin == other.origin && one.accept == other.accept &&
         one.adminHeader == other.adminHeader && one.body == other.body;
}

bool isPlain(std::string_view path) {
  if (!path.starts_with('/')) return false;
  if (path == "/") return true;
  for (const std::string_view odd : {"//", "\\"})
    if (path.find(odd) != std::string_view::npos) return false;
  const std::string padded = std::string(path) + '/';
  return padded.find("/./") == std::string::npos && padded.find("/../") == std::string::npos &&
         !path.ends_with('/');
}

bool hasControl(std::string_view text) {
  return std::ranges::any_of(
      text, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; });
}

void checkRequest(const HttpRequest& request) {
  require(request.method == "GET" || request.method == "HEAD" || request.method == "POST");
  require(isPlain(request.path) && !hasControl(request.path));
  require(request.body.size() <= HttpRequestReader::kMostBody);
  size_t size =
      request.path.size() + request.host.size() + request.origin.size() + request.accept.size();
  for (const auto& [name, value] : request.query) {
    require(!hasControl(name) && !hasControl(value));
    size += name.size() + value.size();
  }
  require(size <= HttpRequestReader::kMostHeader);
  const auto refusal = culvert::refusalOf(request, {.admin = true, .boundText = "127.0.0.1:9443"});
  if (refusal) return require(!refusal->why.empty());
  require(request.host.ends_with(":9443"));
  require(request.method != "POST" || request.adminHeader);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes = culvert::asText({data + 1, size - 1});
  const Outcome whole = read(bytes, size);
  require(equal(read(bytes, 1), whole));
  require(equal(read(bytes, size_t{data[0]} + 2), whole));
  require((whole.state == State::kFailed) == (whole.status >= 400 && !whole.error.empty()));
  require(whole.state != State::kMore ||
          bytes.size() < HttpRequestReader::kMostHeader + 4 + HttpRequestReader::kMostBody);
  if (whole.state == State::kDone) checkRequest(whole.request);
  return 0;
}
