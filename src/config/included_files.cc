// SPDX-License-Identifier: GPL-3.0-or-later
// Expands the pattern with glob(3). A directory that cannot be read is an error: otherwise a reload
// would end services whose files culvert merely does not see.
#include "config/included_files.h"

#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/paths.h"
#include "base/words.h"

namespace culvert {
namespace {

constexpr std::string_view kWildcards = "*?[";

std::string directoryOf(const std::string& mainFile) {
  const size_t slash = mainFile.rfind('/');
  return slash == std::string::npos ? std::string() : mainFile.substr(0, slash + 1);
}

/// Escapes the characters that glob() would interpret.
std::string asPlainPattern(std::string_view directory) {
  std::string pattern;
  for (const char c : directory) {
    if (kWildcards.find(c) != std::string_view::npos || c == '\\') pattern += '\\';
    pattern += c;
  }
  return pattern;
}

/// The directory that the last glob() of this thread could not read.
thread_local std::string globFailure;

/// Called by glob(). A directory that does not exist just has no files.
int onGlobError(const char* directory, int error) {
  if (error == ENOENT || error == ENOTDIR) return 0;
  globFailure =
      fmt::format("cannot read the directory {}: {}", printable(directory), errnoText(error));
  return 1;
}

/// Returns the paths that match, sorted by their bytes.
Result<std::vector<std::string>> matchingPaths(const std::string& pattern) {
  glob_t found{};
  globFailure.clear();
  const int failed = ::glob(pattern.c_str(), GLOB_NOSORT, &onGlobError, &found);
  std::vector<std::string> paths;
  if (failed == 0) paths.assign(found.gl_pathv, found.gl_pathv + found.gl_pathc);
  ::globfree(&found);
  if (failed == GLOB_ABORTED)
    return fail(globFailure.empty() ? "cannot read a directory" : globFailure);
  if (failed == GLOB_NOSPACE) return fail("out of memory");
  std::ranges::sort(paths);
  return paths;
}

class IncludedReader {
 public:
  IncludedReader(const RawEntry& include, const std::string& mainFile, Diagnostics& diagnostics)
      : include_(include), mainFile_(mainFile), diagnostics_(diagnostics) {
    if (::stat(mainFile.c_str(), &mainStatus_) != 0) mainStatus_ = {};
  }

  IncludedFiles read() {
    const std::string& value = include_.value;
    if (value.empty() || !valueFault(value).empty()) return {};
    const std::string directory = value.front() == '/' ? std::string() : directoryOf(mainFile_);
    if (value.find_first_of(kWildcards) == std::string::npos)
      readNamed(directory + value);
    else
      readMatches(asPlainPattern(directory) + value, directory + value);
    return std::move(files_);
  }

 private:
  void readNamed(const std::string& path) {
    Found found = readOne(path);
    if (found.isMainFile) return refuse(printable(path) + " is the main file itself");
    if (!found.text)
      return refuse(
          fmt::format("{}: {}{}", printable(path), found.text.error().text, quoteNote(path)));
    take(*found.text, path);
  }

  void readMatches(const std::string& pattern, const std::string& shown) {
    const Result<std::vector<std::string>> paths = matchingPaths(pattern);
    if (!paths) return refuse(paths.error().text);
    if (paths->size() > kMostIncludedFiles)
      return refuse(fmt::format("{} matches {} files, at most {} are allowed", printable(shown),
                                paths->size(), kMostIncludedFiles));
    bool none = true;
    for (const std::string& path : *paths) {
      if (diagnostics_.full()) return;
      Found found = readOne(path);
      if (found.isMainFile) continue;
      none = false;
      if (found.text)
        take(*found.text, path);
      else
        refuseFile(path, found.text.error().text);
    }
    if (none)
      diagnostics_.warning(
          include_.origin, "global", "include",
          fmt::format("no file matches {}{}", printable(shown), quoteNote(include_.value)));
  }

  struct Found {
    bool isMainFile;
    Result<std::string> text;
  };

  Found readOne(const std::string& path) const {
    struct stat status;
    if (::stat(path.c_str(), &status) != 0)
      return {false, failErrno("cannot open the file", errno)};
    if (status.st_dev == mainStatus_.st_dev && status.st_ino == mainStatus_.st_ino)
      return {true, {}};
    if (S_ISDIR(status.st_mode))
      return {false,
              fail("is a directory, not a file; a pattern such as conf.d/*.ini names files")};
    if (!S_ISREG(status.st_mode)) return {false, fail("is not a regular file")};
    return {false, readConfigFile(path)};
  }

  uint16_t nextDocument() const { return static_cast<uint16_t>(files_.documents.size() + 1); }

  void take(std::string_view text, const std::string& path) {
    files_.documents.push_back(parseIni(text, path, diagnostics_, nextDocument()));
  }

  void refuse(std::string what) {
    diagnostics_.error(include_.origin, "global", "include", std::move(what));
    files_.complete = false;
  }

  /// The file keeps its place in the order, so that the errors of all files are sorted.
  void refuseFile(const std::string& path, std::string what) {
    diagnostics_.error(Origin::file(path, 0, nextDocument()), {}, {}, std::move(what));
    files_.documents.emplace_back();
    files_.complete = false;
  }

  const RawEntry& include_;
  const std::string& mainFile_;
  Diagnostics& diagnostics_;
  struct stat mainStatus_ {};
  IncludedFiles files_;
};

}  // namespace

IncludedFiles readIncludedFiles(const RawEntry& include, const std::string& mainFile,
                                Diagnostics& diagnostics) {
  return IncludedReader(include, mainFile, diagnostics).read();
}

}  // namespace culvert
