#pragma once

#include <sinter/core/cpu.hpp>
#include <sinter/graph/graph.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace codegen {

struct library_options {
  std::string name{};               ///< of the class and of the files
  std::vector<sinter::isa> sets{};  ///< `none`: portable
  bool embed_weights = true;
};

/// Writes the library for `g`, whose input types are known, into `folder`, which is made where it does not exist:
/// NAME.hpp, NAME.cpp, NAME_run.hpp, NAME_SET.cpp for each instruction set, NAME.weights, and to embed it
/// NAME_weights.cpp. The same graph and options give the same bytes. Errors: unsupported_feature, io, those of the
/// compilation.
void write_library(sinter::graph g, library_options const& options, std::filesystem::path const& folder);

}  // namespace codegen
