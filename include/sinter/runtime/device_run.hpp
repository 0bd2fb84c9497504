#pragma once

#include <sinter/program/program.hpp>
#include <sinter/runtime/binder.hpp>
#include <sinter/runtime/workspace.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace sinter {

/// What an executable does on a device, with the memory and the queue of one workspace.
class device_run {
 public:
  explicit device_run(workspace& w) : w_(w), device_(*w.device()) {}

  /// Inputs that lie where they are read are used as they are, others are copied there.
  void bind_inputs(workspace_plan const& plan, std::span<tensor_view const> in) {
    for (std::size_t i = 0; i < in.size(); ++i) {
      auto* const data = static_cast<std::byte*>(const_cast<void*>(in[i].data));
      auto const& buffer = plan.inputs[i];
      bool const there = buffer.bytes > 0 && device_.owns(data);
      if (buffer.on_device) w_.set_base(plan.input_base() + i, on_device(i, buffer, data, there));
      if (buffer.on_host) w_.set_base(plan.given_base() + i, on_host(i, buffer, data, there));
    }
  }

  void run(launch_list const& list) {
    device_.replay(list.number, w_.device_bases(), [&] {
      for (auto const& l : list.launches) give(l);
    });
  }

  /// A copy to the host is done when this returns; one to the device, when work that is given later needs it.
  void run(transfer_record const& t) {
    auto const from = t.from.view(w_.table(0));
    auto* const to = static_cast<std::byte*>(t.to.mutable_view(w_.table(0)).data);
    if (from.bytes() == 0) return;
    if (t.up) {
      device_.queue->upload(to, from.data, from.bytes());
    } else {
      device_.queue->download(to, static_cast<std::byte const*>(from.data), from.bytes());
      device_.queue->wait();
    }
  }

  /// Copies planned outputs to the memory given for them, else to the workspace's, and waits until all is done.
  void fetch_outputs(program const& p, std::span<view_record const> results, std::span<mutable_tensor_view const> out) {
    for (std::size_t i = 0; i < results.size(); ++i) {
      bool const in_slot = !p.output_slots.empty() && p.output_slots[i] >= 0;
      if (in_slot || results[i].constant) continue;
      auto const there = results[i].view(w_.table(0));
      bool const given = !out.empty() && out[i].data && out[i].type == there.type && out[i].shape == there.shape;
      w_.results[i] = there;
      w_.results[i].data = given ? out[i].data : w_.output_memory(i);
      fetch(there, given ? out[i].data : w_.output_memory(i));
    }
    device_.queue->wait();
  }

 private:
  /// The bytes of an input, aligned as kernels want them, in the device's memory.
  std::byte* on_device(std::size_t input, workspace_plan::buffer const& buffer, std::byte* data, bool there) {
    constexpr std::uintptr_t widest_access = 16;
    if (there && reinterpret_cast<std::uintptr_t>(data) % widest_access == 0) return data;
    auto* const copy = device_.input(input);
    if (there)
      device_.queue->copy(copy, data, buffer.bytes);
    else if (buffer.bytes > 0)
      device_.queue->upload(copy, data, buffer.bytes);
    return copy;
  }

  /// The bytes of an input, aligned, in the host's memory.
  std::byte* on_host(std::size_t input, workspace_plan::buffer const& buffer, std::byte* data, bool on_device) {
    bool const aligned = reinterpret_cast<std::uintptr_t>(data) % buffer.alignment == 0;
    if (buffer.bytes == 0 || (!on_device && aligned)) return data;
    auto* const copy = w_.staging(input, buffer.bytes, memory_guard::plain);
    if (!on_device) {
      std::memcpy(copy, data, buffer.bytes);
      return copy;
    }
    device_.queue->download(copy, data, buffer.bytes);
    device_.queue->wait();
    return copy;
  }

  void fetch(tensor_view const& there, void* to) {
    auto const* const from = static_cast<std::byte const*>(there.data);
    if (there.bytes() == 0) return;
    if (device_.owns(to))
      device_.queue->copy(static_cast<std::byte*>(to), from, there.bytes());
    else
      device_.queue->download(to, from, there.bytes());
  }

  void give(launch_list::one const& l) {
    auto* const* const table = w_.table(0);
    arguments_.clear();
    for (auto const& a : l.arguments) arguments_.push_back(table[a.base] + a.offset);
    auto what = l.what;
    what.arguments = arguments_;
    device_.queue->launch(what);
  }

  workspace& w_;
  device_workspace& device_;
  std::vector<std::byte*> arguments_;
};

}  // namespace sinter
