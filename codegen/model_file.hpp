#pragma once

#include <sinter/emit/cpp/library.hpp>
#include <sinter/graph/graph.hpp>
#include <sinter/runtime/signature.hpp>
#include <sinter/sinter.hpp>

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace codegen {

/// A model on the command line: a file, and the shapes of inputs that leave theirs open.
struct model_arguments {
  std::string file{};
  std::vector<std::string> shapes{};
  std::vector<sinter::dimension_bound> bounds{};  ///< of dimensions that state has, which need no shape
};

/// Reads `past=4096`. Errors: invalid_argument.
sinter::dimension_bound parse_bound(std::string_view text);

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

/// A model, and what it is compiled for.
struct shaped_model {
  sinter::graph g{};
  std::vector<sinter::signature> signatures{};  ///< for each size of the batch; none: as the types of `g` say
};

/// The graph for these shapes. The batch is the first extent of the inputs whose shapes say so, and of those that leave
/// it open and get no shape. Inputs that have a default are constants, unless a shape is given for them, and no inputs
/// any more. Errors: invalid_argument for shapes that do not fit, and one that lists the inputs whose shapes are open.
shaped_model shape_model(sinter::graph g, model_arguments const& arguments,
                         sinter::cpp::library_batch const& batch = {});

/// Reads the model and gives it its shapes. Prints warnings. Errors: those of the import, and as above.
shaped_model load_model(model_arguments const& arguments, sinter::cpp::library_batch const& batch = {});

/// Prints each on a line of standard error.
void print_warnings(std::span<std::string const> warnings);

}  // namespace codegen
