// SPDX-License-Identifier: GPL-3.0-or-later
// CMocka's mocks: queues of values to return, of conditions for parameters, and of calls in their
// order. If a queue is not empty when the test ends, the test fails. Include cmocka_compat.h.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "cmocka_compat_asserts.h"

#define WILL_RETURN_ALWAYS -1  // at least once
#define WILL_RETURN_ONCE -2    // any number of times

namespace culvert::cmocka {

using ParameterCheck = std::function<bool(LargestIntegralType)>;

template <class T>
struct Expected {
  T what;
  int count;
  Place place;

  bool optional() const { return count <= WILL_RETURN_ONCE; }  // may be left at the end of the test
  // Counts a use. Returns true if it was the last one.
  bool use() {
    if (count == WILL_RETURN_ALWAYS) count = WILL_RETURN_ONCE;
    return count > 0 && --count == 0;
  }
};

// `ns::f` is expected; inside the function, __func__ is `f`.
inline std::string bareName(std::string_view name) {
  const size_t colon = name.rfind(':');
  return std::string(colon == std::string_view::npos ? name : name.substr(colon + 1));
}

template <class T>
class Queues {
 public:
  void add(const std::string& name, T what, int count, Place place) {
    queues_[name].push_back({std::move(what), count, place});
  }
  // Fails the test if the queue is empty.
  T take(const std::string& name, Place place, const char* purpose) {
    const auto queue = queues_.find(name);
    if (queue == queues_.end()) leave(place, fmt::format("no value {} {}", purpose, name));
    T what = queue->second.front().what;
    if (queue->second.front().use()) queue->second.pop_front();
    if (queue->second.empty()) queues_.erase(queue);
    return what;
  }
  // The first place whose value was never used.
  const Place* leftOver(std::string* name) const {
    for (const auto& [key, queue] : queues_) {
      for (const auto& expected : queue) {
        *name = key;
        if (!expected.optional()) return &expected.place;
      }
    }
    return nullptr;
  }

 private:
  std::map<std::string, std::deque<Expected<T>>> queues_;
};

class CallOrder {
 public:
  void expect(std::string_view function, int count, Place place) {
    require(count != 0, place, "expected 0 calls");
    calls_.push_back({bareName(function), count, place});
  }
  void called(std::string_view function, Place place) {
    for (auto call = calls_.begin(); call != calls_.end(); ++call) {
      if (call->what == function) {
        if (call->use()) calls_.erase(call);
        return;
      }
      if (!call->optional()) {
        leave(place, fmt::format("expected call to {} but {} was called", call->what, function));
      }
    }
    leave(place, fmt::format("unexpected call to {}", function));
  }
  const Place* leftOver(std::string* name) const {
    for (const auto& call : calls_) {
      *name = call.what;
      if (!call.optional()) return &call.place;
    }
    return nullptr;
  }

 private:
  std::deque<Expected<std::string>> calls_;
};

struct Mocks {
  Queues<LargestIntegralType> results;
  Queues<ParameterCheck> parameters;
  CallOrder calls;

  void failIfLeftOver() const {
    std::string name;
    if (const Place* place = results.leftOver(&name)) leave(*place, name + " has values left");
    if (const Place* place = parameters.leftOver(&name)) leave(*place, name + " was not checked");
    if (const Place* place = calls.leftOver(&name)) leave(*place, name + " was not called");
  }
};

inline Mocks& mocks() {
  static Mocks all;
  return all;
}

}  // namespace culvert::cmocka
