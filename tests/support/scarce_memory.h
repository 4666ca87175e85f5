// SPDX-License-Identifier: GPL-3.0-or-later
// While a ScarceMemory lives, operator new fails from a chosen allocation of this thread on.
// Include it once in a test binary, because it replaces the operators. wolfSSL uses malloc and is
// not affected.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace culvert {

class ScarceMemory {
 public:
  explicit ScarceMemory(size_t allowed) {
    left = allowed;
    scarce = true;
  }
  ~ScarceMemory() { scarce = false; }

  /// While a Plenty lives, memory is not scarce: for a test's own work inside the code under test.
  class Plenty {
   public:
    Plenty() : was_(scarce) { scarce = false; }
    ~Plenty() { scarce = was_; }
    Plenty(const Plenty&) = delete;
    Plenty& operator=(const Plenty&) = delete;

   private:
    const bool was_;
  };

  /// True if this allocation may succeed.
  static bool allow() { return !scarce || (left != 0 && left-- != 0); }

 private:
  inline static thread_local bool scarce = false;
  inline static thread_local size_t left = 0;
};

}  // namespace culvert

// Not inlined: gcc would see free() paired with operator new of other translation units, and warn.
[[gnu::noinline]] void* operator new(std::size_t size) {
  void* made = culvert::ScarceMemory::allow() ? std::malloc(size) : nullptr;
  if (made == nullptr) throw std::bad_alloc();
  return made;
}

[[gnu::noinline]] void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return culvert::ScarceMemory::allow() ? std::malloc(size) : nullptr;
}

[[gnu::noinline]] void operator delete(void* made) noexcept { std::free(made); }
[[gnu::noinline]] void operator delete(void* made, std::size_t) noexcept { std::free(made); }

// The default operators for arrays call the ones above, but those of AddressSanitizer do not.
[[gnu::noinline]] void* operator new[](std::size_t size) { return operator new(size); }
[[gnu::noinline]] void operator delete[](void* made) noexcept { std::free(made); }
[[gnu::noinline]] void operator delete[](void* made, std::size_t) noexcept { std::free(made); }
