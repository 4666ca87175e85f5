// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "ctl/words_of.h"

namespace culvert {

namespace {

constexpr size_t kGap = 2;

std::string_view codeOf(Tint tint) {
  switch (tint) {
    case Tint::kBold:
      return "1";
    case Tint::kRed:
      return "31";
    case Tint::kYellow:
      return "33";
    case Tint::kGreen:
      return "32";
    case Tint::kFaint:
      return "2";
    case Tint::kReverse:
      return "7";
    case Tint::kNone:
      break;
  }
  return "";
}

size_t totalWidth(const std::vector<size_t>& widths) {
  size_t total = 0;
  for (size_t width : widths)
    if (width != 0) total += width + (total == 0 ? 0 : kGap);
  return total;
}

}  // namespace

std::string Style::paint(Tint tint, std::string_view text) const {
  if (!colour || tint == Tint::kNone || text.empty()) return std::string(text);
  return fmt::format("\x1b[{}m{}\x1b[0m", codeOf(tint), text);
}

std::vector<size_t> Table::naturalWidths() const {
  std::vector<size_t> widths(columns_.size(), 0);
  for (const std::vector<Cell>& row : rows_)
    for (size_t i = 0; i < row.size() && i < widths.size(); ++i)
      widths[i] = std::max(widths[i], displayWidth(row[i].text));
  for (size_t i = 0; i < widths.size(); ++i)
    if (widths[i] != 0 || rows_.empty())
      widths[i] = std::max(widths[i], displayWidth(columns_[i].title));
  return widths;
}

void Table::fit(std::vector<size_t>& widths, size_t width) const {
  // First the columns that may be cut become narrower, then columns are left out.
  const auto shrink = [&](std::vector<size_t>& all) {
    for (size_t total = totalWidth(all); total > width; --total) {
      size_t widest = all.size();
      for (size_t i = 0; i < all.size(); ++i)
        if (columns_[i].least != 0 && all[i] > columns_[i].least &&
            (widest == all.size() || all[i] > all[widest]))
          widest = i;
      if (widest == all.size()) return false;
      --all[widest];
    }
    return true;
  };
  for (;;) {
    std::vector<size_t> tried = widths;
    if (shrink(tried)) {
      widths = tried;
      return;
    }
    size_t least = widths.size();
    for (size_t i = 0; i < widths.size(); ++i)
      if (widths[i] != 0 && columns_[i].weight > 0 &&
          (least == widths.size() || columns_[i].weight > columns_[least].weight))
        least = i;
    if (least == widths.size()) {
      widths = tried;  // what is left is cut at the right
      return;
    }
    widths[least] = 0;
  }
}

std::string Table::line(const std::vector<Cell>& row, const std::vector<size_t>& widths,
                        const Style& style) const {
  std::string out;
  size_t pending = 0;
  for (size_t i = 0; i < columns_.size(); ++i) {
    if (widths[i] == 0) continue;
    const Cell cell = i < row.size() ? row[i] : Cell("");
    const std::string text = cutText(cell.text, widths[i]);
    const size_t room = widths[i] - displayWidth(text);
    if (columns_[i].right) pending += room;
    if (!text.empty()) {
      out.append(pending, ' ');
      pending = 0;
      out += style.paint(cell.tint, text);
    }
    pending += kGap + (columns_[i].right ? 0 : room);
  }
  return out;
}

std::vector<std::string> Table::lines(const Style& style) const {
  return lines(style, std::numeric_limits<size_t>::max());
}

std::vector<std::string> Table::lines(const Style& style, size_t width) const {
  std::vector<size_t> widths = naturalWidths();
  fit(widths, width);
  std::vector<Cell> titles;
  for (const Column& column : columns_) titles.emplace_back(std::string(column.title), Tint::kBold);
  std::vector<std::string> out{line(titles, widths, style)};
  for (const std::vector<Cell>& row : rows_) out.push_back(line(row, widths, style));
  return out;
}

std::string Table::text(const Style& style) const {
  std::string out;
  for (const std::string& one : lines(style)) out += one + "\n";
  return out;
}

std::string pairLines(const std::vector<std::pair<std::string, std::string>>& pairs) {
  size_t width = 0;
  for (const auto& [name, value] : pairs)
    if (!value.empty()) width = std::max(width, displayWidth(name));
  std::string out;
  for (const auto& [name, value] : pairs)
    if (!value.empty())
      out +=
          fmt::format("  {}{}{}\n", name, std::string(width - displayWidth(name) + 2, ' '), value);
  return out;
}

}  // namespace culvert
