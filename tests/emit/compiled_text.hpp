#pragma once

#include <sinter/vector/program.hpp>

#include <fmt/format.h>

#include "temporary_folder.hpp"
#include <cstdlib>
#include <dlfcn.h>
#include <fstream>
#include <iterator>
#include <string>

namespace sinter::test {

/// A shared object made of C++ text by the compiler of the machine; removed with the object.
class compiled_text {
 public:
  compiled_text(std::string const& text, std::string const& flags) {
    auto const source = folder_.write("text.cpp", text), object = folder_.path() / "text.so",
               log = folder_.path() / "log";
    char const* const named = std::getenv("CXX");
    auto const command = fmt::format(
        "{} -std=c++20 -O2 -ffp-contract=off -fno-fast-math -Wall -Wextra {} -I{}/include -shared -fPIC {} -o {} >{} "
        "2>&1",
        named && *named ? named : "c++", flags, SINTER_SOURCE_DIR, source.string(), object.string(), log.string());
    failed_ = std::system(command.c_str()) != 0;
    std::ifstream messages(log);
    log_.assign(std::istreambuf_iterator<char>(messages), {});
    if (!failed_) handle_ = dlopen(object.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  compiled_text(compiled_text const&) = delete;
  ~compiled_text() {
    if (handle_) dlclose(handle_);
  }

  bool failed() const { return failed_; }
  std::string const& log() const { return log_; }
  vector::kernel_function function(std::string const& name) const {
    return handle_ ? reinterpret_cast<vector::kernel_function>(dlsym(handle_, name.c_str())) : nullptr;
  }

 private:
  temporary_folder folder_;
  bool failed_ = true;
  std::string log_;
  void* handle_ = nullptr;
};

inline bool has_compiler() {
  char const* const named = std::getenv("CXX");
  return std::system(fmt::format("{} --version >/dev/null 2>&1", named && *named ? named : "c++").c_str()) == 0;
}

}  // namespace sinter::test
