// SPDX-License-Identifier: GPL-3.0-or-later
// IoWatcher reports when one descriptor is readable or writable, level triggered. The libevent
// event for writing is allocated at its first use, because most connections never wait for
// writability. Thread: loop.
#pragma once

#include <event2/event.h>
#include <event2/event_struct.h>

#include <memory>

namespace culvert {

class EventLoop;

class IoWatcher {
 public:
  using Callback = void (*)(void* context);

  /// A new IoWatcher watches nothing. The descriptor must stay open until after the last watch().
  IoWatcher(EventLoop& loop, int fd, void* context, Callback onReadable, Callback onWritable);
  ~IoWatcher();
  IoWatcher(const IoWatcher&) = delete;
  IoWatcher& operator=(const IoWatcher&) = delete;

  /// Sets the directions to watch; makes no system call if nothing changes. Returns false if the
  /// system cannot add a watch (ENOMEM, fs.epoll.max_user_watches). The direction that failed is
  /// then not watched, and the next call tries again to add it. Removing a watch always succeeds.
  bool watch(bool readable, bool writable) {
    const bool reads = readable == watchingRead_ || setRead(readable);
    const bool writes = writable == watchingWrite_ || setWrite(writable);
    return reads && writes;
  }
  bool watchingRead() const { return watchingRead_; }
  bool watchingWrite() const { return watchingWrite_; }

 private:
  bool setRead(bool on);
  bool setWrite(bool on);
  static void dispatch(int fd, short what, void* self);

  EventLoop& loop_;
  void* context_;
  Callback onReadable_;
  Callback onWritable_;
  bool watchingRead_ = false;
  bool watchingWrite_ = false;
  event readEvent_;
  std::unique_ptr<event> writeEvent_;
};

}  // namespace culvert
