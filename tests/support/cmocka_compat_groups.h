// SPDX-License-Identifier: GPL-3.0-or-later
// CMocka's groups as GoogleTest's test suites. Each CMUnitTest becomes a test with its setup,
// teardown and state; the group's setup and teardown become the suite's. Include cmocka_compat.h.
#pragma once

#include <cstdlib>
#include <string>

#include "cmocka_compat_run.h"

namespace culvert::cmocka {

class GroupTest : public testing::Test {
 public:
  GroupTest(Group* group, const CMUnitTest& test) : group_(group), test_(test) {}

  static void SetUpTestSuite() { setUp(groups()[currentSuite()]); }
  static void TearDownTestSuite() { tearDown(groups()[currentSuite()]); }

  void TestBody() override {
    if (!group_->ready) GTEST_SKIP() << "the group's setup failed";
    void* state = group_->state != nullptr ? group_->state : test_.initial_state;
    const size_t mark = heap().mark();
    if (test_.setup_func != nullptr &&
        runProtected([&] { return test_.setup_func(&state); }) != Ended::kWell) {
      return error("setup");
    }
    const Ended ended = runProtected([&] {
      const size_t before = heap().mark();
      test_.test_func(&state);
      heap().failIfYounger(before);
      return 0;
    });
    if (test_.teardown_func != nullptr) {
      const auto body = [&] {
        const int code = test_.teardown_func(&state);
        if (test_.setup_func != nullptr) heap().failIfYounger(mark);
        return code;
      };
      if (runProtected(body) != Ended::kWell) return error("teardown");
    }
    RecordProperty("cmocka", verdictWord(ended));
    if (ended == Ended::kFailed) ++group_->failures;
    if (ended == Ended::kSkipped) GTEST_SKIP();
  }

 private:
  static std::string currentSuite() {
    return testing::UnitTest::GetInstance()->current_test_suite()->name();
  }
  static void setUp(Group& group) {
    group.state = nullptr;
    group.mark = heap().mark();
    group.ready = group.setup == nullptr ||
                  runProtected([&] { return group.setup(&group.state); }) == Ended::kWell;
    if (group.ready) return;
    RecordProperty("cmocka_setup", "FAILED");
    ADD_FAILURE() << "group setup of " << group.name << " failed";
  }
  static void tearDown(Group& group) {
    if (group.teardown != nullptr &&
        runProtected([&] { return group.teardown(&group.state); }) != Ended::kWell) {
      RecordProperty("cmocka_teardown", "FAILED");
      ADD_FAILURE() << "group teardown of " << group.name << " failed";
    }
    group.leaked = runProtected([&] {
                     heap().failIfYounger(group.mark);
                     return 0;
                   }) != Ended::kWell;
  }
  void error(const char* what) {
    RecordProperty("cmocka", "ERROR");
    ++group_->failures;
    ADD_FAILURE() << what << " of " << test_.name << " failed";
  }

  Group* group_;
  CMUnitTest test_;
};

/// Registers the tests of a group with GoogleTest; a static initialiser may call it.
inline bool addGroup(const char* name, const CMUnitTest* tests, size_t count,
                     CMFixtureFunction setup, CMFixtureFunction teardown, Place place) {
  Group* group = &groups()[name];
  if (!group->name.empty()) {
    std::fprintf(stderr, "%s:%d: there is a group %s already\n", place.file, place.line, name);
    std::abort();
  }
  group->name = name;
  group->setup = setup;
  group->teardown = teardown;
  for (size_t i = 0; i < count; ++i) {
    const CMUnitTest test = tests[i];
    if (test.test_func == nullptr) continue;
    testing::RegisterTest(name, test.name, nullptr, nullptr, place.file, place.line,
                          [group, test]() -> GroupTest* { return new GroupTest(group, test); });
  }
  return true;
}

/// Called by main() of a CMocka program: runs one group and returns the number of failed tests.
inline int runGroup(const char* name, const CMUnitTest* tests, size_t count,
                    CMFixtureFunction setup, CMFixtureFunction teardown, Place place) {
  static int argc = 1;
  static char program[] = "cmocka";
  static char* argv[] = {program, nullptr};
  static const bool initialised = (testing::InitGoogleTest(&argc, argv), true);
  (void)initialised;
  addGroup(name, tests, count, setup, teardown, place);
  GTEST_FLAG_SET(filter, std::string(name) + ".*");
  const int result = RUN_ALL_TESTS();
  const Group& group = groups()[name];
  if (group.leaked) return -1;  // as libcmocka does
  return group.failures == 0 && result != 0 ? 1 : group.failures;
}

}  // namespace culvert::cmocka
