// SPDX-License-Identifier: GPL-3.0-or-later
// See http_response.h.
#include "http/http_response.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>
#include <utility>

#include "base/ascii.h"
#include "base/words.h"

namespace culvert {
namespace {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t\r";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

/// Converts the text to a number in the given base. Returns false if the text is not such a number
/// or the number is too large.
bool readSize(std::string_view text, int base, size_t& out) {
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, out, base);
  return !text.empty() && read.ec == std::errc() && read.ptr == end;
}

}  // namespace

HttpResponse::State HttpResponse::bad(std::string text) {
  error_ = std::move(text);
  return State::kBad;
}

HttpResponse::State HttpResponse::feed(std::span<const uint8_t> bytes) {
  while (state_ == State::kMore && !bytes.empty()) state_ = step(bytes);
  return state_;
}

/// Consumes one byte of a line, or all available bytes of the body.
HttpResponse::State HttpResponse::step(std::span<const uint8_t>& bytes) {
  const uint8_t byte = bytes.front();
  switch (part_) {
    case Part::kHead: {
      bytes = bytes.subspan(1);
      line_ += static_cast<char>(byte);
      if (line_.size() > kMaxHead) return bad("sends headers that are too long");
      const bool whole = line_.ends_with("\n\r\n") || line_.ends_with("\n\n");
      return whole ? readHead() : State::kMore;
    }
    case Part::kCounted:
    case Part::kChunk: {
      const size_t taken = takeBodyBytes(bytes.first(std::min(left_, bytes.size())));
      bytes = bytes.subspan(taken);
      left_ -= taken;
      if (left_ != 0) return State::kMore;
      if (part_ == Part::kCounted) return State::kDone;
      part_ = Part::kChunkEnd;
      return State::kMore;
    }
    case Part::kToEnd:
      if (body_.size() + bytes.size() > maxBody_)
        return bad(fmt::format("sends more than {} bytes", maxBody_));
      takeBodyBytes(bytes);
      bytes = {};
      return State::kMore;
    case Part::kChunkSize:
      bytes = bytes.subspan(1);
      return takeLine(byte, &HttpResponse::readChunkSize);
    case Part::kChunkEnd:
    case Part::kTrailer:
      bytes = bytes.subspan(1);
      return takeLine(byte, &HttpResponse::readTrailer);
  }
  return State::kBad;
}

HttpResponse::State HttpResponse::finish() {
  if (state_ != State::kMore) return state_;
  if (part_ == Part::kToEnd) return state_ = State::kDone;
  return state_ = bad(part_ == Part::kHead && line_.empty()
                          ? "closes the connection without a response"
                          : "closes the connection within its response");
}

size_t HttpResponse::takeBodyBytes(std::span<const uint8_t> bytes) {
  body_.insert(body_.end(), bytes.begin(), bytes.end());
  return bytes.size();
}

HttpResponse::State HttpResponse::takeLine(uint8_t byte, State (HttpResponse::*whenWhole)()) {
  if (++trailerBytes_ > kMaxHead) return bad("sends a malformed chunked body");
  if (byte != '\n') {
    line_ += static_cast<char>(byte);
    return State::kMore;
  }
  const State state = (this->*whenWhole)();
  line_.clear();
  return state;
}

HttpResponse::State HttpResponse::readHead() {
  const std::string head = std::move(line_);
  line_.clear();
  std::string_view rest = head;
  bool first = true;
  while (!rest.empty()) {
    const size_t end = rest.find('\n');
    const std::string_view line = trimmed(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    if (line.empty()) continue;
    const State state = std::exchange(first, false) ? readStatus(line) : readHeader(line);
    if (state != State::kMore) return state;
  }
  if (first) return bad("does not speak HTTP");
  if (chunked_) {
    part_ = Part::kChunkSize;  // RFC 9112 6.3: chunked overrides Content-Length
    return State::kMore;
  }
  part_ = counted_ ? Part::kCounted : Part::kToEnd;
  if (counted_ && left_ > maxBody_)
    return bad(fmt::format("announces {} bytes, more than {}", left_, maxBody_));
  return counted_ && left_ == 0 ? State::kDone : State::kMore;
}

HttpResponse::State HttpResponse::readStatus(std::string_view line) {
  size_t status = 0;
  if (!line.starts_with("HTTP/1.") || line.size() < 12 || line[8] != ' ' ||
      !readSize(line.substr(9, 3), 10, status) || (line.size() > 12 && line[12] != ' '))
    return bad("does not speak HTTP");
  if (status == 200) return State::kMore;
  const bool redirect = status >= 300 && status < 400 && status != 304;
  return bad(fmt::format("answers {}{}", printable(line.substr(9), 60),
                         redirect ? ", and redirects are not followed" : ""));
}

HttpResponse::State HttpResponse::readHeader(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == std::string_view::npos) return bad("sends a malformed header");
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (equalNoCase(name, "transfer-encoding")) {
    if (!equalNoCase(value, "chunked") || chunked_)
      return bad("sends its body in an unsupported encoding: " + printable(value, 40));
    chunked_ = true;
  } else if (equalNoCase(name, "content-length")) {
    size_t length = 0;
    if (!readSize(value, 10, length) || (counted_ && length != left_))
      return bad("sends a malformed Content-Length");
    counted_ = true;
    left_ = length;
  } else if (equalNoCase(name, "content-encoding") && !equalNoCase(value, "identity")) {
    return bad("sends its body in an unsupported encoding: " + printable(value, 40));
  }
  return State::kMore;
}

HttpResponse::State HttpResponse::readChunkSize() {
  std::string_view text = line_;
  if (!readSize(trimmed(text.substr(0, text.find(';'))), 16, left_))
    return bad("sends a malformed chunked body");
  if (left_ > maxBody_ - body_.size())
    return bad(fmt::format("sends more than {} bytes", maxBody_));
  part_ = left_ == 0 ? Part::kTrailer : Part::kChunk;
  return State::kMore;
}

/// Reads the empty line after a chunk, or a trailer line after the last chunk.
HttpResponse::State HttpResponse::readTrailer() {
  const bool empty = trimmed(line_).empty();
  if (part_ == Part::kTrailer) return empty ? State::kDone : State::kMore;
  if (!empty) return bad("sends a malformed chunked body");
  part_ = Part::kChunkSize;
  return State::kMore;
}

}  // namespace culvert
