// SPDX-License-Identifier: GPL-3.0-or-later
#include "log/log_render.h"

#include <fmt/format.h>

#include <ctime>
#include <iterator>

#include "base/utf8.h"

namespace culvert {

namespace {

// True for code points above ASCII that some programs treat as a line end, that control a terminal,
// or that change the reading direction.
bool disturbing(char32_t c) {
  return (c >= 0x80 && c <= 0x9F) ||      // C1 controls
         c == 0x061C ||                   // Arabic letter mark
         (c >= 0x200B && c <= 0x200F) ||  // zero width, direction marks
         (c >= 0x2028 && c <= 0x202E) ||  // line and paragraph separators, embeddings and overrides
         (c >= 0x2060 && c <= 0x206F) ||  // invisible operators, isolates
         c == 0xFEFF || (c >= 0xFFF9 && c <= 0xFFFB) || (c >= 0xE0000 && c <= 0xE007F);
}

bool bareText(std::string_view value) {
  if (value.empty()) return false;
  for (const char c : value) {
    if (c <= ' ' || c >= 0x7F || c == '"' || c == '=' || c == '\\') return false;
  }
  return true;
}

// Appends `value` with escapes. If `quoted` is true, escapes quotes and backslashes too.
void appendEscapedText(std::string& out, std::string_view value, bool quoted) {
  while (!value.empty()) {
    const Utf8CodePoint c = readUtf8(value);
    if (c.bytes == 0) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned char>(value[0]));
      value.remove_prefix(1);
      continue;
    }
    if (c.value == '\n') {
      out += "\\n";
    } else if (c.value == '\r') {
      out += "\\r";
    } else if (c.value == '\t') {
      out += "\\t";
    } else if (c.value < 0x20 || c.value == 0x7F) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<unsigned>(c.value));
    } else if (quoted && (c.value == '"' || c.value == '\\')) {
      out += '\\';
      out += static_cast<char>(c.value);
    } else if (disturbing(c.value)) {
      fmt::format_to(std::back_inserter(out), "\\u{{{:x}}}", static_cast<uint32_t>(c.value));
    } else {
      out.append(value.substr(0, c.bytes));
    }
    value.remove_prefix(c.bytes);
  }
}

void appendJsonUnit(std::string& out, char32_t unit) {
  fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<uint32_t>(unit));
}

void appendJsonField(std::string& out, const LogLine& line, const LogLine::Field& field) {
  appendJsonString(out, field.key);
  out += ':';
  if (field.bare) {
    out.append(line.value(field));
  } else {
    appendJsonString(out, line.value(field));
  }
}

}  // namespace

void appendTextValue(std::string& out, std::string_view value) {
  if (bareText(value)) {
    out.append(value);
    return;
  }
  out += '"';
  appendEscapedText(out, value, true);
  out += '"';
}

void appendJsonString(std::string& out, std::string_view value) {
  out += '"';
  while (!value.empty()) {
    const Utf8CodePoint c = readUtf8(value);
    if (c.bytes == 0) {
      appendJsonUnit(out, 0xFFFD);
      value.remove_prefix(1);
      continue;
    }
    if (c.value == '"' || c.value == '\\') {
      out += '\\';
      out += static_cast<char>(c.value);
    } else if (c.value == '\n') {
      out += "\\n";
    } else if (c.value == '\r') {
      out += "\\r";
    } else if (c.value == '\t') {
      out += "\\t";
    } else if (c.value < 0x20 || c.value == 0x7F || (c.value >= 0x80 && disturbing(c.value))) {
      if (c.value >= 0x10000) {
        appendJsonUnit(out, 0xD800 + ((c.value - 0x10000) >> 10));
        appendJsonUnit(out, 0xDC00 + ((c.value - 0x10000) & 0x3FF));
      } else {
        appendJsonUnit(out, c.value);
      }
    } else {
      out.append(value.substr(0, c.bytes));
    }
    value.remove_prefix(c.bytes);
  }
  out += '"';
}

std::string renderText(const LogLine& line) {
  std::string out;
  out.reserve(line.message().size() + line.fields().size() * 24);
  appendEscapedText(out, line.message(), false);
  for (const LogLine::Field& field : line.fields()) {
    out += ' ';
    out.append(field.key);
    out += '=';
    appendTextValue(out, line.value(field));
  }
  return out;
}

std::string renderJson(const LogLine& line, WallTime time, pid_t pid) {
  std::string out;
  out.reserve(96 + line.message().size() + line.fields().size() * 28);
  fmt::format_to(std::back_inserter(out), R"({{"time":"{}","level":"{}","pid":{},"msg":)",
                 renderTime(time), logLevelName(line.level()), pid);
  appendJsonString(out, line.message());
  for (const LogLine::Field& field : line.fields()) {
    out += ',';
    appendJsonField(out, line, field);
  }
  out += '}';
  return out;
}

std::string renderJsonFields(const LogLine& line) {
  std::string out;
  out.reserve(line.fields().size() * 28);
  for (const LogLine::Field& field : line.fields()) {
    if (!out.empty()) out += ',';
    appendJsonField(out, line, field);
  }
  return out;
}

std::string renderTime(WallTime time) {
  using std::chrono::duration_cast;
  using std::chrono::floor;
  const auto sinceEpoch = time.time_since_epoch();
  const auto seconds = floor<std::chrono::seconds>(sinceEpoch);
  const auto millis = duration_cast<std::chrono::milliseconds>(sinceEpoch - seconds).count();
  const auto stamp = static_cast<std::time_t>(seconds.count());
  std::tm utc{};
  gmtime_r(&stamp, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", utc.tm_year + 1900,
                     utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, millis);
}

}  // namespace culvert
