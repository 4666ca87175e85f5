// SPDX-License-Identifier: GPL-3.0-or-later
// See unlisten.h.
#include "server/unlisten.h"

#include <algorithm>

#include "process/privileges.h"

namespace culvert {
namespace {

constexpr Millis kBetweenTries{1000};

}  // namespace

void Unlisten::follow(const std::function<void()>& wake) {
  needed_ = false;
  parts_.listeners.forEachSeat(
      [this](const ListenerTable::Seat& seat) { needed_ = needed_ || seat.away; });
  for (const RuntimeService& one : parts_.runtime.services)
    if (one.service->whenDown == WhenDown::kUnlisten) {
      needed_ = true;
      one.service->profile->connect.pool->setOnDownChange(wake);
    }
}

bool Unlisten::update() {
  if (!needed_) return false;
  const RuntimeIndex runtime(parts_.runtime);
  struct Change {
    uint32_t id;
    std::string address;
    bool away;
  };
  std::vector<Change> changes;
  parts_.listeners.forEachSeat([&](const ListenerTable::Seat& seat) {
    if (allDown(seat.services, runtime) != seat.away)
      changes.push_back({seat.id, seat.address, !seat.away});
  });
  bool changed = false;
  for (const Change& change : changes) {
    if (change.away) {
      takeAway(change.id, change.address);
      changed = true;
    } else if (parts_.loop.now() >= nextTry_) {
      changed = bringBack(change.id, change.address) || changed;
    }
  }
  return changed;
}

/// True if every service of a listener has when-backend-down = unlisten and no backend that is up.
bool Unlisten::allDown(const std::vector<std::string>& services, const RuntimeIndex& runtime) {
  return std::ranges::all_of(services, [&runtime](const std::string& name) {
    const RuntimeService* found = runtime.find(name);
    return found != nullptr && found->service->whenDown == WhenDown::kUnlisten &&
           found->service->backendsDown();
  });
}

void Unlisten::takeAway(uint32_t id, const std::string& address) {
  parts_.acceptor->apply(parts_.listeners.takeAway(id));
  parts_.counters.add(Counter::kListenersTakenAway);
  parts_.logger.log(LogLine(LogLevel::kWarning, "no longer listening: all backends are down")
                        .add("address", address));
}

/// Returns false if the address is taken.
bool Unlisten::bringBack(uint32_t id, const std::string& address) {
  const ControlPrivileges raised;  // to bind ports below 1024
  auto update = parts_.listeners.bringBack(id, parts_.listenOptions, parts_.runtime);
  if (!update) {
    nextTry_ = parts_.loop.now() + kBetweenTries;
    if (toldTaken_.insert(address).second)
      parts_.logger.log(LogLine(LogLevel::kErr,
                                "cannot listen again, although a backend is up; trying each second")
                            .add("address", address)
                            .add("error", update.error().text));
    return false;
  }
  toldTaken_.erase(address);
  parts_.acceptor->apply(std::move(*update));
  parts_.logger.log(
      LogLine(LogLevel::kNotice, "listening again: a backend is up").add("address", address));
  return true;
}

}  // namespace culvert
