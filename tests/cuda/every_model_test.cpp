#include "catch.hpp"
#include "cuda/device_under_test.hpp"
#include "cuda/emulated_run.hpp"
#include "cuda/encoder.hpp"
#include "cuda/model_graphs.hpp"
#include "model/real_model.hpp"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Every model that there is on an emulated CUDA device, or the one under test, with every precision of factors,
/// compared with the CPU.
using namespace sinter;
using namespace sinter::test;

namespace {

/// A model, and the pixels of a side that its images are reduced to; 0: they are as the model says.
struct model_file {
  std::string_view name;
  std::int64_t side = 0;
};

constexpr std::array exported{
    model_file{"mlp"},
    model_file{"cnn8"},
    model_file{"lstm"},
    model_file{"resnet18", 64},
    model_file{"resnet50", 64},
    model_file{"densenet121", 64},
    model_file{"vgg16", 32},
    model_file{"squeezenet1_1", 64},
    model_file{"shufflenet_v2"},  // says in its graph how large images are
    model_file{"mobilenet_v2", 64},
    model_file{"efficientnet_b0", 64},
};
constexpr std::array pretrained{
    model_file{"mnist_cntk"},           model_file{"mnist_pytorch"},       model_file{"keyword_spotting_fp32"},
    model_file{"cct_opset20"},          model_file{"squeezenet_fp16", 64}, model_file{"super_resolution"},
    model_file{"face_detector_rfb320"}, model_file{"yolox_nano", 64},
};

/// The columns of a matrix for the first of `each` pixels.
any_tensor columns_of_first_pixel(any_tensor const& matrix, std::int64_t each) {
  auto const rows = matrix.shape()[0], columns = matrix.shape()[1] / each;
  any_tensor kept(matrix.type(), {rows, columns});
  auto const from = matrix.as<float>();
  auto const to = kept.mutable_view().as<float>();
  for (std::int64_t i = 0; i < rows * columns; ++i)
    to[static_cast<std::size_t>(i)] = from[static_cast<std::size_t>(i * each)];
  return kept;
}

/// Gives the images that a graph reads another size. A product with 512 channels of 7x7 pixels, of which one is left,
/// keeps what belongs to the first.
void reduce_images(graph& g, std::int64_t side) {
  constexpr std::int64_t pixels = 7 * 7, channels = 512;
  auto& image = *g.at(g.inputs[0].value).type.shape;
  image[2] = image[3] = side;
  for (std::size_t i = 0; i < g.value_count(); ++i) {
    auto& v = g.at(value_id{static_cast<std::int32_t>(i)});
    if (!v.is_constant() || v.type.shape->rank() != 2 || v.type.shape->back() != pixels * channels) continue;
    v.constant = columns_of_first_pixel(v.constant, pixels);
    v.type.shape = v.constant.shape();
  }
}

/// How far outputs lie from others: the largest of all, as parts of the magnitude of theirs.
struct distances {
  double largest = 0, rms = 0;
};

distances distances_between(std::vector<any_tensor> const& got, std::vector<any_tensor> const& expected) {
  distances all;
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    REQUIRE(got[i].shape() == expected[i].shape());
    auto const a = convert(got[i], dtype::float32), b = convert(expected[i], dtype::float32);
    auto const x = a.as<float>(), y = b.as<float>();
    double largest = 0, magnitude = 0, differences = 0, squares = 0;
    for (std::size_t k = 0; k < y.size(); ++k) {
      double const expected_one = y[k], difference = x[k] - expected_one;
      differences += difference * difference, squares += expected_one * expected_one;
      largest = std::max(largest, std::abs(difference)), magnitude = std::max(magnitude, std::abs(expected_one));
    }
    REQUIRE(std::isfinite(differences));
    all.largest = std::max(all.largest, largest / magnitude);
    all.rms = std::max(all.rms, std::sqrt(differences / squares));
  }
  return all;
}

distances distance_from_cpu(graph const& g, std::vector<any_tensor> const& operands,
                            std::vector<any_tensor> const& expected, precision rounding) {
  auto const device = device_under_test();
  preferences const prefer{.precision = rounding};
  return distances_between(device ? run_on(*device, g, operands, prefer) : run_emulated(g, operands, {}, prefer),
                           expected);
}

/// Exactly, a device gives what the CPU computes; rounded, what is as far from it as a few of their roundings.
void check_all_precisions(graph const& g, std::vector<any_tensor> const& operands) {
  auto const expected = run_compiled(g, operands, {});
  auto const exact = distance_from_cpu(g, operands, expected, precision::exact);
  CHECK(exact.largest < 1e-4);
  constexpr double roundings = 4;
  auto const magnified = std::max(1.0, exact.rms / 0x1p-21);  // by a model that makes much of float's own rounding
  for (auto const& [how, rounding] :
       {std::pair{precision::tf32, 0x1p-11}, {precision::float16, 0x1p-11}, {precision::bfloat16, 0x1p-8}}) {
    INFO("precision " << static_cast<int>(how));
    auto const rounded = distance_from_cpu(g, operands, expected, how);
    CHECK(rounded.rms < roundings * rounding * magnified);
    CHECK(rounded.rms > 10 * exact.rms);  // something is rounded at all
  }
}

void check_file(model_file const& which, std::optional<std::filesystem::path> const& file) {
  if (!file) {
    WARN("SKIPPED: needs the model " << which.name);
    return;
  }
  INFO(which.name);
  real_model m(*file);
  if (which.side > 0) reduce_images(m.g, which.side);
  check_all_precisions(m.g, m.operands(m.invented()));
}

void check_graph(graph g) {
  scale_weights(g);
  check_all_precisions(g, random_inputs(g));
}

}  // namespace

TEST_CASE("exported models agree on a CUDA device with the CPU by all precisions", "[device][thorough]") {
  auto const which = GENERATE(from_range(exported));
  check_file(which, exported_model(which.name));
}

TEST_CASE("pretrained models agree on a CUDA device with the CPU by all precisions", "[device][thorough]") {
  auto const which = GENERATE(from_range(pretrained));
  check_file(which, shared("models/" + std::string(which.name) + "/model.onnx"));
}

TEST_CASE("a classifier of digits and a RepViT agree on a CUDA device with the CPU by all precisions",
          "[device][thorough]") {
  check_graph(image_model_text::digits());
  check_graph(image_model_text::rep_vit());
}

TEST_CASE("encoders agree on a CUDA device with the CPU by all precisions", "[device][thorough]") {
  check_graph(encoder_graph({.layers = 4, .hidden = 256, .heads = 4, .tokens = 32}));     // BERT small
  check_graph(encoder_graph({.layers = 12, .hidden = 768, .heads = 12, .tokens = 8}));    // BERT base
  check_graph(encoder_graph({.layers = 12, .hidden = 768, .heads = 12, .picture = 48}));  // ViT B/16
}
