// SPDX-License-Identifier: GPL-3.0-or-later
#include "base/page_words.h"

#include <algorithm>

namespace culvert {

std::string wrapWords(std::string_view text, size_t width, std::string_view indent) {
  std::string out, line(indent);
  bool fresh = true;
  const auto flush = [&] {
    out += line + "\n";
    line = indent;
    fresh = true;
  };
  const auto skipBlanks = [&] {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  };
  for (skipBlanks(); !text.empty(); skipBlanks()) {
    const size_t end = std::min(text.find(' '), text.size());
    if (!fresh && line.size() + 1 + end > width) flush();
    if (!fresh) line += ' ';
    line += text.substr(0, end);
    fresh = false;
    text.remove_prefix(end);
  }
  flush();
  return out;
}

std::string roffText(std::string_view text) {
  std::string out;
  for (char c : text) {
    if (out.empty() && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\')
      out += "\\e";
    else if (c == '-')
      out += "\\-";
    else if (c == '\n')
      out += "\n\\&";
    else
      out += c;
  }
  return out;
}

}  // namespace culvert
