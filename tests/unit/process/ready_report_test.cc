// SPDX-License-Identifier: GPL-3.0-or-later
// The words of readiness and their way through pipes: full, slow, closed, wrong.
#include "process/ready_report.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

#include "base/unique_fd.h"

namespace culvert {
namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    reader.reset(ends[0]);
    writer.reset(ends[1]);
  }
  UniqueFd reader;
  UniqueFd writer;
};

std::string readAll(int fd) {
  std::string text;
  char buffer[4096];
  for (ssize_t size; (size = ::read(fd, buffer, sizeof buffer)) > 0;)
    text.append(buffer, size_t(size));
  return text;
}

TEST(ReadyReport, HasTheWordsOfTheContract) {
  EXPECT_EQ(readyText({{"web", "*:443"}, {"imap", "[::1]:993"}, {"local", "unix:/run/x"}}),
            "listening service=web address=*:443\n"
            "listening service=imap address=[::1]:993\n"
            "listening service=local address=unix:/run/x\n"
            "ready\n");
  EXPECT_EQ(readyText({}), "ready\n");
  EXPECT_EQ(listeningLine({"main", "127.0.0.1:1"}), "listening service=main address=127.0.0.1:1");
}

TEST(ReadyReport, WritesAllAndCloses) {
  Pipe pipe;
  ASSERT_TRUE(checkReadyFd(pipe.writer.get()));
  ASSERT_TRUE(writeReadyFd(pipe.writer.release(), "ready\n"));
  EXPECT_EQ(readAll(pipe.reader.get()), "ready\n")
      << "to the end of the file: the descriptor is closed";
}

TEST(ReadyReport, WritesMoreThanThePipeHolds) {
  Pipe pipe;
  std::string text(1 << 20, 'x');
  std::string got;
  std::thread reader([&] { got = readAll(pipe.reader.get()); });
  auto written = writeReadyFd(pipe.writer.release(), text, Millis(60000));
  reader.join();
  EXPECT_TRUE(written);
  EXPECT_EQ(got, text);
}

TEST(ReadyReport, AReaderThatIsGoneIsAnError) {
  Pipe pipe;
  pipe.reader.reset();
  const auto before = ::signal(SIGPIPE, SIG_IGN);  // as the process does
  auto written = writeReadyFd(pipe.writer.release(), "ready\n");
  ::signal(SIGPIPE, before);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().sysErrno, EPIPE);
}

TEST(ReadyReport, AReaderThatTakesNothingIsGivenUp) {
  Pipe pipe;
  ASSERT_EQ(::fcntl(pipe.writer.get(), F_SETFL, O_NONBLOCK), 0);
  std::string block(4096, 'x');
  while (::write(pipe.writer.get(), block.data(), block.size()) > 0) {
  }
  auto written = writeReadyFd(pipe.writer.release(), "ready\n", Millis(1));
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().sysErrno, ETIMEDOUT);
}

TEST(ReadyReport, ChecksTheDescriptor) {
  Pipe pipe;
  EXPECT_EQ(checkReadyFd(pipe.reader.get()).error().text,
            "descriptor " + std::to_string(pipe.reader.get()) + " cannot be written");
  EXPECT_FALSE(checkReadyFd(-1));
  int number = pipe.writer.get();
  ASSERT_EQ(::fcntl(number, F_SETFD, 0), 0);
  ASSERT_TRUE(checkReadyFd(number));
  EXPECT_TRUE(::fcntl(number, F_GETFD) & FD_CLOEXEC);
  pipe.writer.reset();
  EXPECT_EQ(checkReadyFd(number).error().text,
            "descriptor " + std::to_string(number) + " is not open");
  EXPECT_EQ(writeReadyFd(number, "ready\n").error().sysErrno, EBADF);
}

}  // namespace
}  // namespace culvert
