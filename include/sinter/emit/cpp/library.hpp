#pragma once

#include <sinter/core/state_link.hpp>
#include <sinter/core/target.hpp>
#include <sinter/emit/cpp/host_calls.hpp>
#include <sinter/emit/cpp/identifier.hpp>
#include <sinter/emit/cpp/ports.hpp>
#include <sinter/plan/library.hpp>
#include <sinter/program/program.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A model as a C++ library: one class, one function for each instruction set, one block of packed weights.
namespace sinter::cpp {

/// All that the printers read: a model with names, checked and placed.
struct library {
  std::string name{};  ///< of the class and of the files
  bool embed = true;   ///< the weights are part of the program; else a file is mapped
  int threads = 1;     ///< the most that a run uses
  library_batch batch{};
  std::vector<library_port> inputs{};
  std::vector<library_port> outputs{};
  std::vector<state_link> states{};
  std::vector<library_variant> variants{};  ///< weakest first
  host_functions hosts{};
  library_memory memory{};
  std::uint64_t weight_hash = 0;  ///< of a weights file, whose last 8 bytes it is

  /// Whether it is for CUDA devices; else for CPUs.
  bool on_device() const { return variants[0].set.device() == device_kind::cuda; }
  /// Whether it keeps state that grows.
  bool grows() const { return batch.kind == batch_kind::growing; }
  /// The state that input, or output, `i` is of; null: none.
  state_link const* state_of(std::size_t state_link::*side, std::size_t i) const {
    auto const found = std::ranges::find(states, i, side);
    return found == states.end() ? nullptr : &*found;
  }
};

/// Working memory up to this size lies in the object.
inline constexpr std::int64_t object_arena_bytes = 64 << 10;

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

/// Whether numbers in the inputs, or state without place for more, may end a run.
inline bool may_fail(library const& lib) {
  return lib.grows() || lib.hosts.may_fail() || std::ranges::any_of(lib.variants, [](library_variant const& v) {
           return std::ranges::any_of(v.plans, [](program const& p) { return !p.checks.empty(); });
         });
}

/// What such a function returns: nothing, or where it may fail null or what went wrong.
inline std::string_view run_result(library const& lib) { return may_fail(lib) ? "char const*" : "void"; }

namespace detail {

/// Whether generated code can make a host call: it has a kernel, no strings, and results whose size is known.
inline bool is_printable(host_call const& call) {
  auto const plain = [](view_binding const& v) {
    return v.type.element == dtype::undefined || (!element_type(v.type.element).empty() && !v.is_bound());
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
             "generated code does not run these nodes, for lack of a kernel or as the size of a result depends on "
             "data; the in-process compiler does:{}",
             nodes);
    }
}

/// Refuses state that a class cannot have.
inline void check_states(library const& lib) {
  bool const batches = lib.batch.kind == batch_kind::listed || lib.batch.kind == batch_kind::any;
  if (!lib.states.empty() && (batches || lib.on_device()))
    fail(error_code::unsupported_feature, "a class with state is for CPUs and has fixed shapes; got {}",
         lib.on_device() ? "a CUDA device" : "several batches");
  for (auto const& s : lib.states) {
    auto const &in = lib.inputs[s.input], &out = lib.outputs[s.output];
    auto const &from = in.type, &to = out.type;
    if (from != to)
      fail(error_code::invalid_argument, "state: input '{}' is {} {} and output '{}' is {} {}; state keeps its type",
           in.name, name(from.element), *from.shape, out.name, name(to.element), *to.shape);
    if (s.axis && from.element == dtype::boolean)
      fail(error_code::unsupported_feature, "state: '{}' grows and is bool, which std::vector does not hold as such",
           in.name);
  }
}

}  // namespace detail

/// Names, checks and places everything. A run uses at most `threads` threads. `ports`, with their names in the model,
/// and the plans of each variant are those for each of the sizes of `batch`. `states` that grow have capacities in
/// place of a batch. Errors: unsupported_feature, invalid_argument.
inline library make_library(std::string_view name, library_batch batch, std::vector<library_ports> const& ports,
                            std::vector<library_variant> variants, bool embed, int threads,
                            std::vector<state_link> states = {}) {
  library lib{.name = identifier(name), .embed = embed, .threads = threads, .batch = std::move(batch)};
  for (auto const& p : ports) detail::refuse_ports(p);
  lib.inputs = detail::merge_ports(lib.batch, ports, &library_ports::inputs);
  lib.outputs = detail::merge_ports(lib.batch, ports, &library_ports::outputs);
  lib.variants = std::move(variants);
  std::ranges::sort(lib.variants, weaker, &library_variant::set);
  identifier_scope members(
      {lib.name,    "architectures", "arena",     "arena_bytes", "Batch",       "batch_sizes",     "best",
       "element",   "error",         "has_batch", "host_bytes",  "inputs",      "instruction_set", "length",
       "max_batch", "max_length",    "name",      "outputs",     "reset_state", "restore_state",   "rows_per_run",
       "run",       "save_state",    "shape",     "size",        "state",       "supports",        "threads",
       "view",      "weight_bytes",  "weights"});
  for (auto* list : {&lib.inputs, &lib.outputs})
    for (auto& p : *list)
      if (!p.is_length) p.identifier = members.add(p.name);
  lib.states = std::move(states);
  detail::check_states(lib);
  for (auto const& s : lib.states)
    if (s.axis) lib.inputs[s.input].per_item[*s.axis] = lib.outputs[s.output].per_item[*s.axis] = 1;
  for (auto& p : lib.inputs)
    if (p.grows_along) p.per_item[*p.grows_along] = 1;
  detail::refuse_steps(lib);
  for (auto const& v : lib.variants) {
    SINTER_ASSERT(v.plans.size() == lib.batch.sizes.size());
    for (auto const& p : v.plans) lib.hosts.add(p);
  }
  std::vector<std::int64_t> input_bytes, output_bytes;
  for (auto const& p : lib.inputs) input_bytes.push_back(port_bytes(p));
  for (std::size_t i = 0; i < lib.outputs.size(); ++i) {
    auto const* const kept = lib.state_of(&state_link::output, i);  // what grows lies where the input does
    output_bytes.push_back(kept && kept->axis ? 0 : port_bytes(lib.outputs[i]));
  }
  lib.memory = place_library(lib.variants, input_bytes, output_bytes, threads);
  return lib;
}

}  // namespace sinter::cpp
