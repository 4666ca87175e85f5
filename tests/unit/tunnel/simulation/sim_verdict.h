// SPDX-License-Identifier: GPL-3.0-or-later
// SimVerdict notes what is wrong with a world, and of which tunnel. The judges share it. Thread: loop.
#pragma once

#include <string>

#include "sim_world.h"

namespace culvert::simulation {

struct SimVerdict {
  void require(bool condition, const char* wrong) {
    if (condition) return;
    world.blame(at == nullptr ? wrong : "tunnel " + std::to_string(at->number) + ": " + wrong);
  }

  SimWorld& world;
  const SimTunnel* at = nullptr;  ///< the tunnel that is looked at
};

inline bool memoryWasShort(const SimTunnel& t) {
  return t.scarce || t.client.notes.shortages + t.backend.notes.shortages != 0;
}

/// A limit has ended it, or a part of its end.
inline bool wasCut(const SimTunnel& t) {
  return t.cutByLimit || t.report.reason.cause == CloseCause::kInternal ||
         t.report.reason.detail.find(" passed: ") != std::string::npos;
}

}  // namespace culvert::simulation
