// SPDX-License-Identifier: GPL-3.0-or-later
// What the keys and the answers do to the state of `top`; top_frame.cc draws it.
#include "ctl/top_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "base/utf8.h"
#include "ctl/views.h"
#include "ctl/words_of.h"

namespace culvert {

namespace {

constexpr std::array<std::string_view, 4> kSortNames = {"rate", "bytes", "age", "blocked"};

double secondsBetween(TimePoint from, TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

/// The growth of a total per second; nothing if it is not known or the daemon started again.
std::optional<double> growth(std::optional<double> before, std::optional<double> now,
                             double seconds) {
  if (!before || !now || *now < *before || seconds <= 0) return std::nullopt;
  return (*now - *before) / seconds;
}

std::optional<double> handshakesIn(const JsonValue& status) {
  const JsonValue& timings = status["timings"];
  const std::optional<double> full = timings["handshake_full"].number("count");
  const std::optional<double> resumed = timings["handshake_resumed"].number("count");
  if (!full && !resumed) return std::nullopt;
  return full.value_or(0) + resumed.value_or(0);
}

/// Ids are numbers: a shorter one is smaller.
bool idBefore(const TopRow& a, const TopRow& b) {
  return std::pair(a.id.size(), std::string_view(a.id)) <
         std::pair(b.id.size(), std::string_view(b.id));
}

double sortValue(const TopRow& row, TopSort sort) {
  switch (sort) {
    case TopSort::kRate:
      return row.rate();
    case TopSort::kBytes:
      return row.bytesIn + row.bytesOut;
    case TopSort::kAge:
      return row.ageMs;
    case TopSort::kBlocked:
      return row.blockedMs;
  }
  return 0;
}

}  // namespace

TopSort topSortOf(std::string_view name) {
  const auto* found = std::ranges::find(kSortNames, name);
  return found == kSortNames.end() ? TopSort::kRate
                                   : static_cast<TopSort>(found - kSortNames.begin());
}

std::string_view topSortName(TopSort sort) { return kSortNames[static_cast<size_t>(sort)]; }

TopRow TopModel::makeRow(const JsonValue& tunnel, double seconds) const {
  TopRow row;
  row.id = shownText(tunnel, "id");
  row.service = shownText(tunnel, "service");
  row.client = shownText(tunnel, "client");
  row.sni = shownText(tunnel, "sni");
  row.backend = shownText(tunnel, "backend");
  row.state = shownText(tunnel, "state");
  row.tls = shownText(tunnel, "tls");
  row.blocked = blockedWords(tunnel);
  row.bytesIn = tunnel.count("bytes_in");
  row.bytesOut = tunnel.count("bytes_out");
  row.ageMs = tunnel.count("total_ms");
  row.blockedMs = row.blocked.empty() ? 0 : tunnel.count("blocked_for_ms");
  // The difference of two frames: the daemon's own rates are since anyone's last answer.
  const auto before = before_.find(row.id);
  if (before != before_.end() && seconds > 0) {
    row.rateIn = growth(before->second.in, row.bytesIn, seconds);
    row.rateOut = growth(before->second.out, row.bytesOut, seconds);
  } else {
    row.rateIn = tunnel.number("rate_in");
    row.rateOut = tunnel.number("rate_out");
  }
  row.words = lower(fmt::format("{} {} {} {} {} {} {} {}", row.id, row.service, row.client, row.sni,
                                row.backend, row.state, row.tls,
                                row.blocked.empty() ? "" : "blocked " + row.blocked));
  return row;
}

void TopModel::update(TopData data) {
  const JsonValue &now = data.status["counters"], &then = data_.status["counters"];
  const bool same = known_ && data.status.text("started") == data_.status.text("started");
  const double seconds = same ? secondsBetween(data_.time, data.time) : 0;
  totals_ = {growth(then.number("accepted"), now.number("accepted"), seconds),
             growth(then.number("bytes_in"), now.number("bytes_in"), seconds),
             growth(then.number("bytes_out"), now.number("bytes_out"), seconds),
             growth(handshakesIn(data_.status), handshakesIn(data.status), seconds)};
  if (!same) before_.clear();
  all_.clear();
  for (const JsonValue& tunnel : data.tunnels.items("tunnels"))
    all_.push_back(makeRow(tunnel, seconds));
  before_.clear();
  for (const TopRow& row : all_) before_[row.id] = {row.bytesIn, row.bytesOut};
  data_ = std::move(data);
  known_ = true;
  lost_.clear();
  arrange();
}

std::string TopModel::selectedId() const {
  return selected_ < shown_.size() ? shown_[selected_].id : std::string();
}

void TopModel::arrange() {
  const std::string kept = selectedId();
  const std::string wanted = lower(filter_);
  shown_.clear();
  for (const TopRow& row : all_)
    if (row.words.find(wanted) != std::string::npos) shown_.push_back(row);
  std::ranges::sort(shown_, [this](const TopRow& a, const TopRow& b) {
    const double x = sortValue(a, sort_), y = sortValue(b, sort_);
    return x != y ? x > y : idBefore(a, b);
  });
  // The first row stays selected as the first row; another selection follows its tunnel.
  if (selected_ != 0) {
    const auto same = std::ranges::find(shown_, kept, &TopRow::id);
    if (same != shown_.end()) selected_ = static_cast<size_t>(same - shown_.begin());
  }
  if (selected_ >= shown_.size()) selected_ = shown_.empty() ? 0 : shown_.size() - 1;
}

void TopModel::setSort(TopSort sort) {
  sort_ = sort;
  selected_ = offset_ = 0;
  arrange();
}

void TopModel::move(long by) {
  const long last = static_cast<long>(shown_.size()) - 1;
  const long next = static_cast<long>(selected_) + by;
  selected_ = static_cast<size_t>(std::clamp(next, 0L, std::max(last, 0L)));
}

TopStep TopModel::onKey(const Key& key) {
  note_.clear();
  if (key.kind == KeyKind::kInterrupt) return {TopStep::Kind::kQuit, {}};
  if (key.kind == KeyKind::kSuspend) return {TopStep::Kind::kSuspend, {}};
  if (key.kind == KeyKind::kRedraw) return {TopStep::Kind::kClear, {}};
  if (mode_ == Mode::kFilter) return onFilterKey(key);
  if (mode_ == Mode::kQuestion) return onQuestionKey(key);
  return onTableKey(key);
}

TopStep TopModel::onTableKey(const Key& key) {
  const long page = static_cast<long>(page_);
  switch (key.kind) {
    case KeyKind::kUp:
      move(-1);
      break;
    case KeyKind::kDown:
      move(1);
      break;
    case KeyKind::kPageUp:
      move(-page);
      break;
    case KeyKind::kPageDown:
      move(page);
      break;
    case KeyKind::kHome:
      selected_ = 0;
      break;
    case KeyKind::kEnd:
      move(static_cast<long>(shown_.size()));
      break;
    case KeyKind::kEscape:
      filter_.clear();
      arrange();
      break;
    case KeyKind::kText:
      return key.text.size() == 1 ? onLetter(key.text.front()) : TopStep{};
    default:
      break;
  }
  return {};
}

TopStep TopModel::onLetter(char letter) {
  switch (lower(letter)) {
    case 'q':
      return {TopStep::Kind::kQuit, {}};
    case 'r':
      setSort(TopSort::kRate);
      break;
    case 'b':
      setSort(TopSort::kBytes);
      break;
    case 'a':
      setSort(TopSort::kAge);
      break;
    case 'w':
      setSort(TopSort::kBlocked);
      break;
    case '/':
      mode_ = Mode::kFilter;
      break;
    case 'k':
      // The id is kept: the row may move before the answer.
      askedId_ = selectedId();
      if (!askedId_.empty()) mode_ = Mode::kQuestion;
      break;
    default:
      break;
  }
  return {};
}

TopStep TopModel::onFilterKey(const Key& key) {
  switch (key.kind) {
    case KeyKind::kEnter:
      mode_ = Mode::kTable;
      return {};
    case KeyKind::kEscape:
      mode_ = Mode::kTable;
      filter_.clear();
      break;
    case KeyKind::kClearLine:
      filter_.clear();
      break;
    case KeyKind::kBackspace:
      while (!filter_.empty() && continuesUtf8(filter_.back())) filter_.pop_back();
      if (!filter_.empty()) filter_.pop_back();
      break;
    case KeyKind::kText:
      if (filter_.size() < 200) filter_ += key.text;
      break;
    case KeyKind::kUp:
    case KeyKind::kDown:
      return onTableKey(key);
    default:
      return {};
  }
  selected_ = offset_ = 0;
  arrange();
  return {};
}

TopStep TopModel::onQuestionKey(const Key& key) {
  mode_ = Mode::kTable;
  if (key.kind == KeyKind::kText && lower(key.text) == "y")
    return {TopStep::Kind::kClose, askedId_};
  note_ = "nothing is closed";
  return {};
}

}  // namespace culvert
