#pragma once

#include <sinter/core/cpu.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/graph/graph.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace codegen {

/// A model on the command line: a file, and the shapes of inputs that leave theirs open.
struct model_arguments {
  std::string file{};
  std::vector<std::string> shapes{};
};

struct named_extents {
  std::string name{};
  sinter::shape extents{};
  bool batched = false;  ///< the first extent is the batch
};

/// Reads `name=1x3x224x224`, `name=Nx3x224x224` for a first extent that is the batch, or `name=scalar`. The name may
/// contain `=`. Errors: invalid_argument.
named_extents parse_shape(std::string_view text);

/// The batches in `{"1", "4", "16"}` (these), `{"1..16"}` (any of them), or nothing (that of the shapes). Errors:
/// invalid_argument.
sinter::cpp::library_batch parse_batch(std::vector<std::string> const& texts);

/// The model's graph for these shapes, once for each size of the batch. The batch is the first extent of the inputs
/// whose shapes say so, and of those that leave it open and get no shape. Inputs that have a default are constants,
/// unless a shape is given for them, and no inputs any more. Errors: those of the import, and invalid_argument that
/// lists the inputs whose shapes are open.
std::vector<sinter::graph> load_graphs(model_arguments const& arguments, sinter::cpp::library_batch const& batch);

/// The graph for the shapes alone.
sinter::graph load_graph(model_arguments const& arguments);

/// Prints each on a line of standard error.
void print_warnings(std::span<std::string const> warnings);

/// `avx2`, `avx512`, `none`, or `native`: the best of this machine. Errors: invalid_argument.
sinter::isa parse_isa(std::string_view text);

}  // namespace codegen
