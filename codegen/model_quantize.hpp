#pragma once

#include <sinter/core/target.hpp>
#include <sinter/quantize/sensitivity.hpp>

#include "model_file.hpp"
#include "progress.hpp"
#include "sample_files.hpp"
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

/// A model in fewer bits, written as ONNX, and what that costs and gains.
namespace codegen {

enum class quantization { integers, dynamic, int4, int8, float16, bfloat16 };

struct quantize_options {
  quantization what = quantization::integers;
  std::filesystem::path data{};  ///< folder of samples; empty: random ones
  std::size_t samples = 128;     ///< at most
  picture_options pictures{};
  sinter::quantize::calibration_options calibration{};
  sinter::quantize::accuracy_budget budget{};
  bool sensitivity = false;             ///< measure that of all nodes
  std::vector<std::string> in_float{};  ///< names of nodes that stay as they are
  bool correct_bias = true;
  std::int64_t block = 32;  ///< rows that share a scale, of int4 and int8
  sinter::target machine{"native"};
  int threads = 0;
};

struct sensitivity_line {
  std::string node{};
  double sqnr = 0;  ///< dB, of the model with this node alone quantised
  bool in_float = false;
};

/// Two numbers: of the model as it was, and of the new one.
struct before_and_after {
  double before = 0, after = 0;
};

struct quantize_report {
  sinter::quantize::accuracy accuracy{};
  std::size_t calibrated = 0, measured = 0;  ///< samples
  bool held_out = false;                     ///< those that are measured were not calibrated with
  bool within_budget = true;
  std::vector<sensitivity_line> sensitivity{};
  std::size_t quantized = 0, quantizable = 0;  ///< nodes, of integers
  std::size_t on_integers = 0;                 ///< operators that compute on 8-bit integers here
  before_and_after bytes{}, milliseconds{};
  bool multiplies_bytes = false;  ///< this CPU has instructions for products of 8-bit integers (VNNI)
};

/// Quantises the model, writes it to `to`, and measures both files on samples that were kept from calibration, where
/// there are four or more. Errors: those of the model, of samples and of quantisation; io.
quantize_report quantize_model(model_arguments const& model, quantize_options const& how,
                               std::filesystem::path const& to, progress& shown);

}  // namespace codegen
