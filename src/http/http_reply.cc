// SPDX-License-Identifier: GPL-3.0-or-later
// See http_reply.h.
#include "http/http_reply.h"

#include <fmt/format.h>

#include <iterator>

namespace culvert {
namespace {

std::string_view reasonOf(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 417:
      return "Expectation Failed";
    case 421:
      return "Misdirected Request";
    case 422:
      return "Unprocessable Content";
    case 431:
      return "Request Header Fields Too Large";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Internal Server Error";
  }
}

}  // namespace

std::string headOf(const HttpReply& reply) {
  std::string head = fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nCache-Control: no-store\r\n"
      "X-Content-Type-Options: nosniff\r\nConnection: close\r\n",
      reply.status, reasonOf(reply.status), reply.type, reply.body.size());
  for (const auto& [name, value] : reply.headers)
    fmt::format_to(std::back_inserter(head), "{}: {}\r\n", name, value);
  return head + "\r\n";
}

HttpReply refusalReply(int status, std::string_view text) {
  HttpReply reply;
  reply.status = status;
  reply.body = fmt::format("{{\"error\":\"{}\"}}\n", text);  // the texts need no escapes
  return reply;
}

}  // namespace culvert
