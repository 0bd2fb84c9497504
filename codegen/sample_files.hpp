#pragma once

#include <sinter/core/tensor.hpp>
#include <sinter/graph/graph.hpp>

#include <array>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

/// Samples that a model is calibrated and measured with: tensors for its inputs.
namespace codegen {

/// Of one run, in the order of the graph's inputs.
using sample = std::vector<sinter::any_tensor>;

/// How pictures become tensors: (value / 255 - mean) / deviation for red, green, blue; grey ones take the first.
struct picture_options {
  std::array<float, 3> mean{0, 0, 0};
  std::array<float, 3> deviation{1, 1, 1};
  bool blue_first = false;
};

/// The samples in the files of a folder, in the order of their names, at most `most`. An .npz has an entry for each
/// input, an .npy or .pb is the only input; several samples may lie in one file, along the first axis. A PNG or JPEG is
/// the only input, resized and cut to it. float32 becomes float16 where the model wants that. Inputs of `g` have
/// shapes as declared; an open first dimension is 1. Errors: io, invalid_argument for what does not fit, with the file.
std::vector<sample> read_samples(sinter::graph const& g, std::filesystem::path const& folder, std::size_t most,
                                 picture_options const& how);

/// Samples of normally distributed numbers, and of 0 and 1 for integers and booleans; alike in each run. All shapes
/// must be known. Errors: invalid_argument for inputs of other types.
std::vector<sample> random_samples(sinter::graph const& g, std::size_t count);

}  // namespace codegen
