// SPDX-License-Identifier: GPL-3.0-or-later
// The counters of all threads, with those values that are computed when somebody asks. Thread: any.
#pragma once

#include "log/logger.h"
#include "service/runtime.h"
#include "stats/counter_registry.h"

namespace culvert {

CounterSnapshot completeCounters(const CounterRegistry& registry, const Logger& logger,
                                 const Runtime& runtime, TimePoint now);

}  // namespace culvert
