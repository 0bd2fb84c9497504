#pragma once

#include <sinter/core/checked.hpp>
#include <sinter/core/hash.hpp>
#include <sinter/core/target.hpp>
#include <sinter/plan/batch.hpp>
#include <sinter/program/allocation.hpp>
#include <sinter/program/program.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// Placement of the programs of a library, several targets and batch sizes of one model: one block of weights for all,
/// and working memory that any of them fits into.
namespace sinter {

/// The programs for one target.
struct library_variant {
  std::string name{};  ///< in the library and of its file
  target set{"portable"};
  std::vector<program> plans{};          ///< one for each batch size; once placed, weights are those of the library
  std::vector<shared_kernel> kernels{};  ///< of all plans, once placed
  std::vector<device_kernel> device_kernels{};
  /// By plan: which weight of the library an output is, if it is constant.
  std::vector<std::vector<std::optional<std::uint32_t>>> constant_outputs{};
};

/// What the block of weights holds, in order.
struct library_weight {
  std::int64_t offset = 0;
  std::int64_t bytes = 0;
  std::function<void(std::byte*)> fill;
};

/// Where everything lies. Working memory is the arena, then scratch for each thread, then outputs that the library
/// keeps memory for. Of a library for devices it is in the host's memory: tensors of host calls in place of the arena,
/// then outputs, then copies of inputs that host calls read.
struct library_memory {
  std::vector<library_weight> weights{};
  std::int64_t weight_bytes = 0;
  std::int64_t scratch_offset = 0;
  std::int64_t scratch_bytes = 0;  ///< of one thread
  std::vector<std::int64_t> output_offsets{};
  std::int64_t working_bytes = 0;

  /// Of a library for devices, in the memory of the device: state for each batch size, the arena, copies of inputs.
  struct device_memory {
    std::int64_t state_stride = 0;  ///< of one batch size, with the words of checks
    std::int64_t arena_offset = 0;
    std::vector<std::int64_t> input_offsets{};
    std::vector<std::int64_t> given_offsets{};  ///< of copies of inputs in working memory
    std::int64_t bytes = 0;
  } device{};
};

namespace detail {

/// What kernels of devices want tensors aligned to.
inline constexpr std::int64_t device_alignment = 256;

/// Adds to the weights of a library, equal keys once.
class weight_block {
 public:
  explicit weight_block(library_memory& memory) : memory_(memory) {}

  std::uint32_t add(packing const& w) {
    auto const [it, fresh] = placed_.try_emplace(w.key, static_cast<std::uint32_t>(memory_.weights.size()));
    if (fresh) {
      memory_.weights.push_back({memory_.weight_bytes, w.bytes, w.fill});
      memory_.weight_bytes += round_up(w.bytes, arena_alignment);
    }
    SINTER_ASSERT(memory_.weights[it->second].bytes == w.bytes);
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
  library_memory& memory_;
  std::map<std::string, std::uint32_t, std::less<>> placed_{};
};

/// Turns the weights of a program into weights of the library.
inline void place_weights(weight_block& block, program& p) {
  std::vector<std::uint32_t> number;
  for (auto const& w : p.weights) number.push_back(block.add(w));
  for_each_address(p, [&](address& a) {
    if (a.in == space::weight) a.index = number[a.index];
  });
  auto const place = [&](view_binding& v) {
    if (v.constant) v.where = {.in = space::weight, .index = block.add(v.constant)};
  };
  for_each_action<host_call>(p, [&](host_call& host, std::size_t) { std::ranges::for_each(host.inputs, place); });
  for_each_action<control>(p, [&](control& c, std::size_t) { place(c.condition), place(c.count); });
  for_each_action<tensor_copy>(p, [&](tensor_copy& c, std::size_t) { place(c.from); });
}

inline std::vector<std::optional<std::uint32_t>> place_constant_outputs(weight_block& block, program const& p) {
  std::vector<std::optional<std::uint32_t>> weights;
  for (auto const& out : p.outputs)
    weights.push_back(out.constant ? std::optional(block.add(out.constant)) : std::nullopt);
  return weights;
}

/// Lets all programs share what they can: weights, and those of one target kernels and places in the arena.
inline void share_programs(library_memory& memory, std::span<library_variant> variants) {
  weight_block block(memory);
  for (auto& v : variants) {
    for (std::size_t i = 0; i < v.plans.size(); ++i) {
      if (i + 1 < v.plans.size()) adopt_arena(v.plans[i], v.plans.back());
      place_weights(block, v.plans[i]);
      v.constant_outputs.push_back(place_constant_outputs(block, v.plans[i]));
    }
    v.kernels = share_kernels(v.plans);
    v.device_kernels = share_device_kernels(v.plans);
  }
}

/// Lays out working memory for the largest of all programs.
inline void place_working_memory(library_memory& memory, std::span<library_variant const> variants,
                                 std::span<std::int64_t const> output_bytes, int threads) {
  std::int64_t arena = 0, scratch = 0;
  for (auto const& v : variants)
    for (auto const& p : v.plans) {
      arena = std::max(arena, p.on_device ? p.host_bytes : p.arena_bytes);
      scratch = std::max(scratch, p.on_device ? 0 : p.scratch_bytes);
    }
  memory.scratch_offset = round_up(arena, arena_alignment);
  memory.scratch_bytes = round_up(scratch, arena_alignment);
  auto& end = memory.working_bytes;
  end = checked_add(memory.scratch_offset, checked_mul(std::int64_t{threads}, memory.scratch_bytes));
  for (std::size_t i = 0; i < output_bytes.size(); ++i) {
    memory.output_offsets.push_back(end);
    bool const own = std::ranges::any_of(variants, [&](library_variant const& v) {
      return std::ranges::any_of(v.plans, [&](program const& p) {
        return !p.outputs[i].constant && (p.on_device || p.outputs[i].where.in == space::output);
      });
    });
    if (own) end = checked_add(end, round_up(output_bytes[i], arena_alignment));
  }
  end = std::max(end, arena_alignment);
}

/// Where the words of checks are, behind a program's state.
inline std::int64_t check_offset(program const& p, std::size_t i) {
  return round_up(p.state_bytes, 8) + static_cast<std::int64_t>(8 * i);
}

/// Lays out the memory of a device, and behind working memory copies of the inputs that host calls read.
inline void place_device_memory(library_memory& memory, std::span<library_variant const> variants,
                                std::span<std::int64_t const> input_bytes) {
  auto& device = memory.device;
  std::int64_t arena = 0, batches = 0;
  std::vector<bool> on_device(input_bytes.size()), on_host(input_bytes.size());
  for (auto const& v : variants)
    for (auto const& p : v.plans) {
      batches = static_cast<std::int64_t>(v.plans.size());
      arena = std::max(arena, p.arena_bytes);
      device.state_stride = std::max(device.state_stride, round_up(check_offset(p, p.checks.size()), device_alignment));
      for_each_address(p, [&](address const& a) {
        if (a.in == space::input) on_device[a.index] = true;
        if (a.in == space::given) on_host[a.index] = true;
      });
    }
  device.arena_offset = checked_mul(batches, device.state_stride);
  device.bytes = checked_add(device.arena_offset, round_up(arena, device_alignment));
  for (std::size_t i = 0; i < input_bytes.size(); ++i) {
    device.input_offsets.push_back(device.bytes);
    device.given_offsets.push_back(memory.working_bytes);
    if (on_device[i]) device.bytes = checked_add(device.bytes, round_up(input_bytes[i], device_alignment));
    if (on_host[i]) memory.working_bytes = checked_add(memory.working_bytes, round_up(input_bytes[i], arena_alignment));
  }
}

}  // namespace detail

/// Places the programs of all variants, which have the same inputs and outputs: `input_bytes` and `output_bytes` long
/// for the largest batch. Batch sizes ascend. A run uses at most `threads` threads. All variants are for devices, or
/// none.
inline library_memory place_library(std::span<library_variant> variants, std::span<std::int64_t const> input_bytes,
                                    std::span<std::int64_t const> output_bytes, int threads) {
  library_memory memory;
  detail::share_programs(memory, variants);
  detail::place_working_memory(memory, variants, output_bytes, threads);
  if (variants[0].plans[0].on_device) detail::place_device_memory(memory, variants, input_bytes);
  return memory;
}

}  // namespace sinter
