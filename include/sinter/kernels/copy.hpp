#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <cstring>

/// Kernels that move elements of any type.
namespace sinter::kernels {

/// out = in: the elements in their order.
inline status copy(call const& c) {
  if (!c.memory.measuring()) copy_all(c.in[0], c.out[0]);
  return {};
}

/// The same, and ones in output 1; either output may be unused.
inline status copy_with_mask(call const& c) {
  if (c.output(1)) compute_kind_of(c.out[1].type);
  if (c.memory.measuring()) return {};
  if (c.out[0]) copy_all(c.in[0], c.out[0]);
  auto const mask = c.output(1);
  for (std::size_t i = 0; mask && i < mask.elements(); ++i) store<float>(mask.type, mask.data, i, 1);
  return {};
}

/// The bits of in[0] as another type. Number: how many bits an element has.
inline status copy_bits(call const& c) {
  if (c.memory.measuring()) return {};
  auto const out = c.out[0];
  std::memcpy(out.data, c.in[0].data, c.in[0].bytes());
  if (c.integers[0] >= 8) return {};
  auto* const codes = static_cast<std::uint8_t*>(out.data);  // one a byte; the bits above are those of the new type
  auto const mask = static_cast<std::uint8_t>((1u << c.integers[0]) - 1);
  for (std::size_t i = 0; i < out.elements(); ++i) {
    codes[i] &= mask;
    if (is_integer(out.type)) store<std::int64_t>(out.type, codes, i, codes[i]);
  }
  return {};
}

/// out[i, j, …] = in[offset + i*strides[0] + j*strides[1] + …]. Numbers: offset, the extents by which the output is
/// seen, the strides in elements.
inline status move(call const& c) {
  if (c.memory.measuring()) return {};
  auto const rank = (c.integers.size() - 1) / 2;
  shape const extents(c.integers.subspan(1, rank)), strides(c.integers.subspan(1 + rank));
  strided_copy(c.in[0], c.integers[0], strides, {c.out[0].type, extents, c.out[0].data});
  return {};
}

/// The inputs one behind the other. Number: the axis.
inline status concatenate(call const& c) {
  if (c.memory.measuring()) return {};
  auto const& s = c.out[0].shape;
  auto const axis = static_cast<std::size_t>(c.integers[0]);
  auto const outer = s.elements(0, axis);
  std::int64_t to = 0;
  for (std::size_t row = 0; row < outer; ++row)
    for (auto const& part : c.in) {
      auto const run = part.shape.elements(axis, s.rank());
      copy_elements(part, static_cast<std::int64_t>(row * run), c.out[0], to, run);
      to += static_cast<std::int64_t>(run);
    }
  return {};
}

/// The opposite. Numbers: the axis, the extent of each output along it.
inline status split(call const& c) {
  if (c.memory.measuring()) return {};
  auto const dense = row_major_strides(c.in[0].shape);
  auto const stride = dense[static_cast<std::size_t>(c.integers[0])];
  std::int64_t at = 0;
  for (std::size_t i = 0; i < c.out.size(); ++i) {
    if (c.out[i]) strided_copy(c.in[0], at * stride, dense, c.out[i]);
    at += c.integers[i + 1];
  }
  return {};
}

/// in[0], in which in[1] is written from the index in in[2] on. Number: the axis.
inline status write_rows(call const& c) {
  if (c.memory.measuring()) return {};
  auto const& s = c.out[0].shape;
  auto const& rows = c.in[1].shape;
  auto const axis = static_cast<std::size_t>(c.integers[0]);
  auto const at = *static_cast<std::int64_t const*>(c.in[2].data);
  if (at < 0 || at > s[axis] - rows[axis]) return status::outside(at, 0, s[axis] - rows[axis]);
  if (c.in[0].data != c.out[0].data) copy_all(c.in[0], c.out[0]);
  auto const inner = static_cast<std::int64_t>(s.elements(axis + 1, s.rank()));
  auto const run = rows[axis] * inner;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(s.elements(0, axis)); ++i)
    copy_elements(c.in[1], i * run, c.out[0], (i * s[axis] + at) * inner, static_cast<std::size_t>(run));
  return {};
}

enum class pad_mode : std::uint8_t { constant, reflect, edge, wrap };

/// The element of an axis of `extent` elements that position `at` shows, where 0 is its first element; -1: padding of
/// the mode `constant`.
inline std::int64_t padded_index(pad_mode mode, std::int64_t at, std::int64_t extent) {
  if (at >= 0 && at < extent) return at;
  auto const modulo = [](std::int64_t a, std::int64_t b) { return (a % b + b) % b; };
  switch (mode) {
    case pad_mode::edge: return at < 0 ? 0 : extent - 1;
    case pad_mode::wrap: return modulo(at, extent);
    case pad_mode::reflect: {
      if (extent == 1) return 0;
      auto const there_and_back = modulo(at, 2 * (extent - 1));
      return there_and_back < extent ? there_and_back : 2 * (extent - 1) - there_and_back;
    }
    default: return -1;
  }
}

/// out[i, j, …] = in[sources[i], sources[out.shape[0] + j], …], or `fill` where one of the sources is -1.
template <typename T>
void indexed_copy(tensor_view in, std::int64_t const* sources, T const& fill, mutable_tensor_view out) {
  auto const rank = out.shape.rank();
  auto const strides = row_major_strides(in.shape);
  auto const row = rank ? static_cast<std::size_t>(out.shape.back()) : 1;
  auto const rows = out.elements() / std::max<std::size_t>(row, 1);
  auto const* const x = static_cast<T const*>(in.data);
  auto* y = static_cast<T*>(out.data);
  std::array<std::int64_t, max_rank> index{};
  for (std::size_t r = 0; r < rows; ++r, y += row) {
    std::int64_t offset = 0;
    bool outside = false;
    auto const* source = sources;
    for (std::size_t axis = 0; axis + 1 < rank; source += out.shape[axis++]) {
      auto const at = source[index[axis]];
      outside = outside || at < 0;
      offset += at * strides[axis];
    }
    for (std::size_t i = 0; i < row; ++i) {
      auto const at = rank ? source[i] : 0;
      y[i] = outside || at < 0 ? fill : x[offset + at];
    }
    for (auto axis = rank; axis-- > 1;) {
      if (++index[axis - 1] < out.shape[axis - 1]) break;
      index[axis - 1] = 0;
    }
  }
}

/// Pads or crops. Input 2 is the padding value; without it the real is. Numbers: the mode, the elements added before
/// each axis.
inline status pad(call const& c) {
  auto const& s = c.in[0].shape;
  auto const& target = c.out[0].shape;
  std::int64_t count = 0;
  for (auto const extent : target) count += extent;
  auto* const sources = c.memory.take<std::int64_t>(static_cast<std::size_t>(count));
  if (!c.input(2) && c.in[0].type != dtype::string) compute_kind_of(c.in[0].type);
  if (c.memory.measuring()) return {};
  auto* next = sources;
  for (std::size_t axis = 0; axis < s.rank(); ++axis)
    for (std::int64_t at = 0; at < target[axis]; ++at)
      *next++ = padded_index(static_cast<pad_mode>(c.integers[0]), at - c.integers[axis + 1], s[axis]);
  visit_storage(c.in[0].type, [&]<typename T>() {
    T fill{};
    if (auto const given = c.input(2))
      fill = *static_cast<T const*>(given.data);
    else if constexpr (std::is_trivially_copyable_v<T>)
      store<double>(c.in[0].type, &fill, 0, c.reals[0]);
    indexed_copy<T>(c.in[0], sources, fill, c.out[0]);
  });
  return {};
}

/// out = in[0] ? in[1] : in[2], broadcast.
inline status select(call const& c) {
  if (c.memory.measuring()) return {};
  std::array<walk_operand, 3> at{};
  for (std::size_t i = 0; i < 3; ++i) at[i].strides = broadcast_strides(c.in[i].shape, c.out[0].shape);
  strided_walk const walk(c.out[0].shape, at);
  visit_storage(c.out[0].type, [&]<typename T>() {
    walk.for_each_run([&](std::size_t first, std::size_t count) {
      auto const* condition = static_cast<bool const*>(c.in[0].data) + at[0].offset;
      auto const* x = static_cast<T const*>(c.in[1].data) + at[1].offset;
      auto const* y = static_cast<T const*>(c.in[2].data) + at[2].offset;
      auto* const to = static_cast<T*>(c.out[0].data) + first;
      for (std::size_t i = 0; i < count; ++i) {
        to[i] = *condition ? *x : *y;
        condition += at[0].stride();
        x += at[1].stride();
        y += at[2].stride();
      }
    });
  });
  return {};
}

/// Zeroes what is below (or above) a diagonal of each matrix; input 1 is its number, 0 where omitted. Number: whether
/// the upper triangle stays.
inline status triangle(call const& c) {
  staged_input<std::int64_t> given(c.input(1), c.memory);
  if (c.memory.measuring()) return {};
  auto const& s = c.in[0].shape;
  auto const rows = s[s.rank() - 2], columns = s.back();
  auto const matrices = static_cast<std::int64_t>(s.elements(0, s.rank() - 2));
  auto const k = given ? std::clamp<std::int64_t>(given[0], -rows, columns) : 0;
  if (c.out[0].type != dtype::string) std::memset(c.out[0].data, 0, c.out[0].bytes());
  for (std::int64_t i = 0; i < matrices * rows; ++i) {
    auto const diagonal = i % rows + k;
    auto const first = c.integers[0] ? std::clamp<std::int64_t>(diagonal, 0, columns) : 0;
    auto const last = c.integers[0] ? columns : std::clamp<std::int64_t>(diagonal + 1, 0, columns);
    copy_elements(c.in[0], i * columns + first, c.out[0], i * columns + first, static_cast<std::size_t>(last - first));
  }
  return {};
}

/// 1 on a diagonal, else 0. Number: that of the diagonal.
inline status diagonal(call const& c) {
  if (c.memory.measuring()) return {};
  auto const rows = c.out[0].shape[0], columns = c.out[0].shape[1], k = c.integers[0];
  std::memset(c.out[0].data, 0, c.out[0].bytes());
  for (std::int64_t row = 0; row < rows; ++row)
    if (k >= -row && k < columns - row)
      store<float>(c.out[0].type, c.out[0].data, static_cast<std::size_t>(row * columns + row + k), 1);
  return {};
}

/// Input 2 holds what an element is off and on; an index of input 0 outside of [-depth, depth) is off everywhere.
/// Number: the axis of the output that has the depth.
inline status one_hot(call const& c) {
  staged_input<std::int64_t> indices(c.in[0], c.memory);
  if (c.memory.measuring()) return {};
  auto const& s = c.out[0].shape;
  auto const axis = static_cast<std::size_t>(c.integers[0]);
  auto const depth = s[axis], inner = static_cast<std::int64_t>(s.elements(axis + 1, s.rank()));
  fill_elements(c.out[0], c.in[2].data);
  auto const count = static_cast<std::int64_t>(c.in[0].elements());
  for (std::int64_t at = 0; at < count; ++at) {
    auto const on = indices[at] < 0 ? indices[at] + depth : indices[at];
    if (on < 0 || on >= depth) continue;
    copy_elements(c.in[2], 1, c.out[0], (at / inner * depth + on) * inner + at % inner, 1);
  }
  return {};
}

/// Reverses the first steps of each sequence, as many as input 1 says. Number: whether time is the first dimension and
/// the batch the second.
inline status reverse_sequences(call const& c) {
  staged_input<std::int64_t> lengths(c.in[1], c.memory);
  if (c.memory.measuring()) return {};
  auto const& s = c.in[0].shape;
  bool const time_first = c.integers[0] != 0;
  auto const steps = s[time_first ? 0 : 1], batches = s[time_first ? 1 : 0];
  auto const inner = static_cast<std::int64_t>(s.elements(2, s.rank()));
  auto const step_stride = time_first ? batches * inner : inner, batch_stride = time_first ? inner : steps * inner;
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    auto const length = lengths[batch];
    if (length < 0 || length > steps) return status::outside(length, 0, steps);
    for (std::int64_t step = 0; step < steps; ++step) {
      auto const from = step < length ? length - 1 - step : step;
      copy_elements(c.in[0], batch * batch_stride + from * step_stride, c.out[0],
                    batch * batch_stride + step * step_stride, static_cast<std::size_t>(inner));
    }
  }
  return {};
}

}  // namespace sinter::kernels
