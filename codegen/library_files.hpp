#pragma once

#include <sinter/core/target.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/graph/graph.hpp>

#include "model_file.hpp"
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace codegen {

struct library_options {
  std::string name{};               ///< of the class and of the files
  std::vector<std::string> sets{};  ///< targets, as text that names them in the library: x86-64 or portable
  bool embed_weights = true;
  int threads = 1;  ///< the most that a run uses
  sinter::cpp::library_batch batch{};
  sinter::preferences prefer{};
  std::function<void(std::string)> begins = [](std::string const&) {};  ///< is told what begins, for people
};

/// Writes the library for a model into `folder`, which is made where it does not exist. The files are NAME.hpp,
/// NAME.cpp, NAME_run.hpp, NAME_host.cpp, NAME_SET.cpp and NAME_SET.flags (the compiler's) for each target,
/// NAME.weights, and to embed it NAME_weights.cpp. The same graph and options give the same bytes. Errors:
/// unsupported_feature, io, those of the compilation.
void write_library(shaped_model model, library_options const& options, std::filesystem::path const& folder);

}  // namespace codegen
