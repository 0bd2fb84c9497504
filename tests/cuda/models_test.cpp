#include <sinter/ops/evaluate.hpp>

#include "catch.hpp"
#include "cuda/device_under_test.hpp"
#include "cuda/emulated_run.hpp"
#include "model/real_model.hpp"
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Models of shared/models on an emulated CUDA device, or the one under test, compared with the CPU.
using namespace sinter;
using namespace sinter::test;

namespace {

constexpr std::array small_models{"mnist_cntk", "mnist_pytorch", "keyword_spotting_fp32", "cct_opset20"};

std::optional<real_model> find_model(std::string_view name) {
  auto const folder = shared("models/" + std::string(name));
  if (folder) return read_folder(*folder);
  WARN("SKIPPED: needs shared/models/" << name);
  return std::nullopt;
}

/// The largest distance between elements of two tensors, in units of the largest magnitude of the second one.
double relative_distance(any_tensor const& got, any_tensor const& expected) {
  auto const a = convert(got, dtype::float32), b = convert(expected, dtype::float32);
  auto const x = a.as<float>(), y = b.as<float>();
  double distance = 0, largest = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    distance = std::max(distance, double(std::abs(x[i] - y[i])));
    largest = std::max(largest, double(std::abs(y[i])));
    if (std::isnan(x[i]) != std::isnan(y[i])) return INFINITY;
  }
  return distance / std::max(largest, 1e-30);
}

void check_on_device(real_model const& m, std::vector<any_tensor> const& inputs, emulator::options how = {},
                     precision rounding = precision::exact) {
  auto const operands = m.operands(inputs);
  auto const expected = run_compiled(m.g, operands, {});
  auto const device = device_under_test();
  preferences const prefer{.precision = rounding};
  auto const got = device ? run_on(*device, m.g, operands, prefer) : run_emulated(m.g, operands, how, prefer);
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i) {
    REQUIRE(got[i].shape() == expected[i].shape());
    auto const distance = relative_distance(got[i], expected[i]);
    CHECK(std::isfinite(distance));
    if (rounding != precision::exact) {  // 11 and 8 bits of mantissa, and what layers make of them
      CHECK(distance < (rounding == precision::float16 ? 0.01 : 0.08));
      continue;
    }
    if (distance < 1e-4) continue;
    // A model that makes much of rounding errors: the CPU's code is as far from plain loops.
    CHECK(distance < 2 * relative_distance(expected[i], evaluate(m.g, operands)[i]));
  }
}

}  // namespace

TEST_CASE("small models agree on a CUDA device with the CPU", "[device]") {
  auto const* const name = GENERATE(from_range(small_models));
  auto const m = find_model(name);
  if (!m) return;
  INFO(name);
  for (auto const& e : m->examples) check_on_device(*m, e.inputs);
}

TEST_CASE("a small model agrees with the CPU under every order of an emulated device's threads") {
  auto const m = find_model("mnist_pytorch");
  if (!m) return;
  for (auto const& how : emulator::every_option) check_on_device(*m, m->examples[0].inputs, how);
}

TEST_CASE("small models that are stored in 16 bits on a CUDA device agree with the CPU", "[device]") {
  auto const* const name = GENERATE(from_range(small_models));
  auto const rounding = GENERATE(precision::float16, precision::bfloat16);
  auto const m = find_model(name);
  if (!m) return;
  INFO(name << (rounding == precision::float16 ? " float16" : " bfloat16"));
  check_on_device(*m, m->examples[0].inputs, {}, rounding);
}
