#pragma once

#include "error.hpp"
#include "temporary_folder.hpp"
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>

namespace emulator {

inline std::string read_file(std::filesystem::path const& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// What kernel text needs besides itself: an entry for each of its kernels. A definition of a kernel is
/// KERNEL(threads) void name(arguments).
inline std::string with_entries(std::string const& text) {
  auto result = text + "\n";
  static std::regex const kernel(R"(\bKERNEL\s*\(([^)]*)\)\s*void\s+(\w+)\s*\()");
  for (auto at = std::sregex_iterator(text.begin(), text.end(), kernel); at != std::sregex_iterator(); ++at)
    result += "EMULATOR_ENTRY(" + (*at)[2].str() + ", " + (*at)[1].str() + ")\n";
  return result;
}

/// As on the device, nothing is contracted to fma and types may alias. Misaligned accesses trap.
inline std::string const compile_flags =
    "-O3 -march=native -ffp-contract=off -fno-strict-aliasing -fsanitize=alignment "
#ifdef __clang__
    "-fsanitize-trap=alignment "
#else
    "-fsanitize-undefined-trap-on-error "
#endif
    "-fvisibility=hidden -fPIC -Wno-unknown-pragmas "
    "-include '" SINTER_SOURCE_DIR "/tests/cuda/emulator/device/prelude.hpp'";

/// Kernel text as the bytes of a shared object. Errors: what the compiler says.
inline std::string compile(std::string const& text, std::string const& flags = "-std=c++17") {
  temporary_folder const folder;
  auto const log = folder.path() / "log", object = folder.path() / "kernels.so";
  folder.write("kernels.cpp", with_entries(text));
  std::string const compiler = "'" SINTER_CXX_COMPILER "' ";
  auto const command = "cd '" + folder.path().string() + "' && (" SINTER_CXX_LAUNCHER " " + compiler + flags + " " +
                       compile_flags + " -c kernels.cpp && " + compiler + "-shared kernels.o -o kernels.so) > log 2>&1";
  if (std::system(command.c_str()) != 0) throw error("the compiler refuses the kernel text:\n" + read_file(log));
  return read_file(object);
}

}  // namespace emulator
