// SPDX-License-Identifier: GPL-3.0-or-later
// Makes a callback for IoWatcher, Timer and similar classes from a method. The callback is a plain
// function; its context is the object whose method it calls. Thread: any.
#pragma once

namespace culvert {

template <auto kMethod>
struct MethodCall;

template <class T, class... Args, void (T::*kMethod)(Args...)>
struct MethodCall<kMethod> {
  static void run(void* self, Args... args) { (static_cast<T*>(self)->*kMethod)(args...); }
};

/// Example: `Timer(loop, this, call<&Worker::onTimer>)`. The context must be a pointer to the class
/// that declares the method, not to a derived class.
template <auto kMethod>
inline constexpr auto call = &MethodCall<kMethod>::run;

}  // namespace culvert
