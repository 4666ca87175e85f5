// SPDX-License-Identifier: GPL-3.0-or-later
// Draws the frame of `top`: what the daemon does, the tunnels, the keys.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "ctl/top_model.h"
#include "ctl/words_of.h"

namespace culvert {

namespace {

constexpr size_t kChartRows = 14;  ///< a smaller terminal shows no chart
constexpr size_t kChartColumns = 60;
constexpr size_t kChartSamples = 60;
constexpr size_t kNarrow = 70;
constexpr TopSize kPage = {160, 100};  ///< of a frame that goes into a pipe

std::string perSecond(std::optional<double> value, std::string_view what) {
  return value ? fmt::format("{}/s {}", countWords(*value < 10 ? *value : std::round(*value)), what)
               : fmt::format("-/s {}", what);
}

/// Puts the parts into lines of at most `columns`.
std::vector<std::string> flow(const std::vector<std::string>& parts, size_t columns) {
  std::vector<std::string> lines(1);
  for (const std::string& part : parts) {
    if (!lines.back().empty() && displayWidth(lines.back()) + 2 + displayWidth(part) > columns)
      lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : "  ") + part;
  }
  return lines;
}

std::string padded(std::string text, size_t columns) {
  const size_t width = displayWidth(text);
  return width < columns ? text.append(columns - width, ' ') : text;
}

/// The newest samples of the sum of two fields of /history.
std::vector<double> samplesOf(const JsonValue& history, std::string_view a, std::string_view b) {
  size_t first = SIZE_MAX, second = SIZE_MAX;
  const std::vector<JsonValue>& fields = history.items("fields");
  for (size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].text() == a) first = i;
    if (fields[i].text() == b) second = i;
  }
  const std::vector<JsonValue>& samples = history.items("samples");
  const double interval = std::max(history.number("interval_s").value_or(1), 0.001);
  std::vector<double> out;
  const size_t begin = samples.size() > kChartSamples ? samples.size() - kChartSamples : 0;
  for (size_t i = begin; i < samples.size(); ++i) {
    const std::vector<JsonValue>& one = samples[i].items();
    if (std::max(first, second) >= one.size()) return {};
    out.push_back((one[first].number().value_or(0) + one[second].number().value_or(0)) / interval);
  }
  return out;
}

}  // namespace

std::string sparkline(const std::vector<double>& values) {
  constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  const double most = values.empty() ? 0 : *std::ranges::max_element(values);
  std::string out;
  for (double value : values) {
    const double level = most > 0 && value > 0 ? value / most * 7.999 : 0;
    out += kBlocks[static_cast<size_t>(std::clamp(level, 0.0, 7.0))];
  }
  return out;
}

std::string TopModel::stateLine() const {
  if (!known_) return "culvert: waiting for the first answer";
  const JsonValue& status = data_.status;
  const std::string name = "culvert " + shownText(status, "version");
  if (!lost_.empty()) return fmt::format("{} not reachable, trying again: {}", name, lost_);
  const std::string up = "up " + durationWords(status.count("uptime_s") * 1000);
  if (!status["live"].flag("ok"))
    return fmt::format("{} DOES NOT WORK: {}  {}", name, shownText(status["live"], "why"), up);
  if (status.flag("draining")) return fmt::format("{} DRAINING  {}", name, up);
  if (!status["ready"].flag("ok"))
    return fmt::format("{} NOT READY: {}  {}", name, shownText(status["ready"], "why"), up);
  return fmt::format("{} ready  {}", name, up);
}

std::vector<std::string> TopModel::totalParts() const {
  const JsonValue& tunnels = data_.status["tunnels"];
  std::string open = plural(tunnels.count("open"), "tunnel");
  if (tunnels.count("limit") != 0)
    open = fmt::format("{} of {} tunnels", countWords(tunnels.count("open")),
                       countWords(tunnels.count("limit")));
  return {open, "in " + rateWords(totals_.bytesIn), "out " + rateWords(totals_.bytesOut),
          perSecond(totals_.accepted, "new"), perSecond(totals_.handshakes, "handshakes")};
}

std::string TopModel::problemLine() const {
  const std::vector<JsonValue>& all = data_.status.items("problems");
  if (all.empty()) return {};
  const std::string service = shownText(all.front(), "service");
  std::string out =
      fmt::format("{}: {}{}", shownText(all.front(), "severity"),
                  service.empty() ? "" : service + ": ", shownText(all.front(), "text"));
  if (all.size() > 1) out += fmt::format(" (and {} more)", all.size() - 1);
  return out;
}

std::string TopModel::chartLine(size_t columns) const {
  const std::vector<double> values = samplesOf(data_.history, "bytes_in", "bytes_out");
  if (!unicode_ || columns < kChartColumns || values.size() < 2) return {};
  const std::string title = fmt::format("both ways, last {}s, most {}  ", values.size(),
                                        rateWords(*std::ranges::max_element(values)));
  const size_t room = columns - std::min(columns, displayWidth(title));
  const size_t skipped = values.size() > room ? values.size() - room : 0;
  return title + sparkline({values.begin() + static_cast<long>(skipped), values.end()});
}

std::string TopModel::orderLine() const {
  std::string out = fmt::format("sorted by {}, ", topSortName(sort_));
  const auto shown = static_cast<double>(shown_.size()), all = static_cast<double>(all_.size());
  if (mode_ == Mode::kFilter || !filter_.empty())
    out += fmt::format("filter: {}{}, {} of {}", visible(filter_),
                       mode_ == Mode::kFilter ? "_" : "", countWords(shown), plural(all, "tunnel"));
  else
    out += plural(all, "tunnel");
  if (data_.tunnels.flag("more")) out += " (there are more: --limit)";
  return out;
}

std::string TopModel::footer() const {
  if (mode_ == Mode::kQuestion) {
    const auto row = std::ranges::find(all_, askedId_, &TopRow::id);
    return fmt::format("Close tunnel {}{}? y/n", askedId_,
                       row == all_.end() ? "" : " of " + row->client);
  }
  if (!note_.empty()) return note_;
  if (mode_ == Mode::kFilter) return "type to filter; Enter keeps it, Escape clears it";
  return "q quit  / filter  k close  sort: r rate b bytes a age w blocked";
}

Table TopModel::table(size_t first, size_t count, bool mark, size_t columns) const {
  // A narrow terminal has one rate for both ways.
  const bool narrow = columns < kNarrow;
  const bool byBlocked = sort_ == TopSort::kBlocked;
  Table table({{"", false, 0, 0},
               {"ID", true, 0, 0},
               {"SERVICE", false, 4, 6},
               {"CLIENT", false, 0, 12},
               {"SNI", false, 6, 10},
               {"BACKEND", false, 7, 11},
               {"STATE", false, 8, 0},
               {narrow ? "RATE" : "RATE IN", true, byBlocked ? 2 : 1, 0},
               {"RATE OUT", true, 3, 0},
               {"BYTES", true, 5, 0},
               {"AGE", true, 0, 0},
               {"BLOCKED", false, byBlocked ? 1 : 2, 0}});
  for (size_t i = first; i < shown_.size() && i - first < count; ++i) {
    const TopRow& row = shown_[i];
    std::optional<double> both;
    if (row.rateIn || row.rateOut) both = row.rate();
    table.add({mark && i == selected_ ? ">" : "", row.id, row.service, row.client, row.sni,
               row.backend, row.state, rateWords(narrow ? both : row.rateIn),
               narrow ? "" : rateWords(row.rateOut), bytesWords(row.bytesIn + row.bytesOut),
               durationWords(row.ageMs), row.blocked});
  }
  return table;
}

std::vector<std::string> TopModel::head(TopSize size, const Style& style) const {
  const bool bad = !lost_.empty() || !data_.status["ready"].flag("ok");
  std::vector<std::string> lines = {
      style.paint(bad ? Tint::kRed : Tint::kBold, cutText(stateLine(), size.columns))};
  if (size.rows < 6) return lines;
  for (const std::string& line : flow(totalParts(), size.columns))
    if (lines.size() < (size.rows < 10 ? 2U : 4U)) lines.push_back(cutText(line, size.columns));
  if (const std::string problem = problemLine(); !problem.empty())
    lines.push_back(style.paint(Tint::kYellow, cutText(problem, size.columns)));
  if (const std::string chart = chartLine(size.columns); size.rows >= kChartRows && !chart.empty())
    lines.push_back(chart);
  lines.push_back(cutText(orderLine(), size.columns));
  return lines;
}

std::vector<std::string> TopModel::frame(TopSize size, const Style& style) {
  size.rows = std::max<size_t>(size.rows, 1);
  std::vector<std::string> lines = head(size, style);
  // The header of the table, one tunnel at least, the last line.
  while (lines.size() > 1 && lines.size() + 3 > size.rows) lines.pop_back();
  const size_t used = lines.size() + 2;
  page_ = size.rows > used ? size.rows - used : 0;
  if (selected_ < offset_) offset_ = selected_;
  if (page_ > 0 && selected_ >= offset_ + page_) offset_ = selected_ - page_ + 1;
  if (shown_.size() < offset_ + page_) offset_ = shown_.size() > page_ ? shown_.size() - page_ : 0;
  const std::vector<std::string> rows =
      table(offset_, page_, true, size.columns).lines(Style(), size.columns);
  for (size_t i = 0; i < rows.size(); ++i) {
    const size_t at = offset_ + i - 1;
    const std::string text = cutText(rows[i], size.columns);
    if (i == 0)
      lines.push_back(style.paint(Tint::kBold, text));
    else if (at == selected_)
      lines.push_back(style.paint(Tint::kReverse, padded(text, size.columns)));
    else
      lines.push_back(style.paint(shown_[at].blocked.empty() ? Tint::kNone : Tint::kYellow, text));
  }
  lines.resize(std::max<size_t>(size.rows, 1) - 1);
  lines.push_back(style.paint(mode_ == Mode::kQuestion ? Tint::kBold : Tint::kFaint,
                              cutText(footer(), size.columns)));
  return lines;
}

std::vector<std::string> TopModel::wholeFrame(const Style& style) const {
  std::vector<std::string> lines = head(kPage, style);
  const Table all = table(0, shown_.size(), false, kPage.columns);
  if (all.size() == 0) return lines;
  for (std::string& line : all.lines(style)) lines.push_back(std::move(line));
  return lines;
}

}  // namespace culvert
