// SPDX-License-Identifier: GPL-3.0-or-later
// TopModel is the state of `culvertctl top`: the last answers, the order, the filter, the selected
// tunnel. It turns keys into steps, and itself into the lines of a frame. Thread: main (pure).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "ctl/json_value.h"
#include "ctl/key_reader.h"
#include "ctl/table.h"

namespace culvert {

enum class TopSort : uint8_t { kRate, kBytes, kAge, kBlocked };

/// The answers of one round.
struct TopData {
  JsonValue status, tunnels, history;
  TimePoint time;
};

/// One tunnel; its texts are made visible already.
struct TopRow {
  std::string id, service, client, sni, backend, state, tls, blocked;
  std::string words;  ///< what the filter searches, in lower case
  double bytesIn = 0, bytesOut = 0, ageMs = 0, blockedMs = 0;
  std::optional<double> rateIn, rateOut;
  double rate() const { return rateIn.value_or(0) + rateOut.value_or(0); }
};

/// What has to be done after a key.
struct TopStep {
  enum class Kind : uint8_t { kDraw, kQuit, kClose, kSuspend, kClear };
  Kind kind = Kind::kDraw;
  std::string id;  ///< of the tunnel to close
};

struct TopSize {
  size_t columns = 80, rows = 24;
};

class TopModel {
 public:
  TopModel(TopSort sort, bool unicode) : sort_(sort), unicode_(unicode) {}

  void update(TopData data);
  /// The daemon did not answer.
  void lost(std::string why) { lost_ = std::move(why); }
  /// Words in the last line until the next key.
  void say(std::string words) { note_ = std::move(words); }

  TopStep onKey(const Key& key);

  /// Exactly `size.rows` lines for a terminal.
  std::vector<std::string> frame(TopSize size, const Style& style);
  /// All lines, without the selection and the keys, for a pipe.
  std::vector<std::string> wholeFrame(const Style& style) const;

  const std::vector<TopRow>& shown() const { return shown_; }
  std::string selectedId() const;

 private:
  enum class Mode : uint8_t { kTable, kFilter, kQuestion };
  struct Before {
    double in, out;
  };
  struct Totals {
    std::optional<double> accepted, bytesIn, bytesOut, handshakes;
  };

  TopStep onTableKey(const Key& key);
  TopStep onLetter(char letter);
  TopStep onFilterKey(const Key& key);
  TopStep onQuestionKey(const Key& key);
  void move(long by);
  void arrange();
  void setSort(TopSort sort);
  TopRow makeRow(const JsonValue& tunnel, double seconds) const;

  std::string stateLine() const;
  std::vector<std::string> totalParts() const;
  std::string problemLine() const;
  std::string chartLine(size_t columns) const;
  std::string orderLine() const;
  std::string footer() const;
  std::vector<std::string> head(TopSize size, const Style& style) const;
  Table table(size_t first, size_t count, bool mark, size_t columns) const;

  TopSort sort_;
  bool unicode_;
  Mode mode_ = Mode::kTable;
  bool known_ = false;  ///< there is at least one answer
  TopData data_;
  Totals totals_;
  std::map<std::string, Before, std::less<>> before_;  ///< by id
  std::vector<TopRow> all_, shown_;
  std::string filter_, note_, lost_, askedId_;
  size_t selected_ = 0, offset_ = 0, page_ = 10;
};

/// The sort of this name ("rate", "bytes", "age", "blocked"); rate for any other.
TopSort topSortOf(std::string_view name);
std::string_view topSortName(TopSort sort);

/// A chart of one line: eighths of a block for each value.
std::string sparkline(const std::vector<double>& values);

}  // namespace culvert
