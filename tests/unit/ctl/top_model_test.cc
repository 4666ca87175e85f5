// SPDX-License-Identifier: GPL-3.0-or-later
// The state of `top`: rates, order, filter, selection, frames of any size.
#include "ctl/top_model.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "ctl/words_of.h"

namespace culvert {
namespace {

struct Entry {
  int id;
  double bytesIn, ageMs;
  std::string sni = "host";
};

/// The answers of one round at `second`.
TopData round(int second, const std::vector<Entry>& entries, std::string_view started = "A",
              double total = 0) {
  std::string list;
  for (const Entry& one : entries)
    list += fmt::format(
        R"({}{{"id":{},"service":"web","client":"192.0.2.1:{}","sni":"{}","state":"relay",
            "bytes_in":{},"bytes_out":0,"total_ms":{},"blocked":""}})",
        list.empty() ? "" : ",", one.id, one.id, one.sni, one.bytesIn, one.ageMs);
  TopData data;
  data.status = *parseJson(fmt::format(
      R"({{"version":"1","started":"{}","uptime_s":5,"ready":{{"ok":true}},"live":{{"ok":true}},
          "tunnels":{{"open":{},"limit":9}},"counters":{{"bytes_in":{},"accepted":{}}}}})",
      started, entries.size(), total, total));
  data.tunnels = *parseJson(R"({"tunnels":[)" + list + "]}");
  data.time = TimePoint() + std::chrono::seconds(second);
  return data;
}

std::vector<std::string> order(const TopModel& model) {
  std::vector<std::string> ids;
  for (const TopRow& row : model.shown()) ids.push_back(row.id);
  return ids;
}

TopStep press(TopModel& model, std::string_view text) {
  TopStep last;
  for (char c : text) last = model.onKey({KeyKind::kText, std::string(1, c)});
  return last;
}

std::string all(const std::vector<std::string>& lines) {
  return fmt::format("{}", fmt::join(lines, "\n"));
}

TEST(TopModel, RatesAreTheDifferenceOfTwoRounds) {
  TopModel model(TopSort::kRate, true);
  model.update(round(10, {{1, 1000, 1}, {2, 5000, 2}}, "A", 100));
  EXPECT_EQ(model.shown()[0].rateIn, std::nullopt);
  model.update(round(12, {{1, 9000, 3}, {2, 5000, 4}, {10, 7, 0}}, "A", 20'580));
  EXPECT_EQ(order(model), (std::vector<std::string>{"1", "2", "10"}));
  EXPECT_EQ(model.shown()[0].rateIn, 4000);
  EXPECT_EQ(model.shown()[1].rateIn, 0);
  EXPECT_EQ(model.shown()[2].rateIn, std::nullopt) << "a new tunnel has no rate";
  EXPECT_NE(all(model.wholeFrame({})).find("in 10.0 KiB/s"), std::string::npos);
}

TEST(TopModel, ADaemonThatStartedAgainHasNoRates) {
  TopModel model(TopSort::kRate, true);
  model.update(round(10, {{1, 1000, 1}}, "A", 100));
  model.lost("no such file");
  EXPECT_NE(model.frame({80, 24}, {})[0].find("not reachable, trying again: no such file"),
            std::string::npos);
  EXPECT_EQ(order(model).size(), 1U) << "the last answer stays";
  model.update(round(12, {{1, 9000, 1}}, "B", 9000));
  EXPECT_EQ(model.shown()[0].rateIn, std::nullopt);
  EXPECT_NE(all(model.wholeFrame({})).find("in -"), std::string::npos);
  EXPECT_EQ(model.frame({80, 24}, {})[0].find("trying again"), std::string::npos);
}

TEST(TopModel, Orders) {
  TopModel model(TopSort::kBytes, true);
  model.update(round(1, {{1, 10, 300}, {2, 30, 100}, {9, 20, 100}, {10, 20, 200}}));
  EXPECT_EQ(order(model), (std::vector<std::string>{"2", "9", "10", "1"}));
  press(model, "a");
  EXPECT_EQ(order(model), (std::vector<std::string>{"1", "10", "2", "9"}));
  press(model, "w");
  EXPECT_EQ(order(model), (std::vector<std::string>{"1", "2", "9", "10"})) << "else by id";
}

TEST(TopModel, FilterTakesLettersThatAreKeysElsewhere) {
  TopModel model(TopSort::kBytes, true);
  model.update(round(1, {{1, 1, 1, "quark"}, {2, 2, 2, "other"}}));
  EXPECT_EQ(press(model, "/QUARK").kind, TopStep::Kind::kDraw);
  EXPECT_EQ(order(model), std::vector<std::string>{"1"});
  model.onKey({KeyKind::kEnter, ""});
  EXPECT_EQ(press(model, "q").kind, TopStep::Kind::kQuit);
  model.onKey({KeyKind::kEscape, ""});
  EXPECT_EQ(order(model).size(), 2U);
  model.onKey({KeyKind::kText, "/"});
  model.onKey({KeyKind::kText, "\xc3\xa9"});
  EXPECT_TRUE(order(model).empty());
  model.onKey({KeyKind::kBackspace, ""});
  EXPECT_EQ(order(model).size(), 2U) << "the whole character is gone";
}

TEST(TopModel, CloseAsksAndKeepsTheId) {
  TopModel model(TopSort::kBytes, true);
  model.update(round(1, {{1, 1, 1}, {2, 2, 2}}));
  EXPECT_EQ(model.selectedId(), "2");
  press(model, "k");
  EXPECT_NE(model.frame({80, 24}, {}).back().find("Close tunnel 2 of 192.0.2.1:2? y/n"),
            std::string::npos);
  model.update(round(2, {{1, 100, 1}, {2, 2, 2}}));  // another tunnel is first now
  const TopStep step = press(model, "y");
  EXPECT_EQ(step.kind, TopStep::Kind::kClose);
  EXPECT_EQ(step.id, "2");
  EXPECT_EQ(press(model, "kx").kind, TopStep::Kind::kDraw);
  EXPECT_EQ(model.frame({80, 24}, {}).back(), "nothing is closed");
  TopModel empty(TopSort::kBytes, true);
  empty.update(round(1, {}));
  press(empty, "k");
  EXPECT_EQ(press(empty, "y").kind, TopStep::Kind::kDraw) << "there is nothing to close";
}

TEST(TopModel, TheSelectionFollowsItsTunnel) {
  TopModel model(TopSort::kBytes, true);
  model.update(round(1, {{1, 30, 1}, {2, 20, 1}, {3, 10, 1}}));
  model.onKey({KeyKind::kDown, ""});
  EXPECT_EQ(model.selectedId(), "2");
  model.update(round(2, {{1, 30, 1}, {2, 5, 1}, {3, 10, 1}}));
  EXPECT_EQ(model.selectedId(), "2");
  model.update(round(3, {{1, 30, 1}}));
  EXPECT_EQ(model.selectedId(), "1") << "the tunnel has ended";
  model.update(round(4, {}));
  EXPECT_EQ(model.selectedId(), "");
  model.onKey({KeyKind::kEnd, ""});
  model.onKey({KeyKind::kPageUp, ""});
}

TEST(TopModel, EveryFrameFitsItsTerminal) {
  std::vector<Entry> entries;
  for (int id = 1; id <= 60; ++id)
    entries.push_back({id, id * 1e6, id * 1000.0, "long.host.name.example"});
  TopModel model(TopSort::kBytes, true);
  model.update(round(1, entries));
  model.update(round(3, entries));
  for (size_t rows = 1; rows < 30; ++rows)
    for (size_t columns : {1, 5, 20, 40, 69, 80, 200}) {
      const std::vector<std::string> lines = model.frame({columns, rows}, {});
      ASSERT_EQ(lines.size(), rows) << columns;
      for (const std::string& line : lines)
        ASSERT_LE(displayWidth(line), columns) << rows << "x" << columns << ": " << line;
    }
}

TEST(TopModel, TheSelectedRowIsOnTheScreen) {
  std::vector<Entry> entries;
  for (int id = 1; id <= 60; ++id) entries.push_back({id, 1000.0 - id, 1});
  TopModel model(TopSort::kBytes, true);
  model.update(round(1, entries));
  for (size_t rows : {10, 24, 7, 40}) {
    for (KeyKind key : {KeyKind::kEnd, KeyKind::kPageUp, KeyKind::kUp, KeyKind::kHome,
                        KeyKind::kPageDown, KeyKind::kDown}) {
      model.onKey({key, ""});
      size_t marked = 0;
      for (const std::string& line : model.frame({80, rows}, {})) marked += line.starts_with("> ");
      EXPECT_EQ(marked, 1U) << rows << " rows, selected " << model.selectedId();
    }
  }
}

TEST(TopModel, ANarrowTerminalKeepsWhatMatters) {
  TopModel model(TopSort::kRate, true);
  model.update(round(1, {{1, 0, 65'000}}));
  model.update(round(2, {{1, 2048, 65'000}}));
  const std::string text = all(model.frame({40, 12}, {}));
  EXPECT_NE(text.find("CLIENT"), std::string::npos) << text;
  EXPECT_NE(text.find("2.0 KiB/s"), std::string::npos) << text;
  EXPECT_NE(text.find("1m05s"), std::string::npos) << text;
  EXPECT_EQ(text.find("RATE OUT"), std::string::npos) << text;
}

TEST(TopModel, Sparkline) {
  EXPECT_EQ(sparkline({0, 7, 14}), "▁▄█");
  EXPECT_EQ(sparkline({0, 0}), "▁▁");
  EXPECT_EQ(sparkline({}), "");
}

TEST(TopModel, SortNames) {
  for (TopSort sort : {TopSort::kRate, TopSort::kBytes, TopSort::kAge, TopSort::kBlocked})
    EXPECT_EQ(topSortOf(topSortName(sort)), sort);
  EXPECT_EQ(topSortOf(""), TopSort::kRate);
}

}  // namespace
}  // namespace culvert
