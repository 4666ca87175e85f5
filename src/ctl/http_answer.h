// SPDX-License-Identifier: GPL-3.0-or-later
// The text of HTTP/1.1 requests and answers: one request a connection, and an answer with a
// Content-Length or up to the end of the connection. Thread: any (pure).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace culvert {

struct CtlRequest {
  std::string method = "GET";
  std::string path;  ///< its segments are encoded already
  std::vector<std::pair<std::string, std::string>> query;

  /// The path and the encoded query.
  std::string target() const;
};

struct CtlAnswer {
  int status = 0;
  std::string type;  ///< the media type, in lower case and without parameters
  std::string body;

  bool isJson() const { return type == "application/json"; }
  bool isOk() const { return status >= 200 && status < 300; }
};

inline constexpr size_t kMaxAnswerHead = size_t{64} << 10;
inline constexpr size_t kMaxAnswerBody = size_t{256} << 20;

/// Encodes every byte except letters, digits and "-._~" as %XX.
std::string percentEncode(std::string_view text);

/// The bytes of the request.
std::string requestText(const CtlRequest& request, std::string_view host);

/// Collects the bytes of one answer. Thread: any (one owner).
class CtlAnswerReader {
 public:
  /// Takes the next bytes. Fails if they are not HTTP, or more than the limits allow.
  Result<void> feed(std::string_view bytes);
  /// True if the answer is complete without the end of the connection.
  bool complete() const { return headDone_ && length_ && answer_.body.size() >= *length_; }
  /// The connection has ended: the answer, or why it is not whole.
  Result<CtlAnswer> finish();

 private:
  Result<void> readHead(std::string_view head);
  Result<void> readField(std::string_view name, std::string_view value);
  Result<void> addBody(std::string_view bytes);

  bool headDone_ = false;
  std::string head_;
  std::optional<size_t> length_;
  CtlAnswer answer_;
};

}  // namespace culvert
