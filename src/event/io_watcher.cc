// SPDX-License-Identifier: GPL-3.0-or-later
// See io_watcher.h.
#include "event/io_watcher.h"

#include "event/event_loop.h"

namespace culvert {

IoWatcher::IoWatcher(EventLoop& loop, int fd, void* context, Callback onReadable,
                     Callback onWritable)
    : loop_(loop), context_(context), onReadable_(onReadable), onWritable_(onWritable) {
  event_assign(&readEvent_, loop_.base(), fd, EV_READ | EV_PERSIST, &IoWatcher::dispatch, this);
}

IoWatcher::~IoWatcher() { watch(false, false); }

bool IoWatcher::setRead(bool on) {
  if (on && event_add(&readEvent_, nullptr) != 0) return false;
  if (!on) event_del(&readEvent_);
  watchingRead_ = on;
  return true;
}

bool IoWatcher::setWrite(bool on) {
  if (on && !writeEvent_) {
    writeEvent_ = std::make_unique<event>();
    event_assign(writeEvent_.get(), loop_.base(), event_get_fd(&readEvent_), EV_WRITE | EV_PERSIST,
                 &IoWatcher::dispatch, this);
  }
  if (on && event_add(writeEvent_.get(), nullptr) != 0) return false;
  if (!on) event_del(writeEvent_.get());
  watchingWrite_ = on;
  return true;
}

void IoWatcher::dispatch(int, short what, void* self) {
  auto& watcher = *static_cast<IoWatcher*>(self);
  watcher.loop_.beginTurn();
  watcher.loop_.guard([&watcher, what] {
    if ((what & EV_READ) != 0) watcher.onReadable_(watcher.context_);
    if ((what & EV_WRITE) != 0) watcher.onWritable_(watcher.context_);
  });
}

}  // namespace culvert
