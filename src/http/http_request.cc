// SPDX-License-Identifier: GPL-3.0-or-later
// See http_request.h.
#include "http/http_request.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "base/ascii.h"
#include "base/hex.h"

namespace culvert {
namespace {

constexpr std::string_view kEndOfHead = "\r\n\r\n";
constexpr std::array<std::string_view, 3> kMethods = {"GET", "HEAD", "POST"};

/// A character of a token (RFC 9110 5.6.2).
bool isTokenChar(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}
bool isToken(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, isTokenChar);
}
/// A character of a field's value: visible, blank, tab, or above ASCII (RFC 9110 5.5).
bool isValueChar(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= ' ' && byte != 0x7F);
}

/// Decodes percent-encoding, and in a query `+`. Returns false for an unfinished or wrong escape and
/// for control characters.
bool decode(std::string_view text, bool query, std::string& out) {
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c == '%') {
      if (i + 2 >= text.size()) return false;
      const int high = hexDigit(text[i + 1]), low = hexDigit(text[i + 2]);
      if (high < 0 || low < 0) return false;
      c = static_cast<char>(high * 16 + low);
      i += 2;
    } else if (c == '+' && query) {
      c = ' ';
    }
    const auto byte = static_cast<unsigned char>(c);
    if (byte < ' ' || byte == 0x7F) return false;
    out += c;
  }
  return true;
}

/// True if a LF at `from` or behind it follows no CR.
bool hasBareLf(std::string_view text, size_t from) {
  for (size_t at = text.find('\n', from); at != std::string_view::npos;
       at = text.find('\n', at + 1))
    if (at == 0 || text[at - 1] != '\r') return true;
  return false;
}

/// True for a path that has one meaning only: no empty segment, no dots, no encoded slash.
bool isPlainPath(std::string_view encoded, std::string_view path) {
  if (std::ranges::count(encoded, '/') != std::ranges::count(path, '/')) return false;
  if (path.find('\\') != std::string_view::npos) return false;
  for (size_t begin = 1; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view segment = path.substr(begin, end - begin);
    if (segment.empty() || segment == "." || segment == "..") return false;
    begin = end + 1;
    if (begin == path.size() && end != path.size()) return false;  // a slash at the end
  }
  return true;
}

}  // namespace

const std::string* HttpRequest::param(std::string_view name) const {
  const auto found = std::ranges::find(query, name, [](const auto& one) { return one.first; });
  return found == query.end() ? nullptr : &found->second;
}

HttpRequestReader::State HttpRequestReader::fail(int status, std::string error) {
  status_ = status;
  error_ = std::move(error);
  return state_ = State::kFailed;
}

HttpRequestReader::State HttpRequestReader::feed(std::string_view bytes) {
  if (state_ != State::kMore) return state_;
  if (inBody_) {
    bytes_.append(bytes.substr(0, length_ - bytes_.size()));
    return takeBody();
  }
  bytes_.append(bytes.substr(0, kMostHeader + kEndOfHead.size() + kMostBody));
  const size_t from = scanned_ < kEndOfHead.size() ? 0 : scanned_ - kEndOfHead.size();
  const size_t end = bytes_.find(kEndOfHead, from);
  if (hasBareLf(std::string_view(bytes_).substr(0, std::min(end, kMostHeader)), scanned_))
    return fail(400, "a line of the header ends without CR; allowed: CR LF");
  scanned_ = bytes_.size();
  // The first bytes behind a header of the greatest length may be those of its end.
  if (end == std::string::npos ? bytes_.size() >= kMostHeader + kEndOfHead.size()
                               : end > kMostHeader)
    return fail(431, "the header of the request is too long; allowed: 8 KiB");
  if (end == std::string::npos) return state_;
  if (readHead(std::string_view(bytes_).substr(0, end)) == State::kFailed) return state_;
  bytes_.erase(0, end + kEndOfHead.size());
  if (bytes_.size() > length_) bytes_.resize(length_);
  inBody_ = true;
  return takeBody();
}

HttpRequestReader::State HttpRequestReader::takeBody() {
  if (bytes_.size() < length_) return state_;
  request_.body = std::move(bytes_);
  return state_ = State::kDone;
}

HttpRequestReader::State HttpRequestReader::readHead(std::string_view head) {
  const size_t lineEnd = std::min(head.find("\r\n"), head.size());
  if (!readRequestLine(head.substr(0, lineEnd))) return state_;
  for (head.remove_prefix(std::min(lineEnd + 2, head.size())); !head.empty();) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    if (!readField(head.substr(0, end))) return state_;
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  if (needsHost_ && !hasHost_) return fail(400, "HTTP/1.1 requires a Host header");
  return state_;
}

/// METHOD SP TARGET SP VERSION, with one space each.
bool HttpRequestReader::readRequestLine(std::string_view line) {
  const size_t first = line.find(' '), last = line.rfind(' ');
  if (first == std::string_view::npos || first == last || !isToken(line.substr(0, first))) {
    fail(400, "the first line is not METHOD PATH HTTP/1.1");
    return false;
  }
  const std::string_view version = line.substr(last + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") {
    const bool http = version.size() == 8 && version.starts_with("HTTP/");
    fail(http ? 505 : 400, "the version is not supported; allowed: HTTP/1.1, HTTP/1.0");
    return false;
  }
  needsHost_ = version == "HTTP/1.1";
  request_.method = line.substr(0, first);
  if (std::ranges::find(kMethods, request_.method) == kMethods.end()) {
    fail(501, "the method is not supported; allowed: GET, HEAD, POST");
    return false;
  }
  return readTarget(line.substr(first + 1, last - first - 1));
}

bool HttpRequestReader::readTarget(std::string_view target) {
  const size_t mark = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, mark);
  const bool odd = std::ranges::any_of(
      target, [](char c) { return c <= ' ' || c == 0x7F || static_cast<unsigned char>(c) > 0x7F; });
  if (odd || !path.starts_with('/') || target.find('#') != std::string_view::npos ||
      !decode(path, false, request_.path) || !isPlainPath(path, request_.path)) {
    fail(400, "the path is malformed; allowed: /NAME/NAME without empty, . and .. segments");
    return false;
  }
  for (std::string_view rest = target.substr(std::min(mark + 1, target.size())); !rest.empty();) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (pair.empty()) continue;
    const size_t equals = std::min(pair.find('='), pair.size());
    auto& [name, value] = request_.query.emplace_back();
    if (!decode(pair.substr(0, equals), true, name) ||
        !decode(pair.substr(std::min(equals + 1, pair.size())), true, value)) {
      fail(400, "the query is malformed; allowed: NAME=VALUE&NAME=VALUE with %XX escapes");
      return false;
    }
  }
  return true;
}

/// NAME ":" VALUE. A line that begins with a blank would continue the one before (obsolete folding).
bool HttpRequestReader::readField(std::string_view line) {
  const size_t colon = line.find(':');
  const std::string_view name = line.substr(0, colon);
  const std::string_view value =
      colon == std::string_view::npos ? std::string_view() : trim(line.substr(colon + 1));
  if (colon == std::string_view::npos || !isToken(name) ||
      !std::ranges::all_of(value, isValueChar)) {
    fail(400, "a header is malformed; allowed: NAME: VALUE");
    return false;
  }
  return acceptField(lower(name), value);
}

bool HttpRequestReader::acceptField(std::string_view name, std::string_view value) {
  if (name == "host") {
    if (hasHost_) return fail(400, "there are two Host headers"), false;
    hasHost_ = true;
    request_.host = value;
  } else if (name == "content-length") {
    if (hasLength_) return fail(400, "there are two Content-Length headers"), false;
    hasLength_ = true;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), length_);
    const bool number =
        !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    if (!number) return fail(400, "Content-Length is not a number"), false;
    if (error != std::errc() || end != value.data() + value.size() || length_ > kMostBody)
      return fail(413, "the body of the request is too long; allowed: 64 KiB"), false;
  } else if (name == "transfer-encoding") {
    return fail(501, "Transfer-Encoding is not supported; allowed: Content-Length"), false;
  } else if (name == "expect") {
    return fail(417, "Expect is not supported"), false;
  } else if (name == "origin") {
    if (hasOrigin_) return fail(400, "there are two Origin headers"), false;
    hasOrigin_ = true;
    request_.origin = value;
  } else if (name == "accept") {
    request_.accept = value;
  } else if (name == "culvert-admin") {
    request_.adminHeader = value == "1";
  }
  return true;
}

}  // namespace culvert
