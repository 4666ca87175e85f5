// SPDX-License-Identifier: GPL-3.0-or-later
// HttpRequestReader reads one HTTP/1.x request (RFC 9112) from bytes that come in any pieces. It is
// strict and bounded: what two readers could understand differently is an error. Thread: any (one
// owner).
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace culvert {

struct HttpRequest {
  std::string method;
  std::string path;  ///< decoded; begins with '/', without "//" and without segments "." and ".."
  std::vector<std::pair<std::string, std::string>> query;  ///< decoded, in their order
  std::string host, origin, accept;                        ///< empty without the header
  bool adminHeader = false;                                ///< Culvert-Admin: 1
  std::string body;

  /// Returns nullptr if there is no such parameter.
  const std::string* param(std::string_view name) const;
};

class HttpRequestReader {
 public:
  static constexpr size_t kMostHeader = 8 * 1024;
  static constexpr size_t kMostBody = 64 * 1024;

  enum class State : uint8_t { kMore, kDone, kFailed };

  /// Reads the next bytes. Bytes behind the request are ignored, because a connection has one.
  State feed(std::string_view bytes);

  /// Valid once the state is kDone.
  HttpRequest& request() { return request_; }
  /// Valid once the state is kFailed: the status of the answer, and what is wrong.
  int status() const { return status_; }
  const std::string& error() const { return error_; }

 private:
  State fail(int status, std::string error);
  State readHead(std::string_view head);
  bool readRequestLine(std::string_view line);
  bool readTarget(std::string_view target);
  bool readField(std::string_view line);
  bool acceptField(std::string_view name, std::string_view value);
  State takeBody();

  HttpRequest request_;
  std::string bytes_;   // the head until it is complete, then the body
  size_t length_ = 0;   // of the body
  size_t scanned_ = 0;  // bytes of the head in which there is no end of it
  int status_ = 0;
  std::string error_;
  State state_ = State::kMore;
  bool inBody_ = false, hasHost_ = false, hasLength_ = false, hasOrigin_ = false,
       needsHost_ = false;
};

}  // namespace culvert
