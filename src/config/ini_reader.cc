// SPDX-License-Identifier: GPL-3.0-or-later
// The line reader in front of inih. culvert checks every physical line and then passes a short line
// to inih: an empty line, `[#S]` or `key = #N`, where S and N are indices into culvert's lists. So
// inih decides which entry belongs to which section, but its limits do not cut values and names.
#include "config/ini_reader.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <ini.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>

#include "base/ascii.h"
#include "base/clock.h"
#include "base/unique_fd.h"
#include "base/words.h"
#include "config/foreign_words.h"
#include "config/values.h"

namespace culvert {

namespace {

constexpr Millis kPipeWait{5000};
/// inih limits a key to 49 bytes. The keys of culvert are far shorter.
constexpr size_t kLongestKey = 48;

/// The sections that a file may have.
std::string_view allowedSections(bool included) {
  return included ? "[defaults], [service NAME]" : "[global], [defaults], [service NAME]";
}

bool isBlank(char c) { return c == ' ' || c == '\t'; }
bool isControl(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && c != '\t') || byte == 0x7f;
}

/// Returns the position of the ';' that starts the comment. It must be the first character or
/// follow a blank.
size_t commentStart(std::string_view value) {
  for (size_t i = 0; i < value.size(); ++i)
    if (value[i] == ';' && (i == 0 || isBlank(value[i - 1]))) return i;
  return std::string_view::npos;
}

class LineFeeder {
 public:
  LineFeeder(std::string_view text, const std::string& file, Diagnostics& diagnostics,
             uint16_t document)
      : rest_(text), file_(file), diagnostics_(diagnostics), document_(document) {
    if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
    if (rest_.starts_with("\xFF\xFE") || rest_.starts_with("\xFE\xFF")) {
      line_ = 1;
      error({}, {}, "the file is UTF-16; it must be plain text (UTF-8)");
      rest_ = {};
    }
    if (const size_t zero = rest_.find('\0'); zero != std::string_view::npos) {
      line_ = 1 + static_cast<uint32_t>(std::count(rest_.begin(), rest_.begin() + zero, '\n'));
      error({}, {}, "the file is binary: a zero byte; it must be plain text (UTF-8)");
      rest_ = {};
    }
  }

  /// The reader function for ini_parse_stream, with the semantics of fgets.
  static char* readLine(char* into, int size, void* feeder) {
    return static_cast<LineFeeder*>(feeder)->next(into, static_cast<size_t>(size));
  }

  /// The handler that ini_parse_stream calls for each `key = #N`.
  static int onEntry(void* feeder, const char* section, const char* key, const char* value) {
    return static_cast<LineFeeder*>(feeder)->take(section, key, value) ? 1 : 0;
  }

  RawDocument document;

 private:
  char* next(char* into, size_t size) {
    if (rest_.empty() || diagnostics_.full()) return nullptr;
    ++line_;
    const size_t end = rest_.find('\n');
    std::string_view line = rest_.substr(0, end);
    rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    if (line.ends_with('\r')) line.remove_suffix(1);
    const std::string fed = judge(line) + "\n";
    if (fed.size() >= size) {  // true if inih was built with an unusually short line limit
      error({}, {}, "internal: the INI library does not accept a line of this length");
      std::snprintf(into, size, "\n");
      return into;
    }
    std::memcpy(into, fed.c_str(), fed.size() + 1);
    return into;
  }

  /// Checks one line of the file and returns the short line that inih gets instead.
  std::string judge(std::string_view line) {
    if (line.size() > kLongestLine) {
      error(
          {}, {},
          fmt::format("the line has {} bytes, at most {} are allowed", line.size(), kLongestLine));
      return {};
    }
    const std::string_view text = trim(line);
    if (text.empty() || text.front() == ';' || text.front() == '#') return {};
    for (char c : line) {
      if (!isControl(c)) continue;
      error({}, {},
            fmt::format("control character 0x{:02x} in the line", static_cast<unsigned char>(c)));
      return {};
    }
    if (isBlank(line.front())) {
      error({}, {},
            "the line is indented; sections and keys start in the first column, and a value "
            "cannot continue in a second line");
      return {};
    }
    return text.front() == '[' ? judgeHeader(text) : judgeEntry(text);
  }

  std::string judgeHeader(std::string_view text) {
    const size_t end = text.find(']');
    const std::string_view after =
        end == std::string_view::npos ? std::string_view() : trim(text.substr(end + 1));
    RawSection section;
    if (end == std::string_view::npos) {
      error({}, {}, "']' is missing at the end of the section's name");
    } else if (!after.empty() && after.front() != ';' && after.front() != '#') {
      error({}, {},
            fmt::format("\"{}\" is not allowed after the section's ']'", printable(after, 60)));
    } else if (Result<RawSection> header = parseSectionHeader(text.substr(1, end - 1), included());
               header) {
      section = std::move(*header);
    } else {
      error(std::string(trim(text.substr(1, end - 1))), {}, header.error().text);
    }
    section.origin = place();  // keys of a kUnknown section get no further errors
    document.sections.push_back(std::move(section));
    return fmt::format("[#{}]", document.sections.size() - 1);
  }

  std::string judgeEntry(std::string_view text) {
    const size_t equals = text.find('=');
    const std::string_view key = trim(text.substr(0, equals));
    const bool inUnknown =
        !document.sections.empty() && document.sections.back().kind == SectionKind::kUnknown;
    const std::string label =
        document.sections.empty() ? std::string() : document.sections.back().label();
    size_t word = 0;
    while (word < key.size() &&
           (isAlnum(key[word]) || key[word] == '-' || key[word] == '_' || key[word] == '.'))
      ++word;
    if (included() && key == "include" && equals != std::string_view::npos) {
      error(label, std::string(key), "an included file cannot include others");
      return {};
    }
    if (inUnknown) return {};
    if (equals == std::string_view::npos || word == 0 || word != key.size()) {
      const bool colon =
          word != 0 && word < text.size() && trim(text.substr(word)).starts_with(':');
      error(label, {},
            fmt::format("\"{}\" is not `key = value`{}{}", printable(text, 60),
                        colon ? "; use '=' after a key, not ':'" : "",
                        foreignWordHint(text.substr(0, word))));
      return {};
    }
    if (document.sections.empty()) {
      error({}, std::string(key),
            fmt::format("is before the first section; allowed sections: {}{}",
                        allowedSections(included()), foreignWordHint(key)));
      return {};
    }
    if (key.size() > kLongestKey) {
      error(label, printable(key, 60), "unknown key");
      return {};
    }
    std::string_view value = text.substr(equals + 1);
    value = trim(value.substr(0, commentStart(value)));
    if (value.find(" #") != std::string_view::npos || value.find("\t#") != std::string_view::npos)
      diagnostics_.warning(place(), label, std::string(key),
                           "the # and the text after it are part of the value: a comment after a "
                           "value starts with ;");
    values_.push_back({std::string(value), line_});
    return fmt::format("{} = #{}", key, values_.size() - 1);
  }

  bool take(const char* section, const char* key, const char* value) {
    const size_t s = number(section), v = number(value);
    if (s >= document.sections.size() || v >= values_.size()) return false;
    document.sections[s].entries.push_back(
        {key, std::move(values_[v].text), Origin::file(file_, values_[v].line, document_)});
    return true;
  }

  static size_t number(const char* text) {
    return *text == '#' ? std::strtoul(text + 1, nullptr, 10) : static_cast<size_t>(-1);
  }

  void error(std::string section, std::string key, std::string what) {
    diagnostics_.error(place(), std::move(section), std::move(key), std::move(what));
  }

  Origin place() const { return Origin::file(file_, line_, document_); }
  bool included() const { return document_ != 0; }

  struct Value {
    std::string text;
    uint32_t line;
  };
  std::string_view rest_;
  const std::string& file_;
  Diagnostics& diagnostics_;
  const uint16_t document_;
  uint32_t line_ = 0;
  std::vector<Value> values_;
};

}  // namespace

std::string RawSection::label() const {
  switch (kind) {
    case SectionKind::kGlobal:
      return "global";
    case SectionKind::kDefaults:
      return "defaults";
    case SectionKind::kService:
      return "service " + name;
    case SectionKind::kUnknown:
      break;
  }
  return {};
}

RawDocument parseIni(std::string_view text, const std::string& file, Diagnostics& diagnostics,
                     uint16_t document) {
  LineFeeder feeder(text, file, diagnostics, document);
  const int failed =
      ini_parse_stream(&LineFeeder::readLine, &feeder, &LineFeeder::onEntry, &feeder);
  if (failed != 0) {
    diagnostics.error(Origin::file(file, static_cast<uint32_t>(std::max(failed, 0)), document), {},
                      {}, "internal: the INI library rejects the line");
  }
  return std::move(feeder.document);
}

Result<std::string> readConfigFile(const std::string& path) {
  // The file may be a pipe (`-c <(..)`). O_NONBLOCK and a deadline for the whole file prevent a
  // slow pipe from blocking the control thread during a reload.
  const TimePoint deadline = Clock::now() + kPipeWait;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) return failErrno("cannot open the file", errno);
  std::string text;
  char piece[65536];
  while (true) {
    const ssize_t got = ::read(fd.get(), piece, sizeof piece);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) {
      const auto left = std::chrono::ceil<Millis>(deadline - Clock::now()).count();
      if (left <= 0) return fail("the end of the file was not reached within 5 s");
      pollfd waiting{fd.get(), POLLIN, 0};
      ::poll(&waiting, 1, static_cast<int>(left));
      continue;
    }
    if (got < 0) return failErrno("cannot read the file", errno);
    if (got == 0) return text;
    text.append(piece, static_cast<size_t>(got));
    if (text.size() > kLargestFile)
      return fail(fmt::format("the file has more than {} MiB", kLargestFile >> 20));
  }
}

Result<RawSection> parseSectionHeader(std::string_view inside, bool included) {
  const std::string allowed = fmt::format("allowed: {}", allowedSections(included));
  inside = trim(inside);
  size_t wordEnd = 0;
  while (wordEnd < inside.size() && !isBlank(inside[wordEnd])) ++wordEnd;
  const std::string_view word = inside.substr(0, wordEnd);
  const std::string_view name = trim(inside.substr(wordEnd));
  RawSection section;
  if (word == "global" && included) return fail("is not allowed in an included file; " + allowed);
  if (word == "global" || word == "defaults") {
    if (!name.empty()) return fail(fmt::format("[{}] must not have a name; {}", word, allowed));
    section.kind = word == "global" ? SectionKind::kGlobal : SectionKind::kDefaults;
    return section;
  }
  if (word == "service") {
    if (name.empty()) return fail("the service has no name; allowed: [service NAME]");
    if (!isServiceName(name)) {
      return fail(
          fmt::format("a service's name has 1 to {} letters, digits, '.', '_' or '-' and starts "
                      "with a letter or digit",
                      kLongestName));
    }
    section.kind = SectionKind::kService;
    section.name = std::string(name);
    return section;
  }
  constexpr std::string_view kWords[] = {"defaults", "service", "global"};
  const std::string_view near = nearestName(word, std::span(kWords).first(included ? 2 : 3));
  std::string meant = near.empty() ? std::string() : fmt::format("[{}]", near);
  if (near == "service") meant = fmt::format("[service {}]", isServiceName(name) ? name : "NAME");
  if (near.empty() && name.empty() && isServiceName(word))
    meant = fmt::format("[service {}]", word);
  return fail(fmt::format("unknown section; {}{}", allowed, didYouMean(meant)));
}

bool isServiceName(std::string_view name) {
  if (name.empty() || name.size() > kLongestName || !isAlnum(name.front())) return false;
  for (char c : name)
    if (!isAlnum(c) && c != '.' && c != '_' && c != '-') return false;
  return true;
}

std::string valueFault(std::string_view value) {
  for (char c : value)
    if (isControl(c))
      return fmt::format("control character 0x{:02x} in the value", static_cast<unsigned char>(c));
  if (commentStart(value) != std::string_view::npos)
    return "a ';' after a blank starts a comment and cannot be part of a value";
  if (value.size() > kLongestLine) return fmt::format("longer than {} bytes", kLongestLine);
  return {};
}

}  // namespace culvert
