// SPDX-License-Identifier: GPL-3.0-or-later
// Asks every worker for its tunnels and puts the answers together. Thread: loop (culvert-admin).
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "event/post_box.h"
#include "worker/worker.h"

namespace culvert {

/// `done` runs in the loop of `home`, when every worker has answered. `home` and the workers outlive
/// the call.
void gatherTunnels(const std::vector<Worker*>& workers, PostBox& home, const TunnelQuery& query,
                   TunnelsListed done);
void closeTunnels(const std::vector<Worker*>& workers, PostBox& home, const TunnelQuery& query,
                  TunnelsClosed done);

/// Merges the answers of the workers to one query.
TunnelAnswer mergeAnswers(std::vector<TunnelAnswer> answers, size_t limit);

/// The rates of tunnels, in bytes a second, between two answers that contain them.
class TunnelRates {
 public:
  struct Rates {
    uint64_t in = 0, out = 0;
  };
  /// Nothing if no answer of the last 30 s has the tunnel, or if that was less than 200 ms ago.
  std::optional<Rates> next(const TunnelRow& row, TimePoint now);
  /// Forgets the tunnels of older answers.
  void prune(TimePoint now);

 private:
  struct Seen {
    TimePoint at{};
    uint64_t in = 0, out = 0;
    std::optional<Rates> rates{};
  };
  std::unordered_map<uint64_t, Seen> seen_;  // by id
};

/// The JSON document of an answer.
std::string tunnelsJson(const TunnelAnswer& answer, TunnelRates& rates, TimePoint now);

}  // namespace culvert
