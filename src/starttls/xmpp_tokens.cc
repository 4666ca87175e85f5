// SPDX-License-Identifier: GPL-3.0-or-later
#include "starttls/xmpp_tokens.h"

#include <algorithm>

#include "base/ascii.h"
#include "starttls/dialog.h"

namespace culvert {
namespace {

constexpr bool isXmlSpace(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/// Control characters other than white space are not allowed in XML.
constexpr bool isXmlByte(char c) { return static_cast<unsigned char>(c) >= 0x20 || isXmlSpace(c); }

constexpr bool isXmlNameByte(char c) {
  return isAlnum(c) || c == '_' || c == '-' || c == '.' || c == ':' ||
         static_cast<unsigned char>(c) >= 0x80;
}

void skipXmlSpace(std::string_view& rest) {
  while (!rest.empty() && isXmlSpace(rest[0])) rest.remove_prefix(1);
}

std::string_view takeXmlName(std::string_view& rest) {
  size_t size = 0;
  while (size < rest.size() && isXmlNameByte(rest[size])) ++size;
  const std::string_view name = rest.substr(0, size);
  rest.remove_prefix(size);
  return name;
}

struct XmlAttribute {
  std::string_view name;
  std::string_view value;
};

/// Takes an attribute and the white space before it. Takes nothing if it is malformed.
std::optional<XmlAttribute> takeXmlAttribute(std::string_view& bytes) {
  std::string_view rest = bytes;
  skipXmlSpace(rest);
  if (rest.size() == bytes.size()) return std::nullopt;
  const std::string_view name = takeXmlName(rest);
  skipXmlSpace(rest);
  if (name.empty() || !rest.starts_with('=')) return std::nullopt;
  rest.remove_prefix(1);
  skipXmlSpace(rest);
  if (rest.empty() || (rest[0] != '"' && rest[0] != '\'')) return std::nullopt;
  const size_t end = rest.find(rest[0], 1);
  if (end == rest.npos) return std::nullopt;
  const XmlAttribute attribute{name, rest.substr(1, end - 1)};
  bytes = rest.substr(end + 1);
  return attribute;
}

/// Returns what a tag has between its delimiters.
std::string_view insideOfTag(const XmppToken& token) {
  std::string_view inside = token.raw;
  switch (token.kind) {
    case XmppToken::Kind::kText:
      return {};
    case XmppToken::Kind::kOpen:
      return inside.substr(1, inside.size() - 2);
    case XmppToken::Kind::kEmpty:
      return inside.substr(1, inside.size() - 3);
    case XmppToken::Kind::kClose:
      return inside.substr(2, inside.size() - 3);
    case XmppToken::Kind::kDeclaration:
      break;
  }
  return inside.substr(2, inside.size() - 4);
}

bool isWellFormedTag(const XmppToken& token) {
  std::string_view rest = insideOfTag(token);
  const std::string_view name = takeXmlName(rest);
  if (name.empty() || isDigit(name[0]) || name[0] == '-' || name[0] == '.') return false;
  if (token.kind == XmppToken::Kind::kDeclaration && name != "xml") return false;
  if (token.kind != XmppToken::Kind::kClose)
    while (takeXmlAttribute(rest)) continue;
  skipXmlSpace(rest);
  return rest.empty();
}

}  // namespace

std::string_view XmppToken::name() const {
  std::string_view rest = insideOfTag(*this);
  return takeXmlName(rest);
}

std::string_view XmppToken::localName() const {
  const std::string_view whole = name();
  return whole.substr(whole.rfind(':') + 1);
}

std::optional<std::string_view> XmppToken::attribute(std::string_view wanted) const {
  std::string_view rest = insideOfTag(*this);
  takeXmlName(rest);
  while (const auto attribute = takeXmlAttribute(rest))
    if (attribute->name == wanted) return attribute->value;
  return std::nullopt;
}

bool XmppToken::isBlank() const { return kind == Kind::kText && isXmlSpace(raw[0]); }

XmppScanner::State XmppScanner::next(std::string_view bytes, size_t& used) {
  if (!inTag_) {
    if (bytes.empty()) return State::kMore;
    token_.raw.clear();
    if (bytes[0] != '<') return readText(bytes, used);
    inTag_ = true;
  }
  for (const char c : bytes) {
    const State state = addByte(c);
    ++used;
    if (state != State::kMore) return state;
  }
  return State::kMore;
}

XmppScanner::State XmppScanner::readText(std::string_view bytes, size_t& used) {
  if (total_ == Dialog::kLongestLine) return State::kTooLong;
  if (!isXmlByte(bytes[0])) return State::kBad;
  bytes = bytes.substr(0, Dialog::kLongestLine - total_);
  const bool blank = isXmlSpace(bytes[0]);
  const auto* const end = std::ranges::find_if(
      bytes, [blank](char c) { return c == '<' || !isXmlByte(c) || isXmlSpace(c) != blank; });
  token_.kind = XmppToken::Kind::kText;
  token_.raw.assign(bytes.begin(), end);
  total_ += token_.raw.size();
  used += token_.raw.size();
  return State::kToken;
}

XmppScanner::State XmppScanner::addByte(char c) {
  if (total_ == Dialog::kLongestLine) return State::kTooLong;
  ++total_;
  token_.raw.push_back(c);
  if (!isXmlByte(c)) return State::kBad;
  if (token_.raw.size() == 1) return State::kMore;
  // "<!" begins a comment, a DTD or a CDATA section.
  if (c == '<' || (token_.raw.size() == 2 && c == '!')) return State::kBad;
  if (quote_ != 0) {
    if (c == quote_) quote_ = 0;
  } else if (c == '"' || c == '\'') {
    quote_ = c;
  } else if (c == '>') {
    return finishTag();
  }
  return State::kMore;
}

XmppScanner::State XmppScanner::finishTag() {
  inTag_ = false;
  const std::string_view raw = token_.raw;
  if (raw.size() < 3) return State::kBad;
  if (raw[1] == '/') {
    token_.kind = XmppToken::Kind::kClose;
  } else if (raw[1] == '?') {
    if (raw.size() < 5 || raw[raw.size() - 2] != '?') return State::kBad;
    token_.kind = XmppToken::Kind::kDeclaration;
  } else if (raw[raw.size() - 2] == '/') {
    token_.kind = XmppToken::Kind::kEmpty;
  } else {
    token_.kind = XmppToken::Kind::kOpen;
  }
  return isWellFormedTag(token_) ? State::kToken : State::kBad;
}

}  // namespace culvert
