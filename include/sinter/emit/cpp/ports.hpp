#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/core/error.hpp>
#include <sinter/program/program.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The inputs and outputs of a generated class, for one batch size or several.
namespace sinter::cpp {

/// Which batches a library runs.
enum class batch_kind : std::uint8_t {
  fixed,   ///< the one that the shapes say
  listed,  ///< some sizes, chosen by the type of the call
  any,     ///< any size from 1 to the last one, chosen at run time
  growing  ///< one; the sizes are capacities of state that grows, and a run is for the least that fits
};

struct library_batch {
  batch_kind kind = batch_kind::fixed;
  std::vector<std::int64_t> sizes{1};  ///< ascending; there is a program for each
  std::int64_t added = 0;              ///< rows that a run adds to state that grows
};

/// An input or output of the model.
struct library_port {
  std::string name{};                        ///< in the model
  std::string identifier{};                  ///< in the library
  tensor_type type{};                        ///< for the largest batch
  std::vector<std::int64_t> per_item{};      ///< by axis: how the extent grows with the batch; 0: it does not
  bool is_length = false;                    ///< of state that grows: an input that the class itself gives
  std::optional<std::size_t> grows_along{};  ///< of an input that grows with the state and is given for each run
  std::int64_t more_rows = 0;                ///< that it has than the state

  bool grows() const {
    return std::ranges::any_of(per_item, [](auto n) { return n != 0; });
  }
};

/// The ports for one batch size.
struct library_ports {
  std::vector<library_port> inputs{};
  std::vector<library_port> outputs{};
};

/// The C++ type of an element; empty: there is none.
inline std::string_view element_type(dtype type) {
  switch (type) {
    case dtype::float32: return "float";
    case dtype::float64: return "double";
    case dtype::boolean: return "bool";
    case dtype::int32: return "std::int32_t";
    case dtype::int64: return "std::int64_t";
    case dtype::uint32: return "std::uint32_t";
    case dtype::uint64: return "std::uint64_t";
    case dtype::int16: return "std::int16_t";
    case dtype::uint16:
    case dtype::float16:
    case dtype::bfloat16: return "std::uint16_t";
    case dtype::int8:
    case dtype::int4:
    case dtype::int2: return "std::int8_t";
    case dtype::undefined:
    case dtype::string:
    case dtype::complex64:
    case dtype::complex128: return "";
    default: return "std::uint8_t";
  }
}

/// Of the largest batch.
inline std::int64_t port_bytes(library_port const& p) {
  return checked_mul(static_cast<std::int64_t>(p.type.shape->elements()),
                     static_cast<std::int64_t>(size_of(p.type.element)));
}

namespace detail {

/// Ports that a class cannot have.
inline void refuse_ports(library_ports const& ports) {
  for (auto const* list : {&ports.inputs, &ports.outputs})
    for (auto const& p : *list) {
      if (element_type(p.type.element).empty())
        fail(error_code::unsupported_feature, "'{}' has elements of {}, which a generated class does not take", p.name,
             sinter::name(p.type.element));
      if (!p.type.shape)
        fail(error_code::unsupported_feature,
             "'{}' has a shape that depends on data, generated classes have fixed ones", p.name);
    }
}

/// How a port grows with the batch, from its shapes for all sizes.
inline std::vector<std::int64_t> growth(library_batch const& batch, std::string_view name,
                                        std::vector<shape> const& shapes) {
  auto const& sizes = batch.sizes;
  auto const most = sizes.back();
  auto const& largest = shapes.back();
  std::vector<std::int64_t> result(largest.rank(), 0);
  for (std::size_t axis = 0; axis < largest.rank(); ++axis)
    if (shapes.front().rank() == largest.rank() && shapes.front()[axis] != largest[axis])
      result[axis] = largest[axis] / most;
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    auto expected = largest;
    for (std::size_t axis = 0; axis < largest.rank(); ++axis)
      if (result[axis] != 0) expected[axis] = result[axis] * sizes[i];
    if (shapes[i] != expected)
      fail(error_code::unsupported_feature,
           "'{}' is {} for a batch of {} and {} for one of {}; a class for several batch sizes takes only extents that "
           "are multiples of the batch",
           name, shapes[i], sizes[i], largest, most);
  }
  return result;
}

/// The ports of all sizes as one list.
inline std::vector<library_port> merge_ports(library_batch const& batch, std::vector<library_ports> const& all,
                                             std::vector<library_port> library_ports::*member) {
  auto result = all.back().*member;
  for (std::size_t i = 0; i < result.size(); ++i) {
    std::vector<shape> shapes;
    shapes.reserve(all.size());
    for (auto const& ports : all) shapes.push_back((ports.*member)[i].type.shape.value());
    result[i].per_item = growth(batch, result[i].name, shapes);
  }
  return result;
}

}  // namespace detail

}  // namespace sinter::cpp
