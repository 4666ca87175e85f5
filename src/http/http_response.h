// SPDX-License-Identifier: GPL-3.0-or-later
// HttpResponse reads one HTTP response as its bytes arrive: status line, headers and body. The body
// has a Content-Length, chunks, or ends with the connection. Every part is bounded. It reads the
// body only for status 200. Thread: any (one owner).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace culvert {

class HttpResponse {
 public:
  static constexpr size_t kMaxHead = 16 * 1024;  ///< status line and headers; also trailers

  explicit HttpResponse(size_t maxBody) : maxBody_(maxBody) {}

  enum class State : uint8_t { kMore, kDone, kBad };

  /// Reads the next bytes. Bytes after the end of the response are ignored.
  State feed(std::span<const uint8_t> bytes);
  /// The peer has closed the connection.
  State finish();

  const std::vector<uint8_t>& body() const { return body_; }
  std::vector<uint8_t> takeBody() { return std::move(body_); }
  /// What is wrong, as one clause; with kBad.
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
  std::string line_;         // the head so far, or one line of a chunked body
  size_t left_ = 0;          // of the body with Content-Length, or of the chunk
  size_t trailerBytes_ = 0;  // of trailers and of the chunks' size lines
  bool counted_ = false;
  bool chunked_ = false;
  std::vector<uint8_t> body_;
  std::string error_;
};

}  // namespace culvert
