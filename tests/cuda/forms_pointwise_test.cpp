#include <sinter/core/float16.hpp>
#include <sinter/program/device_copy.hpp>

#include "forms.hpp"
#include <array>
#include <cstdint>
#include <vector>

using namespace sinter;

namespace {

/// Calls `visit` with all coordinates, the last one fastest.
template <typename Visit>
void for_each_coordinate(device_sizes const& sizes, Visit visit) {
  device_sizes at(sizes.size(), 0);
  for (std::int64_t i = 0; i < product_of(sizes); ++i) {
    auto rest = i;
    for (auto axis = sizes.size(); axis-- > 0; rest /= sizes[axis]) at[axis] = rest % sizes[axis];
    visit(at);
  }
}
std::size_t offset(device_sizes const& at, device_sizes const& strides) {
  std::int64_t sum = 0;
  for (std::size_t axis = 0; axis < at.size(); ++axis) sum += at[axis] * strides[axis];
  return static_cast<std::size_t>(sum);
}

/// A function of two operands, the second one with strides of its own.
void add_binary(emulated_calls& calls, std::string_view text, device_sizes const& sizes, device_sizes const& second,
                std::int64_t alignment = 16) {
  auto const f = expr::parse(text);
  auto const dense = row_major_strides(sizes);
  auto const x = random_floats(product_of(sizes)), y = random_floats(extent_of(sizes, second), 2);
  std::vector<float> z(x.size());
  for_each_coordinate(sizes, [&](device_sizes const& at) {
    z[offset(at, dense)] = value_of(f, {x[offset(at, dense)], y[offset(at, second)]});
  });
  calls.expect_result(
      pointwise_call(sizes, {f, {operand_with(dense), operand_with(second), result_with(dense)}, alignment}),
      {calls.input(x), calls.input(y)}, z);
}

template <typename T>
void add_copy(emulated_calls& calls, device_sizes const& sizes, device_sizes const& from) {
  std::vector<T> x(static_cast<std::size_t>(extent_of(sizes, from))), y(static_cast<std::size_t>(product_of(sizes)));
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<T>(i * 7 + 1);
  auto const to = row_major_strides(sizes);
  for_each_coordinate(sizes, [&](device_sizes const& at) { y[offset(at, to)] = x[offset(at, from)]; });
  calls.expect_result(copy_call({sizes, from, to, sizeof(T)}), {calls.input(x)}, y);
}

}  // namespace

TEST_CASE("pointwise functions of operands with strides", "[device]") {
  emulated_calls calls;
  add_binary(calls, "t0 = sigmoid x0; mul t0 x1", {2, 3, 5, 8}, {0, 40, 0, 0});
  add_binary(calls, "t0 = add x0 x1; max 0 t0", {2, 3, 5, 7}, {105, 35, 7, 1});
  add_binary(calls, "t0 = add x0 x1; max 0 t0", {2, 3, 5, 7}, {0, 0, 0, 1});
  add_binary(calls, "sub x0 x1", {6, 10}, {1, 6});
  add_binary(calls, "div x0 x1", {1}, {0});
  add_binary(calls, "mul x0 x1", {32, 12}, {12, 1}, 4);
  calls.run();
}

TEST_CASE("functions have the bits of expr::evaluate", "[device]") {
  emulated_calls calls;
  for (auto const* text :
       {"exp x0", "log x0", "tanh x0", "erf x0", "sin x0", "cos x0", "pow x0 x1", "sqrt x0", "round_half x0",
        "round_bfloat16 x0", "select.lt x0 x1 0x7fc00000 -0", "t0 = floor x0; fma t0 x1 0.1", "ceil x0", "sign x0"})
    add_binary(calls, text, {9, 11}, {11, 1});
  calls.run();
}

TEST_CASE("elements of 16 bits and integers are computed as floats", "[device]") {
  emulated_calls calls;
  std::vector<std::uint16_t> const x{0x3c00, 0xc000, 0x3555, 0x7bff, 0x0001, 0x8000, 0x7c00};
  std::vector<std::uint16_t> bfloats;
  for (auto const h : x) bfloats.push_back(float_to_bfloat16(half_to_float(h)));
  calls.expect_result(pointwise_call({7}, {{}, {operand_with({1}, dtype::float16), result_with({1}, dtype::bfloat16)}}),
                      {calls.input(x)}, bfloats);
  calls.expect_result(
      pointwise_call(
          {3}, {expr::parse("mul x0 x1"),
                {operand_with({1}, dtype::int64), operand_with({1}, dtype::boolean), result_with({1}, dtype::int32)}}),
      {calls.input(std::vector<std::int64_t>{-3, 4, 5}), calls.input(std::vector<std::uint8_t>{1, 0, 2})},
      std::vector<std::int32_t>{-3, 0, 5});
  calls.run();
}

TEST_CASE("copies between layouts", "[device]") {
  emulated_calls calls;
  add_copy<float>(calls, {2, 3, 5}, {15, 5, 1});
  add_copy<float>(calls, {2, 50, 33}, {33 * 50, 1, 50});  // a transpose through shared memory
  add_copy<std::uint16_t>(calls, {3, 40, 2, 35}, {2 * 35 * 40, 1, 35 * 40, 40});
  add_copy<std::uint8_t>(calls, {70, 33}, {1, 70});
  add_copy<std::uint64_t>(calls, {9, 10}, {1, 9});
  add_copy<std::uint8_t>(calls, {3, 16}, {32, 1});  // a slice, 16 bytes at once
  add_copy<std::uint16_t>(calls, {4, 6}, {0, 2});
  calls.run();
}

TEST_CASE("text of kernels is deterministic and the same for equal kernels") {
  auto const call = [](std::string_view f) {
    return pointwise_call({4, 8}, {expr::parse(f), {operand_with({8, 1}), result_with({8, 1})}}).kernel;
  };
  std::vector const kernels{call("exp x0"), call("log x0"), call("exp x0")};
  auto const text = cuda_text::cuda_module_text(kernels);
  CHECK(text == cuda_text::cuda_module_text(kernels));
  CHECK(cuda_text::kernel_name(kernels[0]) == cuda_text::kernel_name(kernels[2]));
  CHECK(cuda_text::kernel_name(kernels[0]) != cuda_text::kernel_name(kernels[1]));
  auto const name = cuda_text::kernel_name(kernels[0]);
  CHECK(name.starts_with("pointwise_"));
  CHECK(text.find("void " + name) == text.rfind("void " + name));
}

TEST_CASE("kernels that have no text are errors") {
  CHECK_THROWS_WITH(cuda_text::kernel_name({.form = "unknown"}), says("'unknown'"));
  auto kernel = pointwise_call({4, 8}, {{}, {operand_with({8, 1}), result_with({8, 1})}}).kernel;
  auto strings = kernel;
  strings.arguments[0].element = dtype::string;
  CHECK_THROWS_WITH(cuda_text::kernel_name(strings), says("type string"));
  std::erase_if(kernel.constants, [](device_constant const& c) { return c.name == "vector"; });
  CHECK_THROWS_WITH(cuda_text::cuda_module_text(std::vector{kernel}), says("no constant 'vector'"));
}
