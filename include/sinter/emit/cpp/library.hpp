#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/core/cpu.hpp>
#include <sinter/emit/cpp/identifier.hpp>
#include <sinter/plan/program.hpp>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A model as a C++ library: one class, one function for each instruction set, one block of packed weights.
namespace sinter::cpp {

/// An input or output of the model.
struct library_port {
  std::string name{};        ///< in the model
  std::string identifier{};  ///< in the library
  tensor_type type{};
};

/// The program for one instruction set. `isa::none` is the portable one.
struct library_variant {
  isa set = isa::none;
  program plan{};
  std::vector<std::int64_t> weight_offsets{};  ///< of each of `plan.weights` in the block
  std::vector<std::int64_t> output_offsets{};  ///< of each output that is constant; -1: it is not
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
  std::vector<library_port> inputs{};
  std::vector<library_port> outputs{};
  std::vector<library_variant> variants{};  ///< weakest first
  std::vector<library_weight> weights{};
  std::int64_t weight_bytes = 0;
  std::uint64_t weight_hash = 0;  ///< of a weights file, whose last 8 bytes it is
  // Working memory: the arena, then scratch, then outputs that the library keeps memory for.
  std::int64_t scratch_offset = 0;
  std::vector<std::int64_t> output_offsets{};
  std::int64_t arena_bytes = 0;
};

inline constexpr std::int64_t memory_alignment = 64;
/// Working memory up to this size lies in the object.
inline constexpr std::int64_t object_arena_bytes = 64 << 10;

/// The name of an instruction set in the library.
inline std::string_view set_name(isa set) { return set == isa::none ? "portable" : sinter::name(set); }

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

inline std::int64_t port_bytes(library_port const& p) {
  return checked_mul(static_cast<std::int64_t>(p.type.shape->elements()),
                     static_cast<std::int64_t>(size_of(p.type.element)));
}

namespace detail {

/// Puts the weights of all variants into one block, equal keys once.
inline void place_weights(library& lib) {
  std::map<std::string, std::pair<std::int64_t, std::int64_t>, std::less<>> placed;  // key -> offset, bytes
  auto const place = [&](std::string const& key, std::int64_t bytes, std::function<void(std::byte*)> const& fill) {
    auto const [it, fresh] = placed.try_emplace(key, lib.weight_bytes, bytes);
    SINTER_ASSERT(it->second.second == bytes);
    if (fresh) {
      lib.weights.push_back({lib.weight_bytes, bytes, fill});
      lib.weight_bytes += round_up(bytes, memory_alignment);
    }
    return it->second.first;
  };
  for (auto& v : lib.variants) {
    for (auto const& w : v.plan.weights) v.weight_offsets.push_back(place(w.key, w.bytes, w.fill));
    for (std::size_t i = 0; i < v.plan.outputs.size(); ++i) {
      auto const constant = v.plan.outputs[i].constant;
      v.output_offsets.push_back(
          !constant ? -1
                    : place(fmt::format("output:{}", i), static_cast<std::int64_t>(constant.bytes()),
                            [constant](std::byte* to) {
                              std::copy_n(static_cast<std::byte const*>(constant.data()), constant.bytes(), to);
                            }));
    }
  }
}

inline void place_memory(library& lib) {
  std::int64_t arena = 0, scratch = 0;
  for (auto const& v : lib.variants) {
    arena = std::max(arena, v.plan.arena_bytes);
    scratch = std::max(scratch, v.plan.scratch_bytes);
  }
  lib.scratch_offset = round_up(arena, memory_alignment);
  lib.arena_bytes = lib.scratch_offset + round_up(scratch, memory_alignment);
  for (std::size_t i = 0; i < lib.outputs.size(); ++i) {
    lib.output_offsets.push_back(lib.arena_bytes);
    bool const own = std::ranges::any_of(lib.variants, [&](library_variant const& v) {
      auto const& out = v.plan.outputs[i];
      return !out.constant && out.where.where == space::output;
    });
    if (own) lib.arena_bytes += round_up(port_bytes(lib.outputs[i]), memory_alignment);
  }
  lib.arena_bytes = std::max(lib.arena_bytes, memory_alignment);
}

/// What generated code does not do yet, with the nodes that need it.
inline void refuse_unsupported(library const& lib) {
  for (auto const& v : lib.variants) {
    std::string nodes;
    for (auto const& s : v.plan.steps)
      if (s.kind != step_kind::region) nodes += "\n    " + comment_text(s.names);
    if (!nodes.empty())
      fail(error_code::unsupported_feature,
           "generated code has no kernels for these nodes, which the in-process compiler runs as plain loops:{}",
           nodes);
  }
  for (auto const* ports : {&lib.inputs, &lib.outputs})
    for (auto const& p : *ports) {
      if (element_type(p.type.element).empty())
        fail(error_code::unsupported_feature, "'{}' has elements of {}, which a generated class does not take", p.name,
             sinter::name(p.type.element));
      if (!p.type.shape)
        fail(error_code::unsupported_feature,
             "'{}' has a shape that depends on data, generated classes have fixed ones", p.name);
    }
}

}  // namespace detail

/// Names, checks and places everything. `inputs` and `outputs` are the ports with their names in the model. Errors:
/// unsupported_feature.
inline library make_library(std::string_view name, std::vector<library_port> inputs, std::vector<library_port> outputs,
                            std::vector<library_variant> variants, bool embed) {
  library lib{.name = identifier(name), .embed = embed};
  lib.inputs = std::move(inputs);
  lib.outputs = std::move(outputs);
  lib.variants = std::move(variants);
  std::ranges::sort(lib.variants, {}, &library_variant::set);
  identifier_scope members({lib.name, "arena", "arena_bytes", "best", "element", "inputs", "instruction_set", "name",
                            "outputs", "run", "shape", "size", "supports", "view", "weight_bytes", "weights"});
  for (auto* ports : {&lib.inputs, &lib.outputs})
    for (auto& p : *ports) p.identifier = members.add(p.name);
  detail::refuse_unsupported(lib);
  detail::place_weights(lib);
  detail::place_memory(lib);
  return lib;
}

}  // namespace sinter::cpp
