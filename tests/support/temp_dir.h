// SPDX-License-Identifier: GPL-3.0-or-later
// A directory of a test. Its contents are removed when the object is destroyed. Thread: any.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <system_error>

namespace culvert {

class TempDir {
 public:
  TempDir() {
    std::string form = std::filesystem::temp_directory_path() / "culvert-unit-XXXXXX";
    if (::mkdtemp(form.data()) == nullptr)
      throw std::runtime_error("cannot make a directory like " + form);
    path_ = form;
  }
  ~TempDir() {
    std::error_code ignored;  // a test may have removed the permissions, or the directory itself
    std::filesystem::permissions(path_, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

  /// Creates missing directories of the path. Returns the file's path.
  std::string write(const std::string& name, const std::string& contents) const {
    const std::string file = *this / name;
    std::filesystem::create_directories(std::filesystem::path(file).parent_path());
    std::ofstream(file, std::ios::binary) << contents;
    return file;
  }
  /// Returns "" if there is no such file.
  std::string read(const std::string& name) const {
    std::ifstream in(*this / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::string path_;
};

}  // namespace culvert
