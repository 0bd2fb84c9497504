#pragma once

#include <sinter/program/device_kernel.hpp>
#include <sinter/runtime/cuda/cubin_builder.hpp>
#include <sinter/runtime/cuda/nvrtc.hpp>

#include "catch.hpp"
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// A compiler whose cubins tell what they were made of, without a device that runs them.
namespace fake {

/// A compiler for texts "name name ...": it refuses names that start with "broken".
struct program {
  std::string text{}, log{}, code{};
};

inline std::atomic<int> compilations{0};
inline int compiler_major = 12;

inline sinter::nvrtc compiler() {
  sinter::nvrtc n;
  n.version = [](int* major, int* minor) { return *major = compiler_major, *minor = 3, 0; };
  n.get_error_string = [](int) { return "NVRTC_ERROR_COMPILATION"; };
  n.get_num_supported_archs = [](int* count) { return *count = 3, 0; };
  n.get_supported_archs = [](int* archs) { return archs[0] = 75, archs[1] = 86, archs[2] = 90, 0; };
  n.create_program = [](void** p, char const* text, char const*, int, char const* const*, char const* const*) {
    return *p = new program{text}, 0;
  };
  n.destroy_program = [](void** p) { return delete static_cast<program*>(*p), 0; };
  n.compile_program = [](void* p, int, char const* const* options) {
    ++compilations;
    auto& made = *static_cast<program*>(p);
    made.code = std::string(options[0]).substr(6) + " " + made.text;
    bool const is_broken = made.text.find("broken") != std::string::npos;
    made.log = is_broken ? "kernels.cu(1): error: expected a ;" : "ptxas info: 8 registers";
    return is_broken ? 6 : 0;
  };
  n.get_cubin_size = [](void* p, std::size_t* bytes) { return *bytes = static_cast<program*>(p)->code.size(), 0; };
  n.get_cubin = [](void* p, char* to) { return static_cast<program*>(p)->code.copy(to, std::string::npos), 0; };
  n.get_program_log_size = [](void* p, std::size_t* bytes) {
    return *bytes = static_cast<program*>(p)->log.size() + 1, 0;
  };
  n.get_program_log = [](void* p, char* to) { return std::strcpy(to, static_cast<program*>(p)->log.c_str()), 0; };
  return n;
}

/// A kernel with one argument, whose form is its name.
inline sinter::device_kernel kernel(std::string name) {
  sinter::device_kernel k;
  k.form = std::move(name);
  k.arguments.resize(1);
  return k;
}

inline sinter::cuda_emitter emitter() {
  return {.name = [](sinter::device_kernel const& k) { return k.form; },
          .text =
              [](std::span<sinter::device_kernel const> kernels) {
                std::string text;
                for (auto const& k : kernels) text += (text.empty() ? "" : " ") + k.form;
                return text;
              }};
}

/// The error that `body` throws.
template <typename Body>
sinter::error error_of(Body&& body) {
  try {
    body();
  } catch (sinter::error const& e) {
    return e;
  }
  FAIL("no error");
  std::abort();
}

}  // namespace fake
