#pragma once

#include <sinter/program/program.hpp>
#include <sinter/runtime/linked_grid.hpp>
#include <sinter/vector/builder.hpp>
#include <sinter/vector/interpret.hpp>

#include <cstdint>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

/// Programs made by hand for the tests of the runtime.
namespace sinter::test {

inline kernel_code interpreted() { return {.entries = {}, .owners = {}, .bytes = 0, .interpret = vector::interpret}; }

inline constexpr std::int64_t row = 32;  ///< elements, two registers

/// y = op(x, w) on one register, in enough time for threads to share many.
inline vector::program binary_kernel(std::string name, vector::opcode op, std::int64_t bytes = 64) {
  vector::builder b(std::move(name), 16);
  auto const x = b.argument("x", vector::access::in, bytes);
  auto const w = b.argument("w", vector::access::constant, bytes);
  auto const y = b.argument("y", vector::access::out, bytes);
  auto const value = b.binary(op, b.load(x.at(0)), w.at(0));
  b.loop(40, {}, [&] { b.binary_to(value, vector::opcode::max, value, value); });
  b.store(y.at(0), value);
  return std::move(b).take();
}

inline packing weights(std::string key, float first, float step) {
  return {.key = std::move(key), .bytes = row * 4, .fill = [=](std::byte* to) {
            for (std::int64_t i = 0; i < row; ++i) {
              float const value = first + step * static_cast<float>(i);
              std::memcpy(to + 4 * i, &value, 4);
            }
          }};
}

inline tensor_type rows(std::int64_t n) { return {dtype::float32, shape{n, row}}; }

/// A region that runs `kernel` on every register of `n` rows; the second argument is a row that all share.
inline region every_register(std::uint32_t kernel, std::int64_t n, address x, address w, address y) {
  x.stride = y.stride = {0, 0, row * 4, 64};
  w.stride = {0, 0, 0, 64};
  return {{{.extents = {1, 1, n, 2}, .body = {{.kernel = {kernel}, .arguments = {x, w, y}}}}}};
}

/// y = (x * w + b) * w for `n` rows, in three regions with two tensors in the arena; the last writes the output where
/// `direct` is set, else a third tensor.
inline program affine_program(std::int64_t n, bool direct = false) {
  program p;
  p.kernels = {share(binary_kernel("scale", vector::opcode::mul)), share(binary_kernel("shift", vector::opcode::add))};
  p.weights = {weights("w", 1, 0.5f), weights("b", -3, 1)};
  address const x{space::input, 0}, w{space::weight, 0}, b{space::weight, 1};
  auto const bytes = n * row * 4;
  address const t{space::arena, 0}, u{space::arena, 1}, v{space::arena, 2}, y{space::output, 0};
  auto const regions = {every_register(0, n, x, w, t), every_register(1, n, t, b, u),
                        every_register(0, n, u, w, direct ? y : v)};
  for (auto const& r : regions) p.steps.push_back({.action = r});
  p.inputs = {{.type = rows(n), .where = x, .constant = {}}};
  p.outputs = {{.type = rows(n), .where = direct ? y : v, .constant = {}}};
  p.allocations = {{"t", bytes, 0, 0, 1}, {"u", bytes, bytes, 1, 2}};
  if (!direct) p.allocations.push_back({"v", bytes, 0, 2, 3});
  p.arena_bytes = p.arena_bound = 2 * bytes;
  return p;
}

inline std::vector<float> counting(std::int64_t count, float first = 0) {
  std::vector<float> x(static_cast<std::size_t>(count));
  std::iota(x.begin(), x.end(), first);
  return x;
}

/// What `affine_program` computes.
inline std::vector<float> affine(std::vector<float> x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    auto const column = static_cast<float>(i % row);
    auto const w = 1 + 0.5f * column, b = -3 + column;
    x[i] = (x[i] * w + b) * w;
  }
  return x;
}

}  // namespace sinter::test
