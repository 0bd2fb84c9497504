#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/core/hash.hpp>
#include <sinter/core/target.hpp>
#include <sinter/emit/cpp/batch.hpp>
#include <sinter/emit/cpp/host_calls.hpp>
#include <sinter/emit/cpp/identifier.hpp>
#include <sinter/program/program.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A model as a C++ library: one class, one function for each instruction set, one block of packed weights.
namespace sinter::cpp {

/// Which batches a library runs.
enum class batch_kind : std::uint8_t {
  fixed,   ///< the one that the shapes say
  listed,  ///< some sizes, chosen by the type of the call
  any,     ///< any size from 1 to the last one, chosen at run time
};

struct library_batch {
  batch_kind kind = batch_kind::fixed;
  std::vector<std::int64_t> sizes{1};  ///< ascending; there is a program for each
};

/// An input or output of the model.
struct library_port {
  std::string name{};                    ///< in the model
  std::string identifier{};              ///< in the library
  tensor_type type{};                    ///< for the largest batch
  std::vector<std::int64_t> per_item{};  ///< by axis: how the extent grows with the batch; 0: it does not

  bool grows() const {
    return std::ranges::any_of(per_item, [](auto n) { return n != 0; });
  }
};

/// The ports for one batch size.
struct library_ports {
  std::vector<library_port> inputs{};
  std::vector<library_port> outputs{};
};

/// The programs for one target.
struct library_variant {
  std::string name{};  ///< in the library and of its file
  target set{"portable"};
  std::vector<program> plans{};          ///< one for each batch size; weights are those of the library
  std::vector<shared_kernel> kernels{};  ///< of all plans
  /// By plan: which weight an output is, if it is constant.
  std::vector<std::vector<std::optional<std::uint32_t>>> constant_outputs{};
};

/// What the block of weights holds, in order.
struct library_weight {
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  std::function<void(std::byte*)> fill;
};

struct library {
  std::string name{};  ///< of the class and of the files
  bool embed = true;   ///< the weights are part of the program; else a file is mapped
  int threads = 1;     ///< the most that a run uses
  library_batch batch{};
  std::vector<library_port> inputs{};
  std::vector<library_port> outputs{};
  std::vector<library_variant> variants{};  ///< weakest first
  host_functions hosts{};
  std::vector<library_weight> weights{};
  std::int64_t weight_bytes = 0;
  std::uint64_t weight_hash = 0;  ///< of a weights file, whose last 8 bytes it is
  // Working memory: the arena, then scratch for each thread, then outputs that the library keeps memory for.
  std::int64_t scratch_offset = 0;
  std::int64_t scratch_bytes = 0;  ///< of one thread
  std::vector<std::int64_t> output_offsets{};
  std::int64_t arena_bytes = 0;
};

inline constexpr std::int64_t memory_alignment = 64;
/// Working memory up to this size lies in the object.
inline constexpr std::int64_t object_arena_bytes = 64 << 10;

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

/// What a function that runs the model takes: working memory, the weights, the inputs, where to put the addresses of
/// the outputs, the batch, and if the library uses threads, who runs the tasks.
inline std::string run_parameters(library const& lib) {
  return std::string(
             "[[maybe_unused]] std::byte* work, [[maybe_unused]] std::byte const* constants,\n"
             "    [[maybe_unused]] std::byte const* const* inputs, [[maybe_unused]] std::byte const** outputs,\n"
             "    [[maybe_unused]] std::ptrdiff_t n") +
         (lib.threads > 1 ? ", [[maybe_unused]] ::sinter::executor& threads" : "");
}
inline std::string run_parameter_types(library const& lib) {
  return std::string("std::byte*, std::byte const*, std::byte const* const*, std::byte const**, std::ptrdiff_t") +
         (lib.threads > 1 ? ", ::sinter::executor&" : "");
}

/// What such a function returns: nothing, or where it may fail null or what went wrong.
inline std::string_view run_result(library const& lib) { return lib.hosts.may_fail() ? "char const*" : "void"; }

inline std::int64_t port_bytes(library_port const& p) {
  return checked_mul(static_cast<std::int64_t>(p.type.shape->elements()),
                     static_cast<std::int64_t>(size_of(p.type.element)));
}

namespace detail {

/// Adds to the weights of a library, equal keys once.
class weight_block {
 public:
  explicit weight_block(library& lib) : lib_(lib) {}

  std::uint32_t add(packing const& w) {
    auto const [it, fresh] = placed_.try_emplace(w.key, static_cast<std::uint32_t>(lib_.weights.size()));
    if (fresh) {
      lib_.weights.push_back({lib_.weight_bytes, w.bytes, w.fill});
      lib_.weight_bytes += round_up(w.bytes, memory_alignment);
    }
    SINTER_ASSERT(lib_.weights[it->second].bytes == w.bytes);
    return it->second;
  }
  /// A constant as it is.
  std::uint32_t add(any_tensor const& constant) {
    std::span const bytes(static_cast<std::byte const*>(constant.data()), constant.bytes());
    auto const name = content_digest(bytes);
    return add({.key = fmt::format("constant:{:016x}{:016x}", name.high, name.low),
                .bytes = static_cast<std::int64_t>(bytes.size()),
                .fill = [constant, bytes](std::byte* to) { std::ranges::copy(bytes, to); }});
  }

 private:
  library& lib_;
  std::map<std::string, std::uint32_t, std::less<>> placed_{};
};

/// Turns the weights of a plan into weights of the library.
inline void place_weights(weight_block& block, program& p) {
  std::vector<std::uint32_t> number;
  for (auto const& w : p.weights) number.push_back(block.add(w));
  for_each_address(p, [&](address& a) {
    if (a.in == space::weight) a.index = number[a.index];
  });
  for_each_action<host_call>(p, [&](host_call& host, std::size_t) {
    for (auto& in : host.inputs)
      if (in.constant) in.where = {.in = space::weight, .index = block.add(in.constant)};
  });
}

inline std::vector<std::optional<std::uint32_t>> place_constant_outputs(weight_block& block, program const& p) {
  std::vector<std::optional<std::uint32_t>> weights;
  for (auto const& out : p.outputs)
    weights.push_back(out.constant ? std::optional(block.add(out.constant)) : std::nullopt);
  return weights;
}

/// Lets all programs share what they can: weights, and those of one instruction set kernels and places in the arena.
inline void share(library& lib) {
  weight_block block(lib);
  for (auto& v : lib.variants) {
    SINTER_ASSERT(v.plans.size() == lib.batch.sizes.size());
    for (std::size_t i = 0; i < v.plans.size(); ++i) {
      if (i + 1 < v.plans.size()) adopt_arena(v.plans[i], v.plans.back());
      place_weights(block, v.plans[i]);
      v.constant_outputs.push_back(place_constant_outputs(block, v.plans[i]));
    }
    v.kernels = share_kernels(v.plans);
  }
}

inline void place_memory(library& lib) {
  std::int64_t arena = 0, scratch = 0;
  for (auto const& v : lib.variants)
    for (auto const& p : v.plans) {
      arena = std::max(arena, p.arena_bytes);
      scratch = std::max(scratch, p.scratch_bytes);
    }
  lib.scratch_offset = round_up(arena, memory_alignment);
  lib.scratch_bytes = round_up(scratch, memory_alignment);
  lib.arena_bytes = checked_add(lib.scratch_offset, checked_mul(std::int64_t{lib.threads}, lib.scratch_bytes));
  for (std::size_t i = 0; i < lib.outputs.size(); ++i) {
    lib.output_offsets.push_back(lib.arena_bytes);
    bool const own = std::ranges::any_of(lib.variants, [&](library_variant const& v) {
      return std::ranges::any_of(
          v.plans, [&](program const& p) { return !p.outputs[i].constant && p.outputs[i].where.in == space::output; });
    });
    if (own) lib.arena_bytes += round_up(port_bytes(lib.outputs[i]), memory_alignment);
  }
  lib.arena_bytes = std::max(lib.arena_bytes, memory_alignment);
}

/// Whether generated code can make a host call: it has a kernel, and no strings.
inline bool is_printable(host_call const& call) {
  auto const plain = [](view_binding const& v) {
    return v.type.element == dtype::undefined || !element_type(v.type.element).empty();
  };
  return call.kernel && std::ranges::all_of(call.inputs, plain) && std::ranges::all_of(call.outputs, plain);
}

/// What generated code does not do yet, with the nodes that need it.
inline void refuse_steps(library const& lib) {
  for (auto const& v : lib.variants)
    for (auto const& p : v.plans) {
      std::string nodes;
      for (auto const& s : p.steps) {
        auto const* const host = std::get_if<host_call>(&s.action);
        if (std::holds_alternative<island>(s.action) || (host && !is_printable(*host)))
          nodes += "\n    " + comment_text(describe(p, s));
      }
      if (!nodes.empty())
        fail(error_code::unsupported_feature,
             "generated code has no kernels for these nodes, which the in-process compiler runs as plain loops:{}",
             nodes);
    }
}

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
    for (auto const& ports : all) shapes.push_back((ports.*member)[i].type.shape.value());
    result[i].per_item = growth(batch, result[i].name, shapes);
  }
  return result;
}

}  // namespace detail

/// Names, checks and places everything. A run uses at most `threads` threads. `ports`, with their names in the model,
/// and the plans of each variant are those for each of the sizes of `batch`. Errors: unsupported_feature.
inline library make_library(std::string_view name, library_batch batch, std::vector<library_ports> const& ports,
                            std::vector<library_variant> variants, bool embed, int threads) {
  library lib{.name = identifier(name), .embed = embed, .threads = threads, .batch = std::move(batch)};
  for (auto const& p : ports) detail::refuse_ports(p);
  lib.inputs = detail::merge_ports(lib.batch, ports, &library_ports::inputs);
  lib.outputs = detail::merge_ports(lib.batch, ports, &library_ports::outputs);
  lib.variants = std::move(variants);
  std::ranges::sort(lib.variants, weaker, &library_variant::set);
  identifier_scope members(
      {lib.name,    "arena",    "arena_bytes",     "Batch",     "batch_sizes",  "best",    "element", "error",
       "has_batch", "inputs",   "instruction_set", "max_batch", "name",         "outputs", "run",     "shape",
       "size",      "supports", "threads",         "view",      "weight_bytes", "weights"});
  for (auto* list : {&lib.inputs, &lib.outputs})
    for (auto& p : *list) p.identifier = members.add(p.name);
  detail::refuse_steps(lib);
  for (auto const& v : lib.variants)
    for (auto const& p : v.plans) lib.hosts.add(p);
  detail::share(lib);
  detail::place_memory(lib);
  return lib;
}

}  // namespace sinter::cpp
