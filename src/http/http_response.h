// SPDX-License-Identifier: GPL-3.0-or-later
// HttpResponse reads one HTTP response as its bytes arrive: status line, headers and body.
// Content-Length, the chunks, or the end of the connection determine the length of the body. Every
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
  static constexpr size_t kMaxHead = 16 * 1024;  ///< limit for the head, and for the trailers

  explicit HttpResponse(size_t maxBody) : maxBody_(maxBody) {}

  enum class State : uint8_t { kMore, kDone, kBad };

  /// Reads the next bytes of the response, and ignores bytes after its end.
  State feed(std::span<const uint8_t> bytes);
  /// Call this when the peer has closed the connection, because that may complete the body.
  State finish();

  const std::vector<uint8_t>& body() const { return body_; }
  std::vector<uint8_t> takeBody() { return std::move(body_); }
  /// What is wrong with the response, as one clause. Set when the state is kBad.
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
  std::string line_;  // the head received so far, or one line of a chunked body
  size_t left_ = 0;   // bytes still missing from the chunk, or from a body with Content-Length
  size_t trailerBytes_ = 0;  // total size of the trailers and of the chunks' size lines
  bool counted_ = false;
  bool chunked_ = false;
  std::vector<uint8_t> body_;
  std::string error_;
};

}  // namespace culvert
