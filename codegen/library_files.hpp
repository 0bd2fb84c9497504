#pragma once

#include <sinter/core/target.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/runtime/cuda/cubin_cache.hpp>
#include <sinter/runtime/cuda/nvrtc.hpp>
#include <sinter/sinter.hpp>

#include "model_file.hpp"
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace codegen {

struct library_options {
  std::string name{};  ///< of the class and of the files
  /// Targets, as text that names them in the library: x86-64 or portable; or CUDA devices of an architecture.
  std::vector<std::string> sets{};
  bool embed_weights = true;
  int threads = 1;  ///< the most that a run uses
  sinter::cpp::library_batch batch{};
  std::vector<sinter::state_pair> states{};
  std::vector<sinter::dimension_bound> bounds{};  ///< of state that grows
  sinter::preferences prefer{};
  std::function<void(std::string)> begins = [](std::string const&) {};  ///< is told what begins, for people
  std::function<sinter::nvrtc()> compiler{};  ///< of kernels for CUDA; empty: the NVRTC of the system
  sinter::cubin_cache cache{};                ///< of what that compiles
};

/// Writes the library for a model into `folder`, which is made where it does not exist. The files are NAME.hpp,
/// NAME.cpp, NAME_run.hpp, NAME_host.cpp, NAME_SET.cpp and NAME_SET.flags (the compiler's) for each target, for CUDA
/// devices NAME_SET.cubins, NAME.weights, and to embed it NAME_weights.cpp. The same graph, options and NVRTC give the
/// same bytes. Errors: unsupported_feature, invalid_argument, io, those of the compilation.
void write_library(shaped_model model, library_options const& options, std::filesystem::path const& folder);

}  // namespace codegen
