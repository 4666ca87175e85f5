// SPDX-License-Identifier: GPL-3.0-or-later
// The Logger as a whole: the thread, the bounds, targets that are stuck, full or replaced, and the
// way out.
#include "log/logger.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "temp_dir.h"

namespace culvert {
namespace {

using namespace std::chrono_literals;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

class LoggerTest : public testing::Test {
 protected:
  LoggerTest() {
    ::signal(SIGPIPE, SIG_IGN);  // as the process does
  }

  std::string pathOf(const std::string& name) const { return directory_ / name; }

  LogOptions fileOptions(const std::string& name) const {
    LogOptions options;
    options.target = LogTarget::kFile;
    options.path = pathOf(name);
    return options;
  }

  static std::string slurp(const std::string& path) {
    std::ifstream in(path);
    std::stringstream all;
    all << in.rdbuf();
    return all.str();
  }

  static std::vector<std::string> linesOf(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    return lines;
  }

  // Waits for what another thread is about to do; the limit only ends a broken test.
  template <class Condition>
  static bool eventually(Condition condition) {
    const TimePoint limit = Clock::now() + 20s;
    while (!condition()) {
      if (Clock::now() > limit) return false;
      std::this_thread::sleep_for(1ms);
    }
    return true;
  }

  static int logThreads() {
    int count = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
      if (slurp(task.path() / "comm") == "culvert-log\n") ++count;
    }
    return count;
  }

  TempDir directory_;
};

// A FIFO as log target: the reading end is the test's, and nobody reads until it says so.
class Fifo {
 public:
  explicit Fifo(const std::string& path) {
    EXPECT_EQ(::mkfifo(path.c_str(), 0600), 0);
    reader_ = UniqueFd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    EXPECT_TRUE(reader_.valid());
  }

  // Reads what is there.
  const std::string& drain() {
    char piece[65536];
    for (ssize_t got; (got = ::read(reader_.get(), piece, sizeof piece)) > 0;) {
      text_.append(piece, static_cast<size_t>(got));
    }
    return text_;
  }

  void close() { reader_.reset(); }

 private:
  UniqueFd reader_;
  std::string text_;
};

TEST_F(LoggerTest, WritesLinesWithTimeAndLevel) {
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  EXPECT_FALSE(logger.writesToStderr());
  ASSERT_TRUE(logger.start());
  logger.log(LogLine(LogLevel::kInfo, "tunnel closed").add("service", "a b").add("n", 1));
  logger.log(LogLevel::kDebug, "not said");
  EXPECT_TRUE(logger.stop());
  EXPECT_THAT(slurp(pathOf("log")),
              testing::MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\.[0-9]{3}Z info tunnel "
                                    "closed service=\"a b\" n=1\n"));
  EXPECT_EQ(logger.counts().written, 1u);
  struct stat info {};
  ASSERT_EQ(::stat(pathOf("log").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0137, 0u);  // at most 0640
}

TEST_F(LoggerTest, WritesBeforeTheStartAndAfterTheStop) {
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  logger.log(LogLevel::kErr, "one");
  EXPECT_THAT(slurp(pathOf("log")), HasSubstr("err one\n"));
  ASSERT_TRUE(logger.start());
  logger.log(LogLevel::kErr, "two");
  EXPECT_TRUE(logger.stop());
  logger.log(LogLevel::kErr, "three");
  const auto lines = linesOf(slurp(pathOf("log")));
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_THAT(lines[2], HasSubstr("err three"));
  EXPECT_TRUE(logger.stop());  // again: nothing to do
}

TEST_F(LoggerTest, StandardErrorIsTheTargetUntilConfigured) {
  testing::internal::CaptureStderr();
  Logger logger;
  EXPECT_TRUE(logger.writesToStderr());
  logger.log(LogLevel::kWarning, "early");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), HasSubstr(" warning early\n"));
}

TEST_F(LoggerTest, JsonLines) {
  Logger logger;
  LogOptions options = fileOptions("log");
  options.format = LogFormat::kJson;
  options.level = LogLevel::kDebug;
  ASSERT_TRUE(logger.configure(options));
  ASSERT_TRUE(logger.start());
  logger.log(LogLine(LogLevel::kDebug, "probe").add("peer", "[::1]:5"));
  ASSERT_TRUE(logger.stop());
  const auto json = nlohmann::json::parse(slurp(pathOf("log")));
  EXPECT_EQ(json["level"], "debug");
  EXPECT_EQ(json["msg"], "probe");
  EXPECT_EQ(json["peer"], "[::1]:5");
  EXPECT_EQ(json["pid"], ::getpid());
}

TEST_F(LoggerTest, JournalGetsPrioritiesInsteadOfTimes) {
  Fifo fifo(pathOf("fifo"));
  struct stat info {};
  ASSERT_EQ(::stat(pathOf("fifo").c_str(), &info), 0);
  ::setenv("JOURNAL_STREAM", fmt::format("{}:{}", info.st_dev, info.st_ino).c_str(), 1);
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("fifo")));
  ::unsetenv("JOURNAL_STREAM");
  logger.log(LogLine(LogLevel::kNotice, "ready"));
  EXPECT_EQ(fifo.drain(), "<5>ready\n");
}

TEST_F(LoggerTest, RefusesWhatCannotBeOpened) {
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  const auto directory = logger.configure(fileOptions("no/such/dir"));
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().text,
            "cannot open log file " + pathOf("no/such/dir") + ": No such file or directory");
  ASSERT_EQ(::symlink(pathOf("nothing").c_str(), pathOf("link").c_str()), 0);
  EXPECT_THAT(logger.configure(fileOptions("link")).error().text, HasSubstr("dangling"));
  LogOptions syslog;
  syslog.target = LogTarget::kSyslog;
  syslog.facility = "local9";
  EXPECT_EQ(logger.configure(syslog).error().text, "\"local9\" is not a syslog facility");
  for (const std::string_view name : kSyslogFacilityNames) {
    syslog.facility = name;
    EXPECT_TRUE(Logger().configure(syslog)) << name;
  }
  logger.log(LogLevel::kInfo, "still here");
  EXPECT_THAT(slurp(pathOf("log")), HasSubstr("still here"));
}

TEST_F(LoggerTest, StuckPipeCostsLinesOnlyAndTheLossIsSaid) {
  Fifo fifo(pathOf("fifo"));
  LogLimits limits;
  limits.ringLines = 50;
  Logger logger(limits);
  ASSERT_TRUE(logger.configure(fileOptions("fifo")));
  ASSERT_TRUE(logger.start());
  const std::string filler(1000, 'x');
  // Until the pipe, the batch in hand and the ring are full.
  const TimePoint began = Clock::now();
  uint64_t said = 0;
  for (; said < 200000 && logger.counts().dropped < 1000; ++said) {
    logger.log(LogLine(LogLevel::kInfo, "line").add("n", said).add("filler", filler));
  }
  EXPECT_GE(logger.counts().dropped, 1000u);
  EXPECT_LT(Clock::now() - began, 10s);  // nobody waited for the pipe

  ASSERT_TRUE(
      eventually([&] { return fifo.drain().find("lines were lost") != std::string::npos; }));
  ASSERT_TRUE(eventually([&] {
    fifo.drain();
    return logger.counts().written + logger.counts().dropped == said;
  }));
  EXPECT_TRUE(logger.stop(20s));
  uint64_t lines = 0;
  uint64_t lost = 0;
  for (const std::string& line : linesOf(fifo.drain())) {
    const size_t at = line.find(" lost=");
    if (at != std::string::npos) {
      lost += std::stoull(line.substr(at + 6));
      EXPECT_THAT(line, HasSubstr("warning log lines were lost"));
    } else {
      ++lines;
      EXPECT_THAT(line, ContainsRegex("Z info line n=[0-9]+ filler=x{1000}$"));  // no line is torn
    }
  }
  EXPECT_EQ(lines, logger.counts().written);
  EXPECT_EQ(lost, logger.counts().dropped);
}

TEST_F(LoggerTest, StuckPipeDoesNotHoldUpTheEnd) {
  Fifo fifo(pathOf("fifo"));
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("fifo")));
  ASSERT_TRUE(logger.start());
  const std::string filler(1000, 'x');
  for (int i = 0; i < 500; ++i) logger.log(LogLine(LogLevel::kInfo, "line").add("f", filler));
  const TimePoint began = Clock::now();
  EXPECT_FALSE(logger.stop(50ms));
  EXPECT_LT(Clock::now() - began, 10s);
  const uint64_t dropped = logger.counts().dropped;
  logger.log(LogLevel::kErr, "nobody hears this, and nobody waits");
  EXPECT_GE(logger.counts().dropped, dropped + 1);
  EXPECT_FALSE(logger.stop());
}

TEST_F(LoggerTest, ThreadStuckInTheKernelIsLeftBehind) {
  // A terminal that nobody reads: poll() finds a little room, and the write that follows waits for
  // more.
  UniqueFd terminal(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!terminal || ::grantpt(terminal.get()) != 0 || ::unlockpt(terminal.get()) != 0) {
    GTEST_SKIP() << "no pseudo-terminals here";
  }
  UniqueFd slave(::open(::ptsname(terminal.get()), O_RDWR | O_NOCTTY | O_CLOEXEC));
  ASSERT_TRUE(slave.valid());
  ::fflush(stdout);
  const UniqueFd savedStdout(::dup(STDOUT_FILENO));
  ::dup2(slave.get(), STDOUT_FILENO);
  bool configured = false;
  bool ended = true;
  TimePoint began;
  {
    Logger logger;
    LogOptions options;
    options.target = LogTarget::kStdout;
    configured = logger.configure(options) && logger.start();
    const std::string filler(4000, 'x');
    for (int i = 0; i < 200; ++i) logger.log(LogLine(LogLevel::kInfo, "line").add("f", filler));
    began = Clock::now();
    ended = logger.stop(50ms);
  }
  const auto took = Clock::now() - began;
  // Without its other end the write fails, and the thread that was left behind ends.
  terminal.reset();
  const bool gone = eventually([] { return logThreads() == 0; });
  ::dup2(savedStdout.get(), STDOUT_FILENO);
  EXPECT_TRUE(configured);
  EXPECT_FALSE(ended);
  EXPECT_LT(took, 10s);
  EXPECT_TRUE(gone);
}

TEST_F(LoggerTest, ChangeOfTargetFreesAThreadThatWaitsForTheOld) {
  Fifo fifo(pathOf("fifo"));
  LogLimits limits;
  limits.retryPause = 10ms;
  Logger logger(limits);
  ASSERT_TRUE(logger.configure(fileOptions("fifo")));
  ASSERT_TRUE(logger.start());
  const std::string filler(1000, 'x');
  for (int i = 0; i < 500; ++i) logger.log(LogLine(LogLevel::kInfo, "old").add("f", filler));
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  logger.log(LogLevel::kInfo, "new");
  ASSERT_TRUE(logger.stop(20s));
  const std::string text = slurp(pathOf("log"));
  EXPECT_THAT(text, HasSubstr("info new\n"));
  EXPECT_THAT(text, HasSubstr("log lines were lost"));
  EXPECT_THAT(text, Not(HasSubstr("info old")));
}

TEST_F(LoggerTest, LinesBeforeAChangeGoToTheOldTarget) {
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("one")));
  ASSERT_TRUE(logger.start());
  for (int i = 0; i < 100; ++i) logger.log(LogLine(LogLevel::kInfo, "a").add("i", i));
  LogOptions second = fileOptions("two");
  second.level = LogLevel::kErr;
  ASSERT_TRUE(logger.configure(second));
  logger.log(LogLevel::kInfo, "below the new level");
  logger.log(LogLevel::kErr, "b");
  ASSERT_TRUE(logger.stop(20s));
  EXPECT_EQ(linesOf(slurp(pathOf("one"))).size(), 100u);
  const auto lines = linesOf(slurp(pathOf("two")));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("err b"));
}

TEST_F(LoggerTest, TheLevelChangesWithoutTheTarget) {
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  ASSERT_TRUE(logger.start());
  std::filesystem::rename(pathOf("log"), pathOf("old"));
  logger.setLevel(LogLevel::kErr);
  logger.log(LogLevel::kInfo, "too low");
  logger.setLevel(LogLevel::kDebug);
  logger.log(LogLevel::kDebug, "wanted");
  ASSERT_TRUE(logger.stop(20s));
  const auto lines = linesOf(slurp(pathOf("old")));
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_THAT(lines[0], HasSubstr("debug wanted"));
  EXPECT_FALSE(std::filesystem::exists(pathOf("log")));
}

TEST_F(LoggerTest, ReopenFollowsTheRotation) {
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  ASSERT_TRUE(logger.start());
  logger.log(LogLevel::kInfo, "first");
  std::filesystem::rename(pathOf("log"), pathOf("log.1"));
  logger.log(LogLevel::kInfo, "second");
  logger.reopen();
  logger.log(LogLevel::kInfo, "third");
  ASSERT_TRUE(logger.stop(20s));
  const auto before = linesOf(slurp(pathOf("log.1")));
  ASSERT_EQ(before.size(), 2u);
  EXPECT_THAT(before[1], HasSubstr("second"));
  const auto after = linesOf(slurp(pathOf("log")));
  ASSERT_EQ(after.size(), 2u);
  EXPECT_THAT(after[0], HasSubstr("log file reopened path=" + pathOf("log")));
  EXPECT_THAT(after[1], HasSubstr("third"));
}

TEST_F(LoggerTest, FailedReopenKeepsTheOldFile) {
  std::filesystem::create_directory(pathOf("d"));
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("d/log")));
  ASSERT_TRUE(logger.start());
  std::filesystem::rename(pathOf("d"), pathOf("e"));
  logger.reopen();
  logger.log(LogLevel::kInfo, "on");
  ASSERT_TRUE(logger.stop(20s));
  const auto lines = linesOf(slurp(pathOf("e/log")));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], HasSubstr("warning cannot reopen the log file, the old one stays in use"));
  EXPECT_THAT(lines[0], HasSubstr("No such file or directory"));
  EXPECT_THAT(lines[1], HasSubstr("info on"));
}

TEST_F(LoggerTest, BrokenPipeIsTriedAgainAndSaid) {
  LogLimits limits;
  limits.retryPause = 5ms;
  Logger logger(limits);
  auto fifo = std::make_unique<Fifo>(pathOf("fifo"));
  ASSERT_TRUE(logger.configure(fileOptions("fifo")));
  ASSERT_TRUE(logger.start());
  logger.log(LogLevel::kInfo, "heard");
  ASSERT_TRUE(eventually([&] { return logger.counts().written == 1; }));
  fifo->close();
  for (int i = 0; i < 3; ++i) logger.log(LogLevel::kInfo, "lost");
  ASSERT_TRUE(eventually([&] { return logger.counts().dropped == 3; }));
  // Somebody reads again: the thread finds out by itself, without a further line.
  const UniqueFd again(::open(pathOf("fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::string text;
  EXPECT_TRUE(eventually([&] {
    char piece[4096];
    const ssize_t got = ::read(again.get(), piece, sizeof piece);
    if (got > 0) text.append(piece, static_cast<size_t>(got));
    return text.find("lost=3") != std::string::npos;
  }));
  EXPECT_TRUE(logger.stop(20s));
}

TEST_F(LoggerTest, FullDiskDropsLinesAndRecovers) {
  const std::string full = "/dev/full";
  if (!std::filesystem::exists(full)) GTEST_SKIP() << "no /dev/full here";
  LogLimits limits;
  limits.retryPause = 5ms;
  Logger logger(limits);
  LogOptions options = fileOptions("x");
  options.path = full;
  ASSERT_TRUE(logger.configure(options));
  ASSERT_TRUE(logger.start());
  for (int i = 0; i < 10; ++i) logger.log(LogLevel::kInfo, "no room");
  ASSERT_TRUE(eventually([&] { return logger.counts().dropped == 10; }));
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  ASSERT_TRUE(
      eventually([&] { return slurp(pathOf("log")).find("lost=10") != std::string::npos; }));
  EXPECT_TRUE(logger.stop(20s));
}

TEST_F(LoggerTest, LimitedFileSizeNeverTearsALine) {
  // RLIMIT_FSIZE lets the first part of a write through, as a disk that runs full does.
  struct rlimit before {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, SIG_IGN);
  LogLimits limits;
  limits.retryPause = 1ms;
  Logger logger(limits);
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  struct rlimit small {
    100, before.rlim_max
  };
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  const std::string filler(70, 'x');
  logger.log(LogLine(LogLevel::kInfo, "a").add("f", filler));  // about 100 bytes each
  logger.log(LogLine(LogLevel::kInfo, "b").add("f", filler));
  logger.log(LogLine(LogLevel::kInfo, "c").add("f", filler));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  logger.log(LogLine(LogLevel::kInfo, "d").add("f", filler));
  for (const std::string& line : linesOf(slurp(pathOf("log")))) {
    EXPECT_THAT(line, ContainsRegex("Z info [a-d] f=x{70}$"));
  }
  EXPECT_GE(logger.counts().dropped, 1u);
  EXPECT_EQ(linesOf(slurp(pathOf("log"))).size(), logger.counts().written);
}

TEST_F(LoggerTest, RepeatsAreSummedUpByTheTimer) {
  LogLimits limits;
  limits.window = 50ms;
  Logger logger(limits);
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  ASSERT_TRUE(logger.start());
  uint64_t said = 0;
  while (logger.counts().suppressed < 10) {
    logger.log(LogLine(LogLevel::kInfo, "scan").add("n", said++).collapseBy("scan"));
  }
  ASSERT_TRUE(
      eventually([&] { return slurp(pathOf("log")).find("repeated") != std::string::npos; }));
  ASSERT_TRUE(logger.stop(20s));
  EXPECT_THAT(slurp(pathOf("log")), ContainsRegex("info repeated [0-9]+ times in 50 ms: scan n="));
  EXPECT_GE(logger.counts().suppressed, 10u);
}

TEST_F(LoggerTest, StopSaysWhatTheFilterHeldBack) {
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  ASSERT_TRUE(logger.start());
  for (int i = 0; i < 50; ++i) {
    logger.log(LogLine(LogLevel::kInfo, "scan").add("i", i).collapseBy("scan"));
  }
  ASSERT_TRUE(logger.stop(20s));
  const auto lines = linesOf(slurp(pathOf("log")));
  ASSERT_EQ(lines.size(), 6u);
  EXPECT_THAT(lines[5], HasSubstr("repeated=45"));
  EXPECT_EQ(logger.counts().suppressed, 45u);
}

TEST_F(LoggerTest, ManyProducersChangesAndReopensAtOnce) {
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  ASSERT_TRUE(logger.start());
  constexpr int kThreads = 4;
  constexpr int kLines = 2000;
  std::vector<std::thread> producers;
  for (int t = 0; t < kThreads; ++t) {
    producers.emplace_back([&logger, t] {
      for (int i = 0; i < kLines; ++i) {
        logger.log(LogLine(LogLevel::kInfo, "p").add("id", t * kLines + i));
        if (i % 100 == 0) logger.log(LogLine(LogLevel::kInfo, "r").collapseBy("r"));
        if (i % 200 == 0) (void)logger.counts();
      }
    });
  }
  for (int i = 0; i < 20; ++i) {
    logger.reopen();
    ASSERT_TRUE(logger.configure(fileOptions("log")));
  }
  for (std::thread& producer : producers) producer.join();
  ASSERT_TRUE(logger.stop(20s));
  std::set<std::string> seen;
  for (const std::string& line : linesOf(slurp(pathOf("log")))) {
    const size_t at = line.find("info p id=");
    if (at == std::string::npos) continue;
    EXPECT_TRUE(seen.insert(line.substr(at + 10)).second) << line;
  }
  const LogCounts counts = logger.counts();
  EXPECT_LE(seen.size(), counts.written);
  EXPECT_GE(seen.size() + counts.dropped, size_t{kThreads} * kLines);
}

TEST_F(LoggerTest, TheThreadTakesNoSignals) {
  Logger logger;
  ASSERT_TRUE(logger.configure(fileOptions("log")));
  ASSERT_TRUE(logger.start());
  ASSERT_TRUE(eventually([] { return logThreads() == 1; }));
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    if (slurp(task.path() / "comm") != "culvert-log\n") continue;
    EXPECT_THAT(slurp(task.path() / "status"), ContainsRegex("SigBlk:\t[f]{5}"));
  }
}

TEST_F(LoggerTest, NewFileIsGivenToItsUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  Logger logger;
  LogOptions options = fileOptions("log");
  options.fileOwner = 65534;
  options.fileGroup = 65534;
  ASSERT_TRUE(logger.configure(options));
  struct stat info {};
  ASSERT_EQ(::stat(options.path.c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 65534u);
  EXPECT_EQ(info.st_gid, 65534u);
}

}  // namespace
}  // namespace culvert
