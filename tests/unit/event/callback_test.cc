// SPDX-License-Identifier: GPL-3.0-or-later
// A method as a callback: with and without arguments, private ones too.
#include "event/callback.h"

#include <gtest/gtest.h>

#include <type_traits>

namespace culvert {
namespace {

class Probe {
 public:
  void onFire() { ++fired; }
  void onSignal(int signal) { last = signal; }
  static auto hidden() { return call<&Probe::onHidden>; }

  int fired = 0;
  int last = 0;

 private:
  void onHidden() { fired = -1; }
};

TEST(Callback, CallsTheMethodOfItsContext) {
  Probe probe;
  void (*fire)(void*) = call<&Probe::onFire>;
  fire(&probe);
  fire(&probe);
  EXPECT_EQ(probe.fired, 2);
  void (*signal)(void*, int) = call<&Probe::onSignal>;
  signal(&probe, 15);
  EXPECT_EQ(probe.last, 15);
  Probe::hidden()(&probe);
  EXPECT_EQ(probe.fired, -1);
}

TEST(Callback, IsAConstantFunctionPointer) {
  static_assert(std::is_same_v<decltype(call<&Probe::onFire>), void (*const)(void*)>);
}

}  // namespace
}  // namespace culvert
