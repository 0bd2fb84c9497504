#pragma once

#include <sinter/graph/graph.hpp>
#include <sinter/ops/operator.hpp>
#include <sinter/vector/program.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

/// The program: which kernels run, on which bytes, in which order. Made by plan/, consumed by emit/ and runtime/.
namespace sinter {

/// Where bytes live. The base pointers of one run are a table: arena, scratch of the worker, then inputs, outputs,
/// weights.
enum class space : std::uint8_t { arena, scratch, input, output, weight };

/// A byte position: `index` says which input, output or weight block; 0 for arena and scratch.
struct place {
  space where = space::arena;
  std::uint32_t index = 0;
  std::int64_t offset = 0;
  friend bool operator==(place const&, place const&) = default;
};

inline constexpr std::size_t grid_rank = 4;

/// A kernel argument as a function of the task: base + sum of index * stride, in bytes.
struct argument_binding {
  place base{};
  std::array<std::int64_t, grid_rank> stride{};
};

/// `extent` index tuples, last axis fastest; each is one independent call of one kernel.
struct grid {
  std::array<std::int32_t, grid_rank> extent{1, 1, 1, 1};
  std::uint32_t kernel = 0;  ///< index into `program::kernels`
  std::vector<argument_binding> arguments{};

  std::int64_t tasks() const {
    std::int64_t n = 1;
    for (auto const e : extent) n *= e;
    return n;
  }
};

/// Grids side by side; the end of a region is a barrier.
struct region {
  std::vector<grid> grids{};
};

/// A dense row-major tensor in a step's terms.
struct view_binding {
  tensor_type type{};  ///< undefined element: an omitted operand
  place where{};
  any_tensor constant{};  ///< set: the operand is this constant, `where` has no meaning
};

/// A call of an operator's kernel on planned memory; where it has none, of its `evaluate`.
struct host_call {
  bound_operator op{};
  std::vector<view_binding> inputs{};  ///< as the kernel sees them
  std::vector<view_binding> outputs{};
  kernel_call kernel{};
  place scratch{};  ///< what the kernel works in, `scratch_bytes` bytes
  std::int64_t scratch_bytes = 0;
};

/// A node whose shapes are known only when it runs: `evaluate` on a heap. Its operands are slots of the context
/// (tensors with shapes) or planned places.
struct island {
  bound_operator op{};
  struct operand {
    std::int32_t slot = -1;  ///< a tensor of the context; -1: `planned`
    view_binding planned;
  };
  std::vector<operand> inputs{};
  std::vector<std::int32_t> output_slots{};  ///< -1: unused
};

enum class step_kind : std::uint8_t { region, host, island };

/// One step; `names` are the graph nodes that it computes, for people and profilers.
struct program_step {
  step_kind kind = step_kind::region;
  std::uint32_t index = 0;  ///< into regions, hosts or islands
  std::string names{};
};

/// Bytes that are made once from a constant: packed weights. Equal keys mean equal bytes.
struct packing {
  std::string key{};
  std::int64_t bytes = 0;
  std::function<void(std::byte* destination)> fill;
};

/// A tensor in the arena for a range of steps, for the memory planner, the validator and inspection.
struct allocation {
  std::string name{};
  std::int64_t bytes = 0;
  std::int64_t offset = 0;
  std::int32_t first = 0, last = 0;  ///< steps that use it, inclusive
};

struct program {
  std::vector<vector::program> kernels{};
  std::vector<packing> weights{};
  std::vector<region> regions{};
  std::vector<host_call> hosts{};
  std::vector<island> islands{};
  std::vector<program_step> steps{};

  std::vector<view_binding> inputs{};        ///< in the order of the graph's inputs
  std::vector<view_binding> outputs{};       ///< type and where; unknown shapes live in `output_slots`
  std::vector<std::int32_t> output_slots{};  ///< a slot for each output, -1 where planned
  std::int32_t slots = 0;

  std::vector<allocation> allocations{};
  std::int64_t arena_bytes = 0;
  std::int64_t arena_bound = 0;    ///< most live bytes of any step: no plan can be smaller
  std::int64_t scratch_bytes = 0;  ///< for each worker
};

}  // namespace sinter
