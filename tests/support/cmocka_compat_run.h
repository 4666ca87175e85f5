// SPDX-License-Identifier: GPL-3.0-or-later
// Runs one test or fixture of CMocka with everything around it, and holds what a group shares.
// Include cmocka_compat.h.
#pragma once

#include <map>
#include <string>

#include "cmocka_compat_alloc.h"
#include "cmocka_compat_words.h"

namespace culvert::cmocka {

struct Group {
  std::string name;
  CMFixtureFunction setup = nullptr;
  CMFixtureFunction teardown = nullptr;
  void* state = nullptr;
  size_t mark = 0;      // of the heap before the setup
  bool ready = false;   // the setup succeeded
  bool leaked = false;  // blocks were left at the end
  int failures = 0;     // tests that failed, as cmocka_run_group_tests() returns them
};

inline std::map<std::string, Group>& groups() {
  static std::map<std::string, Group> all;
  return all;
}

enum class Ended { kWell, kFailed, kSkipped };

inline const char* verdictWord(Ended ended) {
  if (ended == Ended::kWell) return "OK";
  return ended == Ended::kFailed ? "FAILED" : "SKIPPED";
}

// Runs a test or a fixture as CMocka does: it empties the queues first, and afterwards checks what
// is left in them.
template <class Body>
Ended runProtected(Body body) {
  mocks() = Mocks();
  Ended ended = Ended::kWell;
  try {
    ended = body() == 0 ? Ended::kWell : Ended::kFailed;
    mocks().failIfLeftOver();
  } catch (const TestFailed&) {
    ended = Ended::kFailed;
  } catch (const TestSkipped&) {
    ended = Ended::kSkipped;
  }
  expectingAssert() = false;
  mocks() = Mocks();
  return ended;
}

}  // namespace culvert::cmocka
