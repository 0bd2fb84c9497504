#include <fmt/format.h>

#include "commands.hpp"
#include "model_quantize.hpp"
#include <array>
#include <cmath>
#include <memory>
#include <utility>

namespace codegen {
namespace {

using method = sinter::quantize::range_method;

struct quantize_settings {
  model_arguments model{};
  std::string output{};
  bool random = false;
  bool dynamic = false, fp16 = false, bf16 = false;
  std::string weights{};
  std::string set = "native";
  double agreement = -1, sqnr = -1;
  std::vector<float> mean{}, deviation{};
  bool plain_bias = false;
  quantize_options how{};
};

/// One number for all channels, or three.
std::array<float, 3> of_channels(std::vector<float> const& given, char const* option, float otherwise) {
  if (given.empty()) return {otherwise, otherwise, otherwise};
  if (given.size() == 1) return {given[0], given[0], given[0]};
  if (given.size() == 3) return {given[0], given[1], given[2]};
  sinter::fail(sinter::error_code::invalid_argument, "{} has {} numbers, expected one or three", option, given.size());
}

quantize_options options_of(quantize_settings const& s) {
  auto how = s.how;
  how.machine = s.set;
  how.correct_bias = !s.plain_bias;
  how.pictures.mean = of_channels(s.mean, "--mean", 0);
  how.pictures.deviation = of_channels(s.deviation, "--deviation", 1);
  if (s.agreement >= 0) how.budget.agreement = s.agreement / 100;
  if (s.sqnr >= 0) how.budget.sqnr = s.sqnr;
  if (s.dynamic) how.what = quantization::dynamic;
  if (s.weights == "int4") how.what = quantization::int4;
  if (s.weights == "int8") how.what = quantization::int8;
  if (s.fp16) how.what = quantization::float16;
  if (s.bf16) how.what = quantization::bfloat16;
  if (how.data.empty() && !s.random)
    sinter::fail(sinter::error_code::invalid_argument,
                 "samples are needed: --data FOLDER, or --random for normally distributed numbers");
  return how;
}

std::string decibels(double sqnr) { return std::isinf(sqnr) ? "exact" : fmt::format("{:.1f} dB", sqnr); }

void print_sensitivity(std::vector<sensitivity_line> const& lines) {
  if (lines.empty()) return;
  fmt::print("sensitivity: SQNR of the outputs with one node quantised, the worst first\n");
  for (auto const& line : lines)
    fmt::print("  {:>9}  {}{}\n", decibels(line.sqnr), line.node, line.in_float ? "  (left in float)" : "");
}

void print_accuracy(quantize_report const& r) {
  fmt::print("{:<28} {:>16} {:>10} {:>18}\n", "output", "top-1 agreement", "SQNR", "largest difference");
  for (auto const& a : r.accuracy) {
    auto const agreement = a.agreement();
    fmt::print("{:<28} {:>16} {:>10} {:>18.6g}\n", a.name,
               agreement ? fmt::format("{:.2f} % of {}", 100 * *agreement, a.rows) : "-", decibels(a.sqnr()),
               a.largest);
  }
  fmt::print("measured on {} samples{}\n", r.measured,
             r.held_out ? " that calibration did not see" : "; with four or more some would be kept from calibration");
}

/// What is to be known before the new model takes the place of the old one.
void print_verdict(quantize_report const& r, quantization what) {
  bool const faster = r.milliseconds.after < 0.97 * r.milliseconds.before;
  if (!r.within_budget) fmt::print("the budget does not hold on these samples\n");
  if (faster) return;
  fmt::print("it is not faster here");
  if (what == quantization::integers && !r.multiplies_bytes)
    fmt::print(": this CPU has no instructions for products of 8-bit integers (VNNI)");
  else if (what == quantization::integers && r.on_integers < r.quantized)
    fmt::print(": {} of {} quantised nodes compute on integers", r.on_integers, r.quantized);
  fmt::print("; it is smaller\n");
}

void quantize(quantize_settings const& s) {
  auto const how = options_of(s);
  progress shown("quantize");
  auto const r = quantize_model(s.model, how, s.output, shown);
  shown.erase();
  print_sensitivity(r.sensitivity);
  if (how.what == quantization::integers)
    fmt::print("{} of {} nodes quantised with {} samples, {} operators compute on integers here\n", r.quantized,
               r.quantizable, r.calibrated, r.on_integers);
  print_accuracy(r);
  fmt::print("size {:.0f} -> {:.0f} bytes ({:.1f} %)\n", r.bytes.before, r.bytes.after,
             100 * r.bytes.after / r.bytes.before);
  fmt::print("time {:.3f} -> {:.3f} ms ({:.2f}x)\n", r.milliseconds.before, r.milliseconds.after,
             r.milliseconds.before / r.milliseconds.after);
  print_verdict(r, how.what);
  if (!r.within_budget) throw CLI::RuntimeError(1);
}

void add_sample_options(CLI::App& command, quantize_settings& s) {
  auto* const data = command.add_option("--data", s.how.data, "a folder of samples: .npz, .npy, .pb, .png or .jpg");
  data->check(CLI::ExistingDirectory);
  command.add_flag("--random", s.random, "normally distributed numbers in place of samples")->excludes(data);
  command.add_option("--samples", s.how.samples, "at most so many")->check(CLI::PositiveNumber)->capture_default_str();
  command.add_option("--mean", s.mean, "of pictures: (value/255 - mean) / deviation; one number, or red,green,blue")
      ->delimiter(',');
  command.add_option("--deviation", s.deviation, "see --mean")->delimiter(',');
  command.add_flag("--bgr", s.how.pictures.blue_first, "pictures have blue first");
}

void add_integer_options(CLI::App& command, quantize_settings& s) {
  static constexpr auto methods = std::to_array<std::pair<char const*, method>>(
      {{"minmax", method::minmax}, {"percentile", method::percentile}, {"entropy", method::entropy}});
  add_named(command, "--calibration", s.how.calibration.method, methods,
            "how ranges follow from samples: minmax, percentile, entropy");
  command.add_option("--percentile", s.how.calibration.percent, "of the numbers that the range of percentile holds")
      ->check(CLI::Range(50.0, 100.0))
      ->capture_default_str();
  command.add_flag("--no-bias-correction", s.plain_bias, "biases keep what rounding of weights adds on average");
  command.add_option("--float", s.how.in_float, "names of nodes that stay in float")->delimiter(',');
  command.add_flag("--sensitivity", s.how.sensitivity, "print the accuracy with each node alone quantised");
  command
      .add_option("--agreement", s.agreement, "budget: least top-1 agreement in percent; the worst nodes stay in float")
      ->check(CLI::Range(0.0, 100.0));
  command.add_option("--sqnr", s.sqnr, "budget: least SQNR in dB")->check(CLI::NonNegativeNumber);
}

void add_other_forms(CLI::App& command, quantize_settings& s) {
  auto* const forms = command.add_option_group("forms", "in place of 8-bit integers with fixed ranges");
  forms->add_flag("--dynamic", s.dynamic, "ranges from each run; Gemm and MatMul only");
  forms->add_option("--weights", s.weights, "only weights of Gemm and MatMul: int4 or int8, in blocks (MatMulNBits)")
      ->check(CLI::IsMember({"int4", "int8"}));
  forms->add_flag("--fp16", s.fp16, "constants stored as float16, computed as float32");
  forms->add_flag("--bf16", s.bf16, "constants stored as bfloat16, computed as float32");
  forms->require_option(0, 1);
  command.add_option("--block", s.how.block, "rows of a column that share a scale, with --weights")
      ->check(CLI::IsMember({16, 32, 64, 128, 256}))
      ->capture_default_str();
}

}  // namespace

void add_quantize(CLI::App& app) {
  auto const s = std::make_shared<quantize_settings>();
  auto* const command = app.add_subcommand("quantize", "writes the model in fewer bits and measures both");
  command->footer(
      "Conv, Gemm, MatMul of constant weights and sums get QuantizeLinear and DequantizeLinear around them: "
      "activations\n"
      "uint8, weights int8 by channel. Of four samples three calibrate and one measures. A budget leaves nodes in "
      "float\n"
      "until it holds on samples; exit status 1: it does not hold on those that were kept.\n"
      "Pictures are resized and cut as for ImageNet classifiers.");
  add_model(*command, s->model);
  command->add_option("-o,--output", s->output, "the ONNX file to write")->required();
  add_sample_options(*command, *s);
  add_integer_options(*command, *s);
  add_other_forms(*command, *s);
  add_target(*command, s->set);
  command->add_option("--threads", s->how.threads, "0: all")->check(CLI::NonNegativeNumber)->capture_default_str();
  command->callback([s] { quantize(*s); });
}

}  // namespace codegen
