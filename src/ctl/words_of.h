// SPDX-License-Identifier: GPL-3.0-or-later
// Writes values for people: durations, bytes, rates, times, and text of others made visible.
// Thread: any (pure).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "ctl/json_value.h"

namespace culvert {

/// "850ms", "12.3s", "3m07s", "3h12m", "5d04h".
std::string durationWords(double milliseconds);

/// "0 B", "1.2 MiB".
std::string bytesWords(double bytes);

/// "1.2 MiB/s"; "-" if it is not known.
std::string rateWords(std::optional<double> bytesPerSecond);

/// A number with its thousands separated: "12,345"; with one decimal below 10 if it is not whole.
std::string countWords(double count);

/// "350us", "1.2ms", "3.4s".
std::string microsWords(std::optional<double> microseconds);

/// "3 tunnels", "1 tunnel".
std::string plural(double count, std::string_view singular, std::string_view manyForm = {});

/// "2026-12-01 01:38:13 UTC" for an RFC 3339 time in UTC; any other text as it is.
std::string timeWords(std::string_view rfc3339);

/// The seconds since 1970 of an RFC 3339 time in UTC ("2026-12-01T01:38:13Z", fractions allowed).
std::optional<int64_t> parseTime(std::string_view rfc3339);

/// Makes `text` safe for a terminal: control characters, characters that change the direction of
/// text or have no width, backslashes and invalid UTF-8 become escapes such as \x1b or \u202e.
std::string visible(std::string_view text);
/// visible() of a member.
std::string shownText(const JsonValue& value, std::string_view name);

/// The number of columns that a terminal uses for visible text.
size_t displayWidth(std::string_view text);
/// At most `width` columns of `text`; a longer text ends in "..".
std::string cutText(std::string_view text, size_t width);

/// Parses "10s", "2m", "1h30m", "500ms" or a number of seconds.
Result<Millis> parseTimeSpan(std::string_view text);

}  // namespace culvert
