// classify MODEL --labels FILE PICTURE...: what an ImageNet classifier sees in pictures.
#include <sinter/core/float16.hpp>
#include <sinter/sinter.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "../read_picture.hpp"
#include "preprocess.hpp"
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

namespace {

using clock = std::chrono::steady_clock;

double milliseconds_since(clock::time_point start) {
  return std::chrono::duration<double, std::milli>(clock::now() - start).count();
}

struct settings {
  std::string model{};
  std::string labels{};
  std::vector<std::string> pictures{};
  preprocess::normalization normalization{};
  sinter::options options{};
};

/// One label a line; a number and a comma before it are left out.
std::vector<std::string> read_labels(std::string const& file) {
  std::ifstream in(file);
  if (!in) sinter::fail(sinter::error_code::io, "cannot read the labels in {}", file);
  std::vector<std::string> labels;
  for (std::string line; std::getline(in, line);) {
    auto const digits = line.find_first_not_of("0123456789");
    bool const numbered = digits != std::string::npos && digits > 0 && line[digits] == ',';
    labels.push_back(numbered ? line.substr(digits + 1) : line);
  }
  return labels;
}

/// The side of the square that the model wants, 224 where it leaves that open.
int wanted_side(sinter::port_info const& input) {
  auto const& declared = input.shape.dimensions;
  if (!declared || declared->size() != 4 || ((*declared)[1].known() && (*declared)[1].extent != 3))
    sinter::fail(sinter::error_code::invalid_argument,
                 "the input '{}' is {}, an ImageNet classifier takes pictures as Nx3xHxW", input.name, input.shape);
  return (*declared)[2].known() ? static_cast<int>((*declared)[2].extent) : 224;
}

/// The tensor in half precision, for models that take that.
sinter::any_tensor halved(sinter::tensor<float> const& image) {
  sinter::any_tensor half(sinter::dtype::float16, image.shape());
  std::ranges::transform(image, static_cast<std::uint16_t*>(half.data()), sinter::float_to_half);
  return half;
}

/// The elements of a float or float16 tensor.
std::vector<float> to_floats(sinter::tensor_view view) {
  std::vector<float> values(view.elements());
  if (view.type == sinter::dtype::float16)
    std::transform(static_cast<std::uint16_t const*>(view.data),
                   static_cast<std::uint16_t const*>(view.data) + values.size(), values.begin(), sinter::half_to_float);
  else
    std::ranges::copy(view.as<float>(), values.begin());
  return values;
}

sinter::tensor<float> prepare(std::string const& file, int side, preprocess::normalization const& how) {
  auto decoded = read_picture(file, 3);
  preprocess::picture const picture{decoded.width, decoded.height, std::move(decoded.values)};
  auto const cropped = preprocess::center_crop(preprocess::resize_shorter_side(picture, side * 256 / 224), side);
  sinter::tensor<float> image({1, 3, side, side});
  preprocess::normalize(cropped, how, image.span());
  return image;
}

/// Scores as probabilities, unless the model ends with a softmax already.
std::vector<float> probabilities(std::span<float const> scores) {
  std::vector<float> p(scores.begin(), scores.end());
  auto const total = std::accumulate(p.begin(), p.end(), 0.0);
  if (std::ranges::all_of(p, [](float x) { return x >= 0; }) && std::abs(total - 1) < 1e-2) return p;
  auto const highest = std::ranges::max(p);
  float sum = 0;
  for (auto& x : p) sum += x = std::exp(x - highest);
  for (auto& x : p) x /= sum;
  return p;
}

void print_best(std::span<float const> scores, std::vector<std::string> const& labels, std::size_t count) {
  auto const p = probabilities(scores);
  std::vector<std::size_t> order(p.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  count = std::min(count, order.size());
  std::ranges::partial_sort(order, order.begin() + static_cast<std::ptrdiff_t>(count),
                            [&](auto a, auto b) { return p[a] > p[b]; });
  for (std::size_t i = 0; i < count; ++i)
    fmt::print("  {:5.1f} %  {}\n", 100 * p[order[i]],
               order[i] < labels.size() ? labels[order[i]] : fmt::format("class {}", order[i]));
}

settings parse(CLI::App& app, int count, char** arguments) {
  settings s;
  std::string machine = "native", device = "cpu";
  app.add_option("MODEL", s.model, "an ONNX file")->required();
  app.add_option("PICTURE", s.pictures, "PNG or JPEG files")->required();
  app.add_option("--labels", s.labels, "a file with one label a line")->required();
  app.add_option("--mean", s.normalization.mean, "of red, green and blue in 0..1")->delimiter(',');
  app.add_option("--deviation", s.normalization.deviation, "the divisor after that")->delimiter(',');
  app.add_flag("--bgr", s.normalization.blue_first, "the model takes blue, green, red");
  app.add_option("--threads", s.options.threads, "0: as many as there are CPUs to use");
  app.add_option("--target", machine, "what to compile for, as avx2");
  app.add_option("--device", device, "where to run: cpu, cuda (the first GPU) or cuda:1");
  app.parse(count, arguments);
  s.options.target = sinter::target(machine);
  s.options.device = sinter::device_named(device);
  return s;
}

void run(settings const& s) {
  auto const labels = read_labels(s.labels);
  auto const start = clock::now();
  auto const net = sinter::load(s.model, s.options);
  auto const& input = net.inputs()[0];
  auto const side = wanted_side(input);
  net.context({{input.name, {1, 3, side, side}}});  // compiles for this shape, where the model leaves it open
  auto const load_time = milliseconds_since(start);
  for (auto const& file : s.pictures) {
    auto const image = prepare(file, side, s.normalization);
    auto const half = input.type == sinter::dtype::float16 ? halved(image) : sinter::any_tensor{};
    auto const before = clock::now();
    auto const out = net.run({{input.name, half ? half.view() : image.view()}});
    auto const run_time = milliseconds_since(before);
    fmt::print("{} ({:.2f} ms)\n", file, run_time);
    print_best(to_floats(out[0]), labels, 5);
  }
  auto const memory = net.memory();
  fmt::print("{}, {} threads; loaded in {:.1f} ms; planned bytes: {} activations, {} scratch, {} weights\n",
             to_string(net.compiled_for()), net.threads(), load_time, memory.arena_bytes, memory.scratch_bytes,
             memory.weight_bytes);
}

}  // namespace

int main(int count, char** arguments) {
  CLI::App app("Says what an ImageNet classifier sees in pictures");
  try {
    run(parse(app, count, arguments));
  } catch (CLI::ParseError const& problem) {
    return app.exit(problem);
  } catch (sinter::error const& problem) {
    fmt::print(stderr, "classify: {}\n", problem.what());
    return 1;
  }
}
