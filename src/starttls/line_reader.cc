// SPDX-License-Identifier: GPL-3.0-or-later
// See line_reader.h.
#include "starttls/line_reader.h"

#include <algorithm>
#include <charconv>

#include "starttls/dialog.h"
#include "starttls/line_words.h"

namespace culvert {
namespace {

/// Returns true if the line is not an untagged reply, or if it is a status response. Both may end
/// with text for people, in which "{n}" is not a literal.
bool isImapStatus(std::string_view line) {
  constexpr size_t kEnough = 16;  // the two words; the whole line would be read for each literal
  const WordAndRest first = splitWord(line.substr(0, kEnough));
  const std::string_view kind = splitWord(first.rest).word;
  return first.word != "*" || isWord(kind, {"OK", "NO", "BAD", "BYE", "PREAUTH"});
}

}  // namespace

LineReader::Mark LineReader::literalAt(std::string_view bytes, std::string_view part,
                                       size_t& length) const {
  if (literals_ == Literals::kNone || !part.ends_with('}')) return Mark::kNone;
  const size_t open = part.rfind('{');
  if (open == std::string_view::npos) return Mark::kNone;
  std::string_view digits = part.substr(open + 1, part.size() - open - 2);
  const bool plus = digits.ends_with('+');
  if (plus) digits.remove_suffix(1);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), isDigit)) return Mark::kNone;
  if (literals_ == Literals::kImapServer && isImapStatus(bytes)) return Mark::kNone;
  if (literals_ == Literals::kSieveClient && !plus) return Mark::kBad;
  const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (read.ec != std::errc()) length = Dialog::kLongestLine;
  return Mark::kLiteral;
}

LineReader::Line LineReader::next(std::string_view bytes) {
  while (scanned_ <= bytes.size()) {
    const size_t lf = bytes.find('\n', scanned_);
    if (lf == std::string_view::npos) {
      scanned_ = bytes.size();
      return {bytes.size() > Dialog::kLongestLine ? State::kTooLong : State::kMore};
    }
    const size_t end = lf + 1;
    if (end > Dialog::kLongestLine) return {State::kTooLong};
    if (lf == part_ || bytes[lf - 1] != '\r') return {State::kBad};
    const std::string_view part = bytes.substr(part_, lf - 1 - part_);
    constexpr std::string_view kForbidden("\r\0", 2);
    if (part.find_first_of(kForbidden) != std::string_view::npos) return {State::kBad};

    size_t length = 0;
    const Mark mark = literalAt(bytes.substr(0, lf - 1), part, length);
    if (mark == Mark::kBad) return {State::kBad};
    if (mark == Mark::kNone) {
      part_ = scanned_ = 0;
      return {State::kWhole, bytes.substr(0, lf - 1), end};
    }
    if (length > Dialog::kLongestLine - end) return {State::kTooLong};
    part_ = scanned_ = end + length;
  }
  return {};
}

}  // namespace culvert
