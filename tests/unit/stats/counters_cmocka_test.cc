// SPDX-License-Identifier: GPL-3.0-or-later
// A counter block's arithmetic, told in CMocka's vocabulary: such groups run beside the TEST()s of
// any unit test.
#include "stats/counters.h"
#include "support/cmocka_compat.h"

namespace culvert {
namespace {

int newBlock(void** state) {
  *state = new CounterBlock();
  return 0;
}

int deleteBlock(void** state) {
  delete static_cast<CounterBlock*>(*state);
  return 0;
}

void startsAtZero(void** state) {
  const auto* block = static_cast<CounterBlock*>(*state);
  for (size_t i = 0; i < kCounterCount; ++i) {
    assert_int_equal(block->get(static_cast<Counter>(i)), 0);
  }
}

void keepsWhatWasSet(void** state) {
  auto* block = static_cast<CounterBlock*>(*state);
  block->set(Counter::kLongestTurn, 30);
  block->set(Counter::kLongestTurn, 20);
  assert_int_equal(block->get(Counter::kLongestTurn), 20);
}

void wrapsAsOneGaugeOfMany(void** state) {
  auto* block = static_cast<CounterBlock*>(*state);
  block->sub(Counter::kTunnelsActive);
  assert_int_equal(block->get(Counter::kTunnelsActive), UINT64_MAX);
  block->add(Counter::kTunnelsActive, 2);
  assert_int_equal(block->get(Counter::kTunnelsActive), 1);
}

const CMUnitTest counterBlock[] = {
    cmocka_unit_test_setup_teardown(startsAtZero, newBlock, deleteBlock),
    cmocka_unit_test_setup_teardown(keepsWhatWasSet, newBlock, deleteBlock),
    cmocka_unit_test_setup_teardown(wrapsAsOneGaugeOfMany, newBlock, deleteBlock),
};

CMOCKA_GTEST_GROUP(counterBlock, nullptr, nullptr);

}  // namespace
}  // namespace culvert
