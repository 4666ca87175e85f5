// SPDX-License-Identifier: GPL-3.0-or-later
// LineReader finds the lines in what a host sends, whatever the pieces are in which the bytes come.
// A line ends with CR LF. A LF without CR, a CR without LF and a NUL are errors, because hosts
// disagree on where such a line ends. The reader copies nothing: it looks at the bytes that the
// owner keeps, and remembers how far it has looked. Thread: loop.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace culvert {

class LineReader {
 public:
  /// Where a line may announce a literal: "{n}" or "{n+}" at its end, then n bytes of any value,
  /// which belong to the line as the text behind them does.
  enum class Literals : uint8_t {
    kNone,
    kImapServer,   ///< RFC 9051: in untagged replies other than OK, NO, BAD, BYE and PREAUTH
    kSieveClient,  ///< RFC 5804: only "{n+}"; "{n}" is an error
    kSieveServer,  ///< RFC 5804: "{n}"; also "{n+}"
  };
  enum class State : uint8_t { kMore, kWhole, kBad, kTooLong };
  struct Line {
    State state = State::kMore;
    std::string_view text{};  ///< if whole: the line without its CR LF
    size_t size = 0;          ///< if whole: the length with CR LF
  };

  explicit LineReader(Literals literals = Literals::kNone) : literals_(literals) {}

  /// Returns the first line in `bytes`. If it is not whole, the next call must get the same bytes
  /// and more behind them.
  Line next(std::string_view bytes);

 private:
  enum class Mark : uint8_t { kNone, kLiteral, kBad };
  Mark literalAt(std::string_view bytes, std::string_view part, size_t& length) const;

  Literals literals_;
  size_t part_ = 0;     // where the last part of the line begins: behind the last literal
  size_t scanned_ = 0;  // up to here there is no LF behind part_
};

}  // namespace culvert
