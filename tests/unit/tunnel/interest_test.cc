// SPDX-License-Identifier: GPL-3.0-or-later
// What a tunnel wants to be told, as a truth table that names every combination once.
#include "tunnel/interest.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace culvert {
namespace {

enum Side : unsigned { kClient = 1, kBackend = 2, kEither = 3 };

constexpr unsigned bit(EndGoal goal) { return 1u << static_cast<unsigned>(goal); }
constexpr unsigned kAnyGoal = 0x1f;
constexpr unsigned kOpen = bit(EndGoal::kOpen);
constexpr unsigned kDeliver = bit(EndGoal::kDeliver);
constexpr unsigned kFollow = bit(EndGoal::kFollow);
constexpr unsigned kLinger = bit(EndGoal::kLinger);
constexpr unsigned kDone = bit(EndGoal::kDone);

struct Row {
  TunnelState state;
  Side side;
  unsigned goals;
  // wantsRead, wantsWrite, backlog, readable, queued, handshake: 0, 1 or - (no matter)
  const char* view;
  bool read;
  bool write;
};

using S = TunnelState;

// clang-format off
const std::vector<Row> kTable = {
    // The handshake reads whatever comes; it writes while an answer waits. There is no backend yet.
    {S::kHandshake, kClient,  kAnyGoal,           "--0-0-", true,  false},
    {S::kHandshake, kClient,  kAnyGoal,           "--1-0-", true,  true},
    // Its turn in the queue comes by itself.
    {S::kHandshake, kClient,  kAnyGoal,           "----1-", false, false},
    {S::kHandshake, kBackend, kAnyGoal,           "------", false, false},
    // The client's first bytes gather in the FIFO while there is room.
    {S::kConnect,   kClient,  kAnyGoal,           "0-0---", false, false},
    {S::kConnect,   kClient,  kAnyGoal,           "0-1---", false, true},
    {S::kConnect,   kClient,  kAnyGoal,           "1-0---", true,  false},
    {S::kConnect,   kClient,  kAnyGoal,           "1-1---", true,  true},
    {S::kConnect,   kBackend, kAnyGoal,           "------", false, false},
    // So they do during the handshake with the backend, which is like the client's.
    {S::kBackendHandshake, kClient,  kAnyGoal,    "0-0---", false, false},
    {S::kBackendHandshake, kClient,  kAnyGoal,    "0-1---", false, true},
    {S::kBackendHandshake, kClient,  kAnyGoal,    "1-0---", true,  false},
    {S::kBackendHandshake, kClient,  kAnyGoal,    "1-1---", true,  true},
    {S::kBackendHandshake, kBackend, kAnyGoal,    "--0-0-", true,  false},
    {S::kBackendHandshake, kBackend, kAnyGoal,    "--1-0-", true,  true},
    {S::kBackendHandshake, kBackend, kAnyGoal,    "----1-", false, false},
    // In a dialog, bytes wait in the FIFO for the other side and not for the socket.
    {S::kDialog,    kEither,  kAnyGoal,           "0-0-00", false, false},
    {S::kDialog,    kEither,  kAnyGoal,           "0-1-00", false, true},
    {S::kDialog,    kEither,  kAnyGoal,           "1-0-00", true,  false},
    {S::kDialog,    kEither,  kAnyGoal,           "1-1-00", true,  true},
    {S::kDialog,    kEither,  kAnyGoal,           "--0-01", true,  false},
    {S::kDialog,    kEither,  kAnyGoal,           "--1-01", true,  true},
    {S::kDialog,    kEither,  kAnyGoal,           "----1-", false, false},
    // Reading while there is room, writing while there is something to write.
    {S::kRelay,     kEither,  kAnyGoal,           "000---", false, false},
    {S::kRelay,     kEither,  kAnyGoal,           "001---", false, true},
    {S::kRelay,     kEither,  kAnyGoal,           "01----", false, true},
    {S::kRelay,     kEither,  kAnyGoal,           "100---", true,  false},
    {S::kRelay,     kEither,  kAnyGoal,           "101---", true,  true},
    {S::kRelay,     kEither,  kAnyGoal,           "11----", true,  true},
    // Closing: input is read until its end, whether the pump has room or not.
    {S::kClosing,   kEither,  kDeliver | kFollow, "-000--", false, false},
    {S::kClosing,   kEither,  kDeliver | kFollow, "-001--", true,  false},
    {S::kClosing,   kEither,  kDeliver | kFollow, "-010--", false, true},
    {S::kClosing,   kEither,  kDeliver | kFollow, "-1-0--", false, true},
    {S::kClosing,   kEither,  kDeliver | kFollow, "-011--", true,  true},
    {S::kClosing,   kEither,  kDeliver | kFollow, "-1-1--", true,  true},
    // A lingering end sends its backlog (the alert) and nothing of the pump's.
    {S::kClosing,   kEither,  kLinger,            "--00--", false, false},
    {S::kClosing,   kEither,  kLinger,            "--01--", true,  false},
    {S::kClosing,   kEither,  kLinger,            "--10--", false, true},
    {S::kClosing,   kEither,  kLinger,            "--11--", true,  true},
    {S::kClosing,   kEither,  kOpen | kDone,      "------", false, false},
    {S::kClosed,    kEither,  kAnyGoal,           "------", false, false},
};
// clang-format on

bool fits(char wanted, bool value) { return wanted == '-' || (wanted == '1') == value; }

bool fits(const Row& row, TunnelState state, Side side, const EndView& view) {
  return row.state == state && (row.side & side) != 0 && (row.goals & bit(view.goal)) != 0 &&
         fits(row.view[0], view.wantsRead) && fits(row.view[1], view.wantsWrite) &&
         fits(row.view[2], view.backlog) && fits(row.view[3], view.readable) &&
         fits(row.view[4], view.queued) && fits(row.view[5], view.handshake);
}

std::string words(TunnelState state, Side side, const EndView& v) {
  return "state " + std::to_string(static_cast<int>(state)) + " side " + std::to_string(side) +
         " goal " + std::to_string(static_cast<int>(v.goal)) + " view " +
         std::to_string(v.wantsRead) + std::to_string(v.wantsWrite) + std::to_string(v.backlog) +
         std::to_string(v.readable) + std::to_string(v.queued) + std::to_string(v.handshake);
}

/// Calls `visit(state, view)` for all of them.
template <class Visit>
void forEveryCase(Visit visit) {
  for (int state = 0; state <= static_cast<int>(S::kClosed); ++state) {
    for (int goal = 0; goal <= static_cast<int>(EndGoal::kDone); ++goal) {
      for (unsigned bits = 0; bits < 64; ++bits) {
        visit(static_cast<TunnelState>(state), EndView{.wantsRead = (bits & 1) != 0,
                                                       .wantsWrite = (bits & 2) != 0,
                                                       .backlog = (bits & 4) != 0,
                                                       .readable = (bits & 8) != 0,
                                                       .queued = (bits & 16) != 0,
                                                       .handshake = (bits & 32) != 0,
                                                       .goal = static_cast<EndGoal>(goal)});
      }
    }
  }
}

TEST(Interest, FollowsTheTable) {
  size_t cases = 0;
  forEveryCase([&](TunnelState state, const EndView& view) {
    for (const Side side : {kClient, kBackend}) {
      size_t rows = 0;
      for (const Row& row : kTable) {
        if (!fits(row, state, side, view)) continue;
        ++rows;
        const Interest got =
            side == kClient ? interestOf(state, view, {}) : interestOf(state, {}, view);
        EXPECT_EQ((side == kClient ? got.client : got.backend), (EndInterest{row.read, row.write}))
            << words(state, side, view);
      }
      EXPECT_EQ(rows, 1u) << "the table must name each case once: " << words(state, side, view);
      ++cases;
    }
  });
  EXPECT_EQ(cases, 7u * 5 * 64 * 2);
}

TEST(Interest, OneSideDoesNotChangeTheOther) {
  forEveryCase([](TunnelState state, const EndView& mine) {
    forEveryCase([&](TunnelState other, const EndView& theirs) {
      if (other != state) return;
      EXPECT_EQ(interestOf(state, mine, theirs).client, interestOf(state, mine, {}).client);
      EXPECT_EQ(interestOf(state, theirs, mine).backend, interestOf(state, {}, mine).backend);
    });
  });
}

}  // namespace
}  // namespace culvert
