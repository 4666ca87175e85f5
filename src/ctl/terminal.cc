// SPDX-License-Identifier: GPL-3.0-or-later
#include "ctl/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>

namespace culvert {

namespace {

// The alternate screen, no cursor, no line wrap; and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";

constexpr int kQueued[] = {SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT};
constexpr int kFatal[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

/// The modes before enter(). A handler of a fatal signal reads them, so they are global.
termios savedModes{};
volatile std::sig_atomic_t isRaw = 0;

void writeAll(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count > 0) {
      text.remove_prefix(static_cast<size_t>(count));
    } else if (count < 0 && errno == EAGAIN) {
      pollfd one{STDOUT_FILENO, POLLOUT, 0};
      if (::poll(&one, 1, 1000) <= 0) return;
    } else if (count == 0 || errno != EINTR) {
      return;
    }
  }
}

/// Only calls functions that a signal handler may call.
void restoreModes() {
  if (isRaw == 0) return;
  isRaw = 0;
  writeAll(kLeave);
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &savedModes);
}

void onFatalSignal(int number) {
  restoreModes();
  std::signal(number, SIG_DFL);
  std::raise(number);
}

sigset_t queuedSignals() {
  sigset_t set;
  sigemptyset(&set);
  for (int number : kQueued) sigaddset(&set, number);
  return set;
}

}  // namespace

Result<void> Terminal::enter() {
  if (::tcgetattr(STDIN_FILENO, &savedModes) != 0)
    return failErrno("the modes of the terminal cannot be read", errno);
  const sigset_t set = queuedSignals();
  ::pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signalFd_.reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!signalFd_) return failErrno("signalfd", errno);
  for (int number : kFatal) std::signal(number, onFatalSignal);
  entered_ = true;
  enterRaw();
  return {};
}

void Terminal::enterRaw() {
  termios raw = savedModes;
  ::cfmakeraw(&raw);
  isRaw = 1;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
  writeAll(kEnter);
}

void Terminal::leave() {
  if (!entered_) return;
  entered_ = false;
  restoreModes();
}

void Terminal::suspend() {
  restoreModes();
  ::kill(::getpid(), SIGSTOP);
  enterRaw();
}

int Terminal::takeSignal() {
  signalfd_siginfo info{};
  const ssize_t count = ::read(signalFd_.get(), &info, sizeof info);
  return count == static_cast<ssize_t>(sizeof info) ? static_cast<int>(info.ssi_signo) : 0;
}

TopSize Terminal::size() {
  winsize window{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col == 0 || window.ws_row == 0)
    return {};
  return {window.ws_col, window.ws_row};
}

void Terminal::draw(const std::vector<std::string>& lines, bool clear) {
  std::string out = clear ? "\x1b[2J\x1b[H" : "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i != 0) out += "\r\n";
    // Erased before the text: behind a full line the cursor stays on the last character.
    out += "\x1b[K" + lines[i];
  }
  writeAll(out);
}

}  // namespace culvert
