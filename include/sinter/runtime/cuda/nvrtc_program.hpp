#pragma once

#include <sinter/core/error.hpp>
#include <sinter/runtime/cuda/nvrtc.hpp>

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace sinter::detail {

/// A program of NVRTC, destroyed at the end of its scope.
class nvrtc_program {
 public:
  nvrtc_program(nvrtc const& compiler, std::string const& text) : compiler_(compiler) {
    check(compiler_.create_program(&handle_, text.c_str(), "kernels.cu", 0, nullptr, nullptr), "nvrtcCreateProgram");
  }
  nvrtc_program(nvrtc_program const&) = delete;
  nvrtc_program& operator=(nvrtc_program const&) = delete;
  ~nvrtc_program() { compiler_.destroy_program(&handle_); }

  int compile(std::vector<std::string> const& options) const {
    std::vector<char const*> pointers;
    pointers.reserve(options.size());
    for (auto const& o : options) pointers.push_back(o.c_str());
    return compiler_.compile_program(handle_, static_cast<int>(pointers.size()), pointers.data());
  }
  std::string log() const {
    auto text = read(compiler_.get_program_log_size, compiler_.get_program_log, "nvrtcGetProgramLog");
    while (text.ends_with('\0')) text.pop_back();
    return text;
  }
  std::string code() const { return read(compiler_.get_cubin_size, compiler_.get_cubin, "nvrtcGetCUBIN"); }
  void check(int result, std::string_view call) const {
    if (result != 0) fail(error_code::system, "NVRTC: {}: {}", call, compiler_.get_error_string(result));
  }

 private:
  std::string read(int (*size)(void*, std::size_t*), int (*get)(void*, char*), std::string_view call) const {
    std::size_t bytes = 0;
    check(size(handle_, &bytes), call);
    std::string result(bytes, '\0');
    check(get(handle_, result.data()), call);
    return result;
  }

  nvrtc const& compiler_;
  void* handle_ = nullptr;
};

}  // namespace sinter::detail
