// SPDX-License-Identifier: GPL-3.0-or-later
// HttpResponse reads one HTTP response as its bytes arrive: status line, headers and body. The
// length of the body is given by Content-Length, by chunks, or by the end of the connection. Every
// part has a size limit. HttpResponse reads the body only if the status is 200. Thread: any (one
// owner).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace culvert {

class HttpResponse {
 public:
  static constexpr size_t kMaxHead = 16 * 1024;  ///< for status line and headers; for trailers

  explicit HttpResponse(size_t maxBody) : maxBody_(maxBody) {}

  enum class State : uint8_t { kMore, kDone, kBad };

  /// Reads the next bytes. Ignores bytes after the end of the response.
  State feed(std::span<const uint8_t> bytes);
  /// Call this when the peer has closed the connection.
  State finish();

  const std::vector<uint8_t>& body() const { return body_; }
  std::vector<uint8_t> takeBody() { return std::move(body_); }
  /// After kBad: what is wrong with the response, as one clause.
  const std::string& error() const { return error_; }

 private:
  enum class Part : uint8_t { kHead, kCounted, kToEnd, kChunkSize, kChunk, kChunkEnd, kTrailer };

  State bad(std::string text);
  State readHead();
  State readStatus(std::string_view line);
  State readHeader(std::string_view line);
  State readChunkSize();
  State takeLine(uint8_t byte, State (HttpResponse::*whenWhole)());
  size_t takeBodyBytes(std::span<const uint8_t> bytes);
  State step(std::span<const uint8_t>& bytes);
  State readTrailer();

  const size_t maxBody_;
  Part part_ = Part::kHead;
  State state_ = State::kMore;
  std::string line_;         // the head received so far, or one line of a chunked body
  size_t left_ = 0;          // bytes still to come of the chunk, or of the body with Content-Length
  size_t trailerBytes_ = 0;  // total size of the trailers and of the chunks' size lines
  bool counted_ = false;
  bool chunked_ = false;
  std::vector<uint8_t> body_;
  std::string error_;
};

}  // namespace culvert
