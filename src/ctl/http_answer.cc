// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/http_answer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/ascii.h"
#include "base/words.h"

namespace culvert {

namespace {

std::string_view trimBlanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

std::optional<size_t> parseLength(std::string_view text) {
  if (text.empty() || text.size() > 15 || !std::ranges::all_of(text, isDigit)) return std::nullopt;
  return static_cast<size_t>(std::stoull(std::string(text)));
}

Result<int> parseStatusLine(std::string_view line) {
  const bool isHttp = line.starts_with("HTTP/1.") && line.size() >= 12 && line[8] == ' ';
  const std::string_view code = isHttp ? line.substr(9, 3) : std::string_view();
  if (code.size() != 3 || !std::ranges::all_of(code, isDigit) || code[0] < '1' ||
      (line.size() > 12 && line[12] != ' '))
    return fail(fmt::format("it is not HTTP but begins with \"{}\"", printable(line, 40)));
  return std::stoi(std::string(code));
}

}  // namespace

std::string percentEncode(std::string_view text) {
  constexpr std::string_view kPlain = "-._~";
  std::string out;
  for (char c : text) {
    if (isAlnum(c) || kPlain.find(c) != std::string_view::npos)
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

std::string CtlRequest::target() const {
  std::string out = path;
  char before = '?';
  for (const auto& [name, value] : query) {
    out += fmt::format("{}{}={}", before, percentEncode(name), percentEncode(value));
    before = '&';
  }
  return out;
}

std::string requestText(const CtlRequest& request, std::string_view host) {
  std::string out = fmt::format(
      "{} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: culvertctl\r\nAccept: application/json, "
      "text/plain\r\nConnection: close\r\n",
      request.method, request.target(), host);
  if (request.method == "POST") out += "Culvert-Admin: 1\r\nContent-Length: 0\r\n";
  return out + "\r\n";
}

Result<void> CtlAnswerReader::feed(std::string_view bytes) {
  if (headDone_) return addBody(bytes);
  head_ += bytes;
  const size_t end = head_.find("\r\n\r\n");
  if (end == std::string::npos) {
    if (head_.size() > kMaxAnswerHead) return fail("its header is larger than 64 KiB");
    // Something else than HTTP may never send an empty line.
    if (head_.size() >= 5 && !head_.starts_with("HTTP/")) return readHead(head_);
    return {};
  }
  const std::string all = std::move(head_);
  head_.clear();
  if (Result<void> read = readHead(std::string_view(all).substr(0, end)); !read) return read;
  headDone_ = true;
  return addBody(std::string_view(all).substr(end + 4));
}

Result<void> CtlAnswerReader::readHead(std::string_view head) {
  const size_t first = std::min(head.find("\r\n"), head.size());
  const Result<int> status = parseStatusLine(head.substr(0, first));
  if (!status) return tl::unexpected(status.error());
  answer_.status = *status;
  head.remove_prefix(std::min(first + 2, head.size()));
  while (!head.empty()) {
    const size_t end = std::min(head.find("\r\n"), head.size());
    const std::string_view line = head.substr(0, end);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || colon == 0)
      return fail(fmt::format("its header has the line \"{}\"", printable(line, 60)));
    if (Result<void> read = readField(line.substr(0, colon), trimBlanks(line.substr(colon + 1)));
        !read)
      return read;
    head.remove_prefix(std::min(end + 2, head.size()));
  }
  return {};
}

Result<void> CtlAnswerReader::readField(std::string_view name, std::string_view value) {
  if (equalNoCase(name, "Transfer-Encoding"))
    return fail(fmt::format("it uses the transfer encoding \"{}\"", printable(value, 40)));
  if (equalNoCase(name, "Content-Type")) answer_.type = lower(value.substr(0, value.find(';')));
  if (!equalNoCase(name, "Content-Length")) return {};
  const std::optional<size_t> length = parseLength(value);
  if (!length || (length_ && *length_ != *length))
    return fail(fmt::format("its Content-Length is \"{}\"", printable(value, 40)));
  if (*length > kMaxAnswerBody) return fail("it is larger than 256 MiB");
  length_ = length;
  return {};
}

Result<void> CtlAnswerReader::addBody(std::string_view bytes) {
  if (length_ && answer_.body.size() + bytes.size() > *length_)
    bytes = bytes.substr(0, *length_ - std::min(*length_, answer_.body.size()));
  if (answer_.body.size() + bytes.size() > kMaxAnswerBody) return fail("it is larger than 256 MiB");
  answer_.body += bytes;
  return {};
}

Result<CtlAnswer> CtlAnswerReader::finish() {
  if (!headDone_)
    return fail(head_.empty() ? "it is empty" : "it ends in the middle of its header");
  if (length_ && answer_.body.size() < *length_)
    return fail(fmt::format("it ends after {} of {} bytes", answer_.body.size(), *length_));
  return std::move(answer_);
}

}  // namespace culvert
