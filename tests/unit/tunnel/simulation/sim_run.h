// SPDX-License-Identifier: GPL-3.0-or-later
// SimRun is one seed: one schedule, from its first action until its last tunnel is gone. Thread: one.
#pragma once

#include <memory>
#include <string>

#include "sim_judge.h"
#include "sim_words.h"

namespace culvert::simulation {

struct SimResult {
  std::string fault;  ///< empty: all is well
  size_t steps = 0;
  uint64_t digest = 0;  ///< of everything that happened
};

class SimRun {
 public:
  /// `trace` may be nullptr.
  SimRun(uint64_t seed, SimTrace* trace)
      : planner_(seed),
        owner_(std::make_unique<SimWorld>(planner_)),
        world_(*owner_),
        judge_(world_),
        trace_(trace) {
    world_.onRest = [this] {
      judge_.look();
      mix(static_cast<uint64_t>((world_.time.now() - begin_) / Micros(1)));
      for (const auto& t : world_.tunnels) mix(t->client.arrived + 31 * t->backend.arrived);
    };
  }

  SimResult run() {
    for (size_t step = 0; step < planner_.steps() && world_.fault.empty(); ++step) {
      if (planner_.enough(world_.tunnels.size()) && world_.allEnded()) break;
      act(planner_.next(world_.ready(), world_.views()));
    }
    if (world_.fault.empty()) end();
    if (world_.fault.empty()) judge_.lookAtEnd();
    if (!world_.fault.empty()) tell("WRONG: " + world_.fault);
    SimResult result{world_.fault, world_.steps, digest_};
    if (!world_.fault.empty()) {  // what is broken may end the process when it is destroyed
      SimulatedTime::current = nullptr;
      (void)owner_.release();
    }
    return result;
  }

 private:
  void act(const Action& action) {
    tell(action.words());
    world_.apply(action);
    if (trace_ == nullptr) return;
    if (action.kind == ActionKind::kOpen) trace_->add("  " + world_.tunnels.back()->setup.words());
    if (action.kind <= ActionKind::kStandstill || action.kind >= ActionKind::kDial) tellTunnels();
  }

  void end() {
    SimPlanner::Ending ending = planner_.ending();
    // Where a tunnel has no such limit, nobody would end it.
    for (const auto& t : world_.tunnels) {
      const TunnelOptions& o = t->setup.options;
      if (ending == SimPlanner::Ending::kAbandon &&
          (o.idleTimeout.count() == 0 || o.handshakeTimeout.count() == 0))
        ending = SimPlanner::Ending::kRelease;
    }
    switch (ending) {
      case SimPlanner::Ending::kRelease:
        tell("every peer is released and ends in order");
        world_.release();
        break;
      case SimPlanner::Ending::kAbandon:
        tell("the peers do nothing more");
        world_.waitForEnds(Millis(600'000));
        break;
      case SimPlanner::Ending::kCut:
        act(Action{.kind = ActionKind::kCloseAll});
        world_.waitForEnds(Millis(1));
    }
    tellTunnels();
  }

  void tell(const std::string& what) {
    if (trace_ == nullptr) return;
    trace_->add(std::to_string((world_.time.now() - begin_) / Micros(1)) + " us: " + what);
  }
  void tellTunnels() {
    if (trace_ == nullptr) return;
    for (const auto& t : world_.tunnels)
      if (t->report.hostsGone == 0 || !t->toldEnd) {
        t->toldEnd = t->report.hostsGone != 0;
        trace_->add(describe(*t));
      }
  }
  void mix(uint64_t value) { digest_ = (digest_ ^ value) * 0x9e3779b97f4a7c15u; }

  SimPlanner planner_;
  std::unique_ptr<SimWorld> owner_;
  SimWorld& world_;
  SimJudge judge_;
  SimTrace* const trace_;
  const TimePoint begin_ = world_.time.now();
  uint64_t digest_ = 0;
};

}  // namespace culvert::simulation
