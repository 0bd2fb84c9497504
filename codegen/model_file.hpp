#pragma once

#include <sinter/core/cpu.hpp>
#include <sinter/graph/graph.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace codegen {

/// A model on the command line: a file, and shapes as `name=1x3x224x224` for inputs that leave theirs open.
struct model_arguments {
  std::string file{};
  std::vector<std::string> shapes{};
};

struct named_extents {
  std::string name{};
  sinter::shape extents{};
};

/// Reads `name=1x3x224x224`, or `name=scalar`. The name may contain `=`. Errors: invalid_argument.
named_extents parse_shape(std::string_view text);

/// The model's graph for these shapes. Inputs that have a default are constants, unless a shape is given for them, and
/// no inputs any more. Errors: those of the import, and invalid_argument that lists the inputs whose shapes are open.
sinter::graph load_graph(model_arguments const& arguments);

/// `avx2`, `avx512`, `none`, or `native`: the best of this machine. Errors: invalid_argument.
sinter::isa parse_isa(std::string_view text);

}  // namespace codegen
