#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <unistd.h>

/// A folder that is removed with the object.
class scratch_folder {
 public:
  scratch_folder() {
    char name[] = "/tmp/sinter_codegen_XXXXXX";
    path_ = mkdtemp(name);
  }
  scratch_folder(scratch_folder const&) = delete;
  ~scratch_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  std::filesystem::path const& path() const { return path_; }
  /// All files, by name.
  std::map<std::string, std::string> files() const {
    std::map<std::string, std::string> result;
    for (auto const& entry : std::filesystem::directory_iterator(path_)) {
      std::ifstream in(entry.path(), std::ios::binary);
      result[entry.path().filename()].assign(std::istreambuf_iterator<char>(in), {});
    }
    return result;
  }

 private:
  std::filesystem::path path_;
};
