#pragma once

#include <sinter/kernels/movement.hpp>
#include <sinter/kernels/staging.hpp>

#include <algorithm>
#include <type_traits>

/// Kernels that read or write where indices say. A negative index counts from the back; one outside is a failure.
namespace sinter::kernels {

constexpr bool is_index(std::int64_t index, std::int64_t extent) {
  auto const size = static_cast<std::uint64_t>(extent);
  return static_cast<std::uint64_t>(index) + size < 2 * size;
}

/// An index, counted from the front.
constexpr std::int64_t from_front(std::int64_t index, std::int64_t extent) {
  return index < 0 ? index + extent : index;
}

/// The first of `count` indices that is none; null where all are.
constexpr std::int64_t const* first_outside(std::int64_t const* indices, std::int64_t count, std::int64_t extent) {
  auto const* const found =
      std::find_if(indices, indices + count, [extent](std::int64_t index) { return !is_index(index, extent); });
  return found == indices + count ? nullptr : found;
}

/// Slices along an axis. Number: the axis.
inline status gather(call const& c) {
  staged_input<std::int64_t> indices(c.in[1], c.memory);
  if (c.memory.measuring()) return {};
  auto const& s = c.in[0].shape;
  auto const axis = static_cast<std::size_t>(c.integers[0]);
  auto const outer = static_cast<std::int64_t>(s.elements(0, axis)), extent = s[axis];
  auto const inner = static_cast<std::int64_t>(s.elements(axis + 1, s.rank()));
  auto const count = static_cast<std::int64_t>(c.in[1].elements());
  if (auto const* const bad = first_outside(indices, count, extent); bad && outer > 0)
    return status::outside(*bad, -extent, extent - 1);
  return with_copy(c.in[0], c.out[0], [&](auto const& copy) -> status {
    auto const copy_slices = [&](auto length) {  // a constant where it is 1, for compilers
      for (std::int64_t row = 0; row < outer; ++row)
        for (std::int64_t i = 0; i < count; ++i)
          copy((row * extent + from_front(indices[i], extent)) * length, (row * count + i) * length, length);
    };
    if (inner == 1)
      copy_slices(std::integral_constant<std::int64_t, 1>{});
    else
      copy_slices(inner);
    return {};
  });
}

/// Calls visit(i, at, 1) for all elements of `indices`: element i chooses that at `at` of a tensor of `rows` rows of
/// `extent` elements, `chosen` from each row; one that is none chooses the first, and the result says so.
template <typename Visit>
status for_each_chosen_of_rows(std::int64_t rows, std::int64_t extent, std::int64_t chosen, std::int64_t const* indices,
                               Visit&& visit) {
  constexpr std::integral_constant<std::int64_t, 1> one;  // for compilers
  bool all = extent > 0;
  for (std::int64_t row = 0; row < rows && extent > 0; ++row)
    for (auto i = row * chosen; i < (row + 1) * chosen; ++i) {
      bool const inside = is_index(indices[i], extent);
      all &= inside;
      visit(i, row * extent + (inside ? from_front(indices[i], extent) : 0), one);
    }
  auto const* const bad = all ? nullptr : first_outside(indices, rows * chosen, extent);
  return bad ? status::outside(*bad, -extent, extent - 1) : status{};
}

/// Calls visit(i, at, count) for all elements of `indices`, in runs: elements i to i + count choose those from `at` on
/// of a tensor of shape `s` along `axis`. A run has equal indices, so that rows of them are moved as one.
template <typename Visit>
status for_each_chosen(shape const& s, std::size_t axis, shape const& index_shape, std::int64_t const* indices,
                       Visit&& visit) {
  bool const last = axis + 1 == s.rank();
  if (last && std::equal(s.begin(), s.end() - 1, index_shape.begin()))
    return for_each_chosen_of_rows(static_cast<std::int64_t>(s.elements(0, axis)), s[axis], index_shape[axis], indices,
                                   visit);
  walk_operand base{.strides = row_major_strides(s)};
  auto const along = base.strides[axis], extent = s[axis];
  base.strides[axis] = 0;
  strided_walk const walk(index_shape, {&base, 1});
  status result;
  walk.for_each_run([&](std::size_t first, std::size_t count) {
    auto const stride = base.stride();
    auto const* const chosen = indices + first;
    if (auto const* const bad = first_outside(chosen, static_cast<std::int64_t>(count), extent)) {
      if (result.ok) result = status::outside(*bad, -extent, extent - 1);
      return;
    }
    auto const start = [&](std::size_t i) {
      return base.offset + static_cast<std::int64_t>(i) * stride + from_front(chosen[i], extent) * along;
    };
    if (stride != 1) {
      for (std::size_t i = 0; i < count; ++i) visit(static_cast<std::int64_t>(first + i), start(i), 1);
      return;
    }
    for (std::size_t i = 0, end = 0; i < count; i = end) {
      end = i + 1;
      while (end < count && chosen[end] == chosen[i]) ++end;
      visit(static_cast<std::int64_t>(first + i), start(i), static_cast<std::int64_t>(end - i));
    }
  });
  return result;
}

/// out[i][j] = in[index[i][j]][j] for axis 0. Number: the axis.
inline status gather_elements(call const& c) {
  staged_input<std::int64_t> indices(c.in[1], c.memory);
  if (c.memory.measuring()) return {};
  return with_copy(c.in[0], c.out[0], [&](auto const& copy) {
    return for_each_chosen(c.in[0].shape, static_cast<std::size_t>(c.integers[0]), c.in[1].shape, indices,
                           [&](std::int64_t i, std::int64_t at, auto count) { copy(at, i, count); });
  });
}

/// The slices that tuples of indices choose: the last dimension of `tuples` holds tuples for the dimensions of `s` that
/// follow the batch. Calls visit(tuple, first element, elements) for each.
template <typename Visit>
status for_each_slice(shape const& s, shape const& tuples, std::int64_t const* indices, std::size_t batch_dims,
                      Visit&& visit) {
  auto const length = static_cast<std::size_t>(tuples.back());
  auto const size = static_cast<std::int64_t>(s.elements(batch_dims + length, s.rank()));
  auto const batches = static_cast<std::int64_t>(s.elements(0, batch_dims));
  auto const count = static_cast<std::int64_t>(tuples.elements(0, tuples.rank() - 1));
  auto const batch_stride = static_cast<std::int64_t>(s.elements(batch_dims, s.rank()));
  for (std::int64_t i = 0; i < count; ++i, indices += length) {
    std::int64_t at = 0;
    for (std::size_t k = 0; k < length; ++k) {
      auto const extent = s[batch_dims + k], index = indices[k];
      if (!is_index(index, extent)) return status::outside(index, -extent, extent - 1);
      at = at * extent + from_front(index, extent);
    }
    visit(i, i / (count / batches) * batch_stride + at * size, size);
  }
  return {};
}

/// Slices chosen by tuples. Number: the batch dimensions.
inline status gather_slices(call const& c) {
  staged_input<std::int64_t> indices(c.in[1], c.memory);
  if (c.memory.measuring()) return {};
  return with_copy(c.in[0], c.out[0], [&](auto const& copy) {
    return for_each_slice(c.in[0].shape, c.in[1].shape, indices, static_cast<std::size_t>(c.integers[0]),
                          [&](std::int64_t i, std::int64_t at, std::int64_t size) { copy(at, i * size, size); });
  });
}

/// How an update changes the element that it meets.
enum class scatter_reduction : std::uint8_t { none, add, mul, min, max };

template <compute_type T>
T scattered(scatter_reduction how, T old, T update) {
  using natural = std::conditional_t<std::is_integral_v<T>, std::uint64_t, T>;  // wraps
  switch (how) {
    case scatter_reduction::add: return static_cast<T>(static_cast<natural>(old) + static_cast<natural>(update));
    case scatter_reduction::mul: return static_cast<T>(static_cast<natural>(old) * static_cast<natural>(update));
    case scatter_reduction::min: return std::min(old, update);
    case scatter_reduction::max: return std::max(old, update);
    default: return update;
  }
}

/// Calls body(apply): apply(from, to, count) applies `count` updates from element `from` on to the elements of `out`
/// from `to` on.
template <typename Body>
status with_updates(scatter_reduction how, tensor_view updates, mutable_tensor_view out, Body&& body) {
  if (how == scatter_reduction::none) return with_copy(updates, out, body);
  return visit_compute(out.type, [&]<typename T>() {
    return body([&](std::int64_t from, std::int64_t to, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) {
        auto const at = static_cast<std::size_t>(to + i);
        auto const update = load<T>(updates.type, updates.data, static_cast<std::size_t>(from + i));
        store<T>(out.type, out.data, at, scattered(how, load<T>(out.type, out.data, at), update));
      }
    });
  });
}

/// out = in[0], to which each(indices, apply) applies elements of in[2]; in[1] are the indices. Number: the reduction.
template <typename Each>
status scatter_each(call const& c, Each&& each) {
  auto const how = static_cast<scatter_reduction>(c.integers[0]);
  if (how != scatter_reduction::none) compute_kind_of(c.out[0].type);
  staged_input<std::int64_t> indices(c.in[1], c.memory);
  if (c.memory.measuring()) return {};
  copy_all(c.in[0], c.out[0]);
  return with_updates(how, c.in[2], c.out[0], [&](auto const& apply) { return each(indices, apply); });
}

/// out = in[0], then out[index[i][j]][j] = update[i][j] (for axis 0), in row-major order. Numbers: the reduction, the
/// axis.
inline status scatter_elements(call const& c) {
  return scatter_each(c, [&](std::int64_t const* indices, auto const& apply) {
    return for_each_chosen(c.in[0].shape, static_cast<std::size_t>(c.integers[1]), c.in[1].shape, indices, apply);
  });
}

/// The same for slices that tuples choose. Number: the reduction.
inline status scatter_slices(call const& c) {
  return scatter_each(c, [&](std::int64_t const* indices, auto const& apply) {
    return for_each_slice(c.in[0].shape, c.in[1].shape, indices, 0,
                          [&](std::int64_t i, std::int64_t at, std::int64_t size) { apply(i * size, at, size); });
  });
}

}  // namespace sinter::kernels
