// SPDX-License-Identifier: GPL-3.0-or-later
// Table lays out rows in aligned columns, and in a given width if it has to. Style adds colours, or
// none. Thread: any (pure).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace culvert {

enum class Tint : uint8_t { kNone, kBold, kRed, kYellow, kGreen, kFaint, kReverse };

/// The colours of the output; `colour` is false unless a terminal shows it.
struct Style {
  bool colour = false;
  std::string paint(Tint tint, std::string_view text) const;
};

struct Cell {
  Cell(std::string words, Tint colour = Tint::kNone) : text(std::move(words)), tint(colour) {}
  Cell(const char* words) : text(words) {}
  std::string text;
  Tint tint = Tint::kNone;
};

struct Column {
  std::string_view title;
  bool right = false;  ///< numbers are aligned at the right
  int weight = 0;      ///< a table that is too wide loses the columns of the largest weight first
  size_t least = 0;    ///< if not 0, a column may be cut to this width
};

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  void add(std::vector<Cell> row) { rows_.push_back(std::move(row)); }
  size_t size() const { return rows_.size(); }

  /// The header and the rows, one line each. Columns without any text are left out.
  std::vector<std::string> lines(const Style& style) const;
  /// The same in at most `width` columns.
  std::vector<std::string> lines(const Style& style, size_t width) const;
  /// lines() with newlines.
  std::string text(const Style& style) const;

 private:
  std::vector<size_t> naturalWidths() const;
  void fit(std::vector<size_t>& widths, size_t width) const;
  std::string line(const std::vector<Cell>& row, const std::vector<size_t>& widths,
                   const Style& style) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

/// "  name    value" lines: the names of one block are aligned.
std::string pairLines(const std::vector<std::pair<std::string, std::string>>& pairs);

}  // namespace culvert
