// SPDX-License-Identifier: GPL-3.0-or-later
// The waiting command's exit code, whatever becomes of the daemon, and what the daemon looks like
// afterwards.
#include "process/daemonize.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace culvert {
namespace {

struct Outcome {
  int exitCode = -1;   // of the waiting command
  std::string report;  // what the daemon wrote to its descriptor, to the end
  std::string stderrText;
};

std::string readAll(int fd) {
  std::string text;
  char buffer[512];
  for (ssize_t size; (size = ::read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, size_t(size));
  return text;
}

/// Forks a "command" that daemonizes and runs `daemon(start, reportFd)` in the daemon.
template <class Daemon>
Outcome runCommand(Daemon daemon) {
  int report[2];
  int errors[2];
  EXPECT_EQ(::pipe2(report, O_CLOEXEC), 0);
  EXPECT_EQ(::pipe2(errors, O_CLOEXEC), 0);
  pid_t command = ::fork();
  if (command == 0) {
    ::dup2(errors[1], STDERR_FILENO);
    ::close(report[0]);
    auto start = daemonize();
    if (!start) ::_exit(77);
    daemon(*start, report[1]);
    ::_exit(0);
  }
  ::close(report[1]);
  ::close(errors[1]);
  Outcome outcome;
  int status = 0;
  EXPECT_EQ(::waitpid(command, &status, 0), command);
  outcome.exitCode = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  outcome.report = readAll(report[0]);
  outcome.stderrText = readAll(errors[0]);
  ::close(report[0]);
  ::close(errors[0]);
  return outcome;
}

void say(int fd, const std::string& text) {
  EXPECT_EQ(::write(fd, text.data(), text.size()), ssize_t(text.size()));
}

TEST(Daemonize, EndsTheCommandWhenReady) {
  pid_t before = ::getpid();
  Outcome outcome = runCommand([before](DaemonStart& start, int report) {
    say(STDERR_FILENO, "still the terminal\n");
    bool inOwnSession = ::getsid(0) != ::getpid() &&
                        ::getpgrp() != before;  // not the leader: no terminal to be had
    bool detached = start.detached();
    start.ready();
    struct stat null {};
    struct stat own {};
    ::stat("/dev/null", &null);
    bool silenced = true;
    for (int fd : {0, 1, 2})
      silenced = silenced && ::fstat(fd, &own) == 0 && own.st_rdev == null.st_rdev;
    say(STDERR_FILENO, "goes nowhere\n");
    say(report, std::string(inOwnSession ? "session " : "") +
                    (detached && !start.detached() ? "detached " : "") +
                    (silenced ? "silenced" : ""));
  });
  EXPECT_EQ(outcome.exitCode, 0);
  EXPECT_EQ(outcome.report, "session detached silenced");
  EXPECT_EQ(outcome.stderrText, "still the terminal\n");
}

TEST(Daemonize, PassesTheExitCodeOfAFailedStartOn) {
  for (int code : {1, 3, 4, 5}) {
    Outcome outcome = runCommand([code](DaemonStart& start, int) {
      say(STDERR_FILENO, "why\n");
      start.failed(code);
    });
    EXPECT_EQ(outcome.exitCode, code);
    EXPECT_EQ(outcome.stderrText, "why\n");
  }
}

TEST(Daemonize, ADaemonThatDiesWithoutAWordIsAnError) {
  Outcome outcome = runCommand([](DaemonStart&, int) { ::kill(::getpid(), SIGKILL); });
  EXPECT_EQ(outcome.exitCode, 1);
  EXPECT_EQ(outcome.stderrText, "culvert: the daemon died before it was ready\n");
}

TEST(Daemonize, SurvivesTheLossOfTheWaitingCommand) {
  int report[2];
  ASSERT_EQ(::pipe2(report, O_CLOEXEC), 0);
  int go[2];
  ASSERT_EQ(::pipe2(go, O_CLOEXEC), 0);
  pid_t command = ::fork();
  ASSERT_GE(command, 0);
  if (command == 0) {
    ::close(report[0]);
    ::close(go[1]);
    auto start = daemonize();
    say(report[1], "started");
    char byte;
    [[maybe_unused]] ssize_t ended =
        ::read(go[0], &byte, 1);  // until the test has killed the command
    start->ready();
    say(report[1], " ready");
    ::_exit(0);
  }
  ::close(report[1]);
  char text[8] = {};
  ASSERT_EQ(::read(report[0], text, 7), 7);
  ::kill(command, SIGKILL);
  int status = 0;
  ASSERT_EQ(::waitpid(command, &status, 0), command);
  ::close(go[0]);
  ::close(go[1]);
  EXPECT_EQ(readAll(report[0]), " ready");
  ::close(report[0]);
}

TEST(Daemonize, InTheForegroundThereIsNothingToDo) {
  DaemonStart start;
  EXPECT_FALSE(start.detached());
  start.ready();
  start.failed(3);
  struct stat null {};
  struct stat own {};
  ASSERT_EQ(::stat("/dev/null", &null), 0);
  ASSERT_EQ(::fstat(STDERR_FILENO, &own), 0);
}

}  // namespace
}  // namespace culvert
