#pragma once

#include <sinter/runtime/cuda/nvrtc.hpp>

#include "image.hpp"
#include "machine.hpp"
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <string>
#include <string_view>

/// NVRTC whose code is for the emulator.
namespace cuda_mock {

enum nvrtc_result : int {
  nvrtc_success = 0,
  nvrtc_invalid_program = 4,
  nvrtc_invalid_option = 5,
  nvrtc_compilation = 6
};

struct program {
  std::string text{}, log{}, code{};
};

/// What the options of a program say, or in `refused` the one that NVRTC does not know.
struct program_options {
  int arch = 0;
  std::string language = "-std=c++17";
  std::string refused{};

  program_options(int count, char const* const* options, std::vector<int> const& archs) {
    for (int i = 0; i < count; ++i) read(options[i], archs);
    if (arch == 0 && refused.empty()) refused = "no architecture";
  }

 private:
  void read(std::string_view option, std::vector<int> const& archs) {
    for (std::string_view const known : {"-default-device", "--minimal", "-fmad=false", "--ptxas-options=-v"})
      if (option == known) return;
    if (option.starts_with("-std=c++")) {
      language = option;
      return;
    }
    for (std::string_view const name : {"-arch=sm_", "--gpu-architecture=sm_"})
      if (option.starts_with(name)) arch = std::atoi(option.substr(name.size()).data());
    if (!option.ends_with("=sm_" + std::to_string(arch)) || std::find(archs.begin(), archs.end(), arch) == archs.end())
      refused = option;
  }
};

inline int compile(program& p, int count, char const* const* options) {
  auto& m = *machine::current();
  {
    auto const lock = std::lock_guard(m.mutex);
    ++m.calls["nvrtcCompileProgram"];
  }
  auto const how = program_options(count, options, m.how.nvrtc_archs);
  if (!how.refused.empty()) {
    p.log = "nvrtc: error: invalid option: " + how.refused;
    return nvrtc_invalid_option;
  }
  try {
    p.code = image::pack(how.arch, emulator::compile(p.text, how.language));
    return nvrtc_success;
  } catch (std::exception const& e) {
    p.log = e.what();
    return nvrtc_compilation;
  }
}

inline void fill_nvrtc_calls(sinter::nvrtc& n) {
  n.version = [](int* major, int* minor) {
    *major = machine::current()->how.nvrtc_major;
    *minor = machine::current()->how.nvrtc_minor;
    return 0;
  };
  n.get_error_string = [](int result) {
    switch (result) {
      case nvrtc_success: return "NVRTC_SUCCESS";
      case nvrtc_invalid_program: return "NVRTC_ERROR_INVALID_PROGRAM";
      case nvrtc_invalid_option: return "NVRTC_ERROR_INVALID_OPTION";
      case nvrtc_compilation: return "NVRTC_ERROR_COMPILATION";
      default: return "NVRTC_ERROR unknown";
    }
  };
  n.get_num_supported_archs = [](int* count) {
    *count = static_cast<int>(machine::current()->how.nvrtc_archs.size());
    return 0;
  };
  n.get_supported_archs = [](int* archs) {
    auto const& known = machine::current()->how.nvrtc_archs;
    std::copy(known.begin(), known.end(), archs);
    return 0;
  };
  n.create_program = [](void** result, char const* text, char const*, int, char const* const*, char const* const*) {
    *result = new program{text, {}, {}};
    return 0;
  };
  n.destroy_program = [](void** p) {
    delete static_cast<program*>(*p);
    *p = nullptr;
    return 0;
  };
  n.compile_program = [](void* p, int count, char const* const* options) {
    return compile(*static_cast<program*>(p), count, options);
  };
  n.get_cubin_size = [](void* p, std::size_t* bytes) { return *bytes = static_cast<program*>(p)->code.size(), 0; };
  n.get_cubin = [](void* p, char* to) {
    auto const& code = static_cast<program*>(p)->code;
    std::copy(code.begin(), code.end(), to);
    return static_cast<int>(code.empty() ? nvrtc_invalid_program : nvrtc_success);
  };
  n.get_program_log_size = [](void* p, std::size_t* bytes) {
    return *bytes = static_cast<program*>(p)->log.size() + 1, 0;
  };
  n.get_program_log = [](void* p, char* to) {
    auto const& log = static_cast<program*>(p)->log;
    std::copy(log.c_str(), log.c_str() + log.size() + 1, to);
    return 0;
  };
}

}  // namespace cuda_mock
