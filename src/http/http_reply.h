// SPDX-License-Identifier: GPL-3.0-or-later
// HttpReply is the answer to a request. Thread: any (values).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace culvert {

struct HttpReply {
  int status = 200;
  std::string type = "application/json";
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< besides those of every answer
};

/// The status line and all headers, with the empty line at their end. Every answer ends its
/// connection, and no cache may keep it.
std::string headOf(const HttpReply& reply);

/// {"error": text}, or a line of text for a door that serves text.
HttpReply refusalReply(int status, std::string_view text);

}  // namespace culvert
