#pragma once

#include <cstddef>

/// NVRTC, the compiler of CUDA C++ that is a library, as a table of functions: results are `int` (0: success), programs
/// are `void*`.
namespace sinter {

/// Functions of NVRTC; names are those of its API without `nvrtc`. None may be null.
struct nvrtc {
  int (*version)(int* major, int* minor) = nullptr;
  char const* (*get_error_string)(int result) = nullptr;
  int (*get_num_supported_archs)(int* count) = nullptr;
  /// Compute capabilities as numbers, 90 for 9.0, ascending.
  int (*get_supported_archs)(int* archs) = nullptr;
  int (*create_program)(void** program, char const* text, char const* name, int header_count,
                        char const* const* headers, char const* const* header_names) = nullptr;
  int (*destroy_program)(void** program) = nullptr;
  int (*compile_program)(void* program, int option_count, char const* const* options) = nullptr;
  int (*get_cubin_size)(void* program, std::size_t* bytes) = nullptr;
  int (*get_cubin)(void* program, char* to) = nullptr;
  /// With the zero at the end.
  int (*get_program_log_size)(void* program, std::size_t* bytes) = nullptr;
  int (*get_program_log)(void* program, char* to) = nullptr;
};

/// Calls `visit(symbol, function, needed)` for each function of a table.
template <typename Visit>
void for_each_symbol(nvrtc& n, Visit&& visit) {
  visit("nvrtcVersion", n.version, true);
  visit("nvrtcGetErrorString", n.get_error_string, true);
  visit("nvrtcGetNumSupportedArchs", n.get_num_supported_archs, true);
  visit("nvrtcGetSupportedArchs", n.get_supported_archs, true);
  visit("nvrtcCreateProgram", n.create_program, true);
  visit("nvrtcDestroyProgram", n.destroy_program, true);
  visit("nvrtcCompileProgram", n.compile_program, true);
  visit("nvrtcGetCUBINSize", n.get_cubin_size, true);
  visit("nvrtcGetCUBIN", n.get_cubin, true);
  visit("nvrtcGetProgramLogSize", n.get_program_log_size, true);
  visit("nvrtcGetProgramLog", n.get_program_log, true);
}

}  // namespace sinter
