// SPDX-License-Identifier: GPL-3.0-or-later
// See tunnel_tasks.h.
#include "worker/tunnel_tasks.h"

#include <algorithm>

#include "event/callback.h"
#include "worker/tunnel_view.h"

namespace culvert {
namespace {

// A slice ends after so many tunnels, or after so much time. A row takes some microseconds.
constexpr size_t kVisits = 256;
constexpr size_t kVisitsPerLook = 16;  // at the clock
constexpr std::chrono::microseconds kSliceTime{300};

/// The row that a full list drops first is at the front of the heap.
bool comesFirst(const TunnelRow& a, const TunnelRow& b) {
  return a.rank != b.rank ? a.rank > b.rank : a.id < b.id;
}

}  // namespace

struct TunnelTasks::Task {
  Task(TunnelQuery asked, TunnelsListed onListed, TunnelsClosed onClosed)
      : query(std::move(asked)), listed(std::move(onListed)), closed(std::move(onClosed)) {}

  const TunnelQuery query;
  const TunnelsListed listed;  // exactly one of these two is set
  const TunnelsClosed closed;
  TunnelWalk walk{};
  TunnelAnswer answer{};  // its rows are a heap until the task is done

  void visit(Tunnel& tunnel, TimePoint now, const std::string& worker);
  bool full() const {
    return listed && query.order == TunnelOrder::kId && answer.rows.size() > query.limit;
  }
  void finish();
};

/// Closes the tunnel, or adds it to the rows. In the order of ids, one row above the limit shows
/// that there are more.
void TunnelTasks::Task::visit(Tunnel& tunnel, TimePoint now, const std::string& worker) {
  if (!meets(tunnel, query, now)) return;
  ++answer.matched;
  if (closed) return tunnel.close({CloseCause::kAdminClosed});
  auto& rows = answer.rows;
  if (query.order == TunnelOrder::kId) {
    rows.push_back(rowOf(tunnel, query, now, worker));
    return;
  }
  TunnelRow rank;
  rank.id = tunnel.id();
  rank.rank = rankOf(tunnel, query.order, now);
  if (rows.size() == query.limit) {
    answer.more = true;
    if (rows.empty() || !comesFirst(rank, rows.front())) return;
    std::ranges::pop_heap(rows, comesFirst);
    rows.pop_back();
  }
  rows.push_back(rowOf(tunnel, query, now, worker));
  std::ranges::push_heap(rows, comesFirst);
}

void TunnelTasks::Task::finish() {
  if (closed) return closed(answer.matched);
  if (answer.rows.size() > query.limit) {
    answer.rows.pop_back();
    --answer.matched;
    answer.more = true;
  }
  listed(std::move(answer));
}

TunnelTasks::TunnelTasks(EventLoop& loop, TunnelSet& tunnels, std::string_view worker)
    : loop_(loop),
      tunnels_(tunnels),
      worker_(worker),
      timer_(loop, this, call<&TunnelTasks::step>) {}

TunnelTasks::~TunnelTasks() = default;

void TunnelTasks::list(TunnelQuery query, TunnelsListed done) {
  begin(std::make_unique<Task>(std::move(query), std::move(done), nullptr));
}

void TunnelTasks::close(TunnelQuery query, TunnelsClosed done) {
  begin(std::make_unique<Task>(std::move(query), nullptr, std::move(done)));
}

void TunnelTasks::begin(std::unique_ptr<Task> task) {
  task->walk.begin(tunnels_);
  tasks_.push_back(std::move(task));
  if (tasks_.size() == 1) step();
}

/// Visits a slice. If memory runs out, the task ends with what it has.
void TunnelTasks::step() {
  Task& task = *tasks_.front();
  bool done = true;
  try {
    done = advance(task);
  } catch (const std::bad_alloc&) {
    loop_.noteMemoryShortage();
    task.answer.more = true;
  }
  if (done) {
    const auto ended = std::move(tasks_.front());
    tasks_.pop_front();
    loop_.guard([&] { ended->finish(); });
  }
  if (!tasks_.empty()) timer_.armBy(loop_.now());
}

/// Returns true at the end of the walk.
bool TunnelTasks::advance(Task& task) {
  const TimePoint now = loop_.now();
  const TimePoint start = Clock::now();
  for (size_t i = 1; i <= kVisits; ++i) {
    if (task.full()) return true;
    Tunnel* tunnel = task.walk.next();
    if (tunnel == nullptr) return true;
    task.visit(*tunnel, now, worker_);
    if (i % kVisitsPerLook == 0 && Clock::now() - start > kSliceTime) return false;
  }
  return false;
}

}  // namespace culvert
