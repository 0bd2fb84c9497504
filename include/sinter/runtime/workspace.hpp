#pragma once

#include <sinter/core/limits.hpp>
#include <sinter/program/program.hpp>
#include <sinter/runtime/arena.hpp>
#include <sinter/runtime/device_workspace.hpp>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace sinter {

/// What one run of an executable needs in memory. Bases are numbered: 0 arena, 1 scratch of the worker, 2 state, then
/// inputs, outputs, weights, and in a guarded workspace the allocations of the plan; with a device, inputs in the
/// host's memory.
struct workspace_plan {
  struct buffer {
    tensor_type type{};
    std::size_t bytes = 0;                    ///< 0 for strings and unknown shapes
    std::size_t alignment = 1;                ///< that kernels ask for; a caller's memory that lacks it is copied
    bool own = false;                         ///< an output that the library keeps memory for
    bool on_device = false, on_host = false;  ///< an input that is read there, with a device
    /// Where an output lies in a device's arena that may as well lie in other memory of the device.
    std::optional<std::int64_t> placed{};
  };
  accelerator* device = nullptr;  ///< that has the arena, inputs, outputs and weights
  std::size_t arena_bytes = 0;
  std::size_t scratch_bytes = 0;  ///< of a worker; of a program for a device, its tensors in the host's memory
  std::size_t state_bytes = 0;
  std::size_t checks = 0;  ///< words behind the state
  std::size_t workers = 1;
  std::vector<buffer> inputs{};
  std::vector<buffer> outputs{};
  std::vector<std::byte*> weights{};
  std::vector<std::size_t> guarded{};  ///< bytes of each allocation
  std::size_t slots = 0;
  std::size_t views = 0;  ///< most operands of a host call
  memory_guard guard = memory_guard::plain;

  std::uint32_t input_base() const { return 3; }
  std::uint32_t output_base() const { return input_base() + static_cast<std::uint32_t>(inputs.size()); }
  std::uint32_t weight_base() const { return output_base() + static_cast<std::uint32_t>(outputs.size()); }
  std::uint32_t guarded_base() const { return weight_base() + static_cast<std::uint32_t>(weights.size()); }
  std::uint32_t given_base() const { return guarded_base() + static_cast<std::uint32_t>(guarded.size()); }
  std::size_t bases() const { return given_base() + (device ? inputs.size() : 0); }
  std::size_t scratch_stride() const { return (scratch_bytes + 4095) / 4096 * 4096; }
  std::int64_t check_offset(std::size_t i) const {
    return round_up(static_cast<std::int64_t>(state_bytes), arena_alignment) + static_cast<std::int64_t>(8 * i);
  }
  std::size_t state_and_checks() const { return checks ? static_cast<std::size_t>(check_offset(checks)) : state_bytes; }
  /// Bytes that a workspace takes, without slots and copies of misaligned inputs.
  std::size_t bytes() const {
    std::size_t sum = arena_bytes + scratch_stride() * workers + state_and_checks();
    for (auto const& o : outputs)
      if (o.own) sum += o.bytes;
    for (auto const& i : inputs)
      if (i.on_device) sum += i.bytes;
    return sum;
  }
};

/// The memory of one run: arena, scratch, outputs, tensors of unknown size. Used by one thread at a time.
class workspace {
 public:
  /// Errors: limit_exceeded, before anything is allocated; system.
  explicit workspace(workspace_plan const& plan, std::size_t limit_bytes = limits{}.arena_bytes);

  std::size_t workers() const { return workers_; }
  /// Base pointers for a worker.
  std::byte** table(std::size_t worker) { return table_.data() + worker * bases_; }
  /// Memory of no bytes (null) gets an address too: operators see data where tensors are empty.
  void set_base(std::size_t base, std::byte* to) {
    alignas(64) static std::byte nothing[64];
    for (std::size_t w = 0; w < workers_; ++w) table_[w * bases_ + base] = to ? to : nothing;
  }
  /// Memory that the library keeps for an output; null if it keeps none.
  std::byte* output_memory(std::size_t i) const { return outputs_[i].data(); }
  /// Memory for a copy of input `i`, taken when it is first asked for.
  std::byte* staging(std::size_t i, std::size_t bytes, memory_guard guard) {
    if (staging_[i].size() != bytes) staging_[i] = memory_block(bytes, guard);
    return staging_[i].data();
  }

  /// Of a plan with a device, else null.
  device_workspace* device() const { return device_.get(); }
  /// Those that launches may refer to.
  std::span<std::byte* const> device_bases() const { return {table_.data(), device_bases_}; }

  std::vector<any_tensor> slots;     ///< on the heap, or views of the arena
  std::vector<tensor_view> results;  ///< outputs of the last run
  std::vector<tensor_view> inputs;   ///< operands of the host call in progress
  std::vector<mutable_tensor_view> outputs;

 private:
  void take_device_memory(workspace_plan const& plan);

  std::size_t workers_;
  std::size_t bases_;
  std::size_t device_bases_;
  std::unique_ptr<device_workspace> device_;
  memory_block arena_;
  memory_block state_;
  std::vector<memory_block> scratch_;
  std::vector<memory_block> guarded_;
  std::vector<memory_block> outputs_;
  std::vector<memory_block> staging_;
  std::vector<std::byte*> table_;
};

inline workspace::workspace(workspace_plan const& plan, std::size_t limit_bytes)
    : workers_(plan.workers), bases_(plan.bases()), device_bases_(plan.given_base()) {
  budget("the activations of a context", limit_bytes).charge(plan.bytes());
  table_.resize(workers_ * bases_);
  if (!plan.device) set_base(2, (state_ = memory_block(plan.state_bytes, plan.guard)).data());
  if (plan.device) {
    take_device_memory(plan);
  } else if (plan.guard == memory_guard::plain) {
    arena_ = memory_block(plan.arena_bytes);
    set_base(0, arena_.data());
  }
  for (std::size_t i = 0; i < plan.guarded.size(); ++i) {
    guarded_.emplace_back(plan.guarded[i], memory_guard::guarded);
    set_base(plan.guarded_base() + i, guarded_.back().data());
  }
  if (plan.scratch_bytes && plan.guard == memory_guard::plain) {
    scratch_.emplace_back(plan.scratch_stride() * workers_);
    for (std::size_t w = 0; w < workers_; ++w) table(w)[1] = scratch_[0].data() + w * plan.scratch_stride();
  } else if (plan.scratch_bytes) {
    for (std::size_t w = 0; w < workers_; ++w)
      table(w)[1] = scratch_.emplace_back(plan.scratch_bytes, memory_guard::guarded).data();
  }
  for (auto const& o : plan.outputs) outputs_.emplace_back(o.own ? o.bytes : 0, plan.guard);
  for (std::size_t i = 0; i < plan.weights.size(); ++i) set_base(plan.weight_base() + i, plan.weights[i]);
  staging_.resize(plan.inputs.size());
  slots.resize(plan.slots);
  results.resize(plan.outputs.size());
  inputs.reserve(plan.views);
  outputs.reserve(plan.views);
}

inline void workspace::take_device_memory(workspace_plan const& plan) {
  std::vector<std::size_t> inputs;
  for (auto const& i : plan.inputs) inputs.push_back(i.on_device ? i.bytes : 0);
  device_ = std::make_unique<device_workspace>(*plan.device, plan.arena_bytes, plan.state_and_checks(), inputs,
                                               plan.outputs.size(), plan.checks);
  set_base(0, device_->arena());
  set_base(2, device_->state());
}

}  // namespace sinter
