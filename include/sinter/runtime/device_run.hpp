#pragma once

#include <sinter/core/error.hpp>
#include <sinter/program/program.hpp>
#include <sinter/runtime/binder.hpp>
#include <sinter/runtime/workspace.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sinter {

/// What an executable does on a device, with the memory and the queue of one workspace.
class device_run {
 public:
  device_run(workspace& w, workspace_plan const& plan) : w_(w), plan_(plan), device_(*w.device()) {}
  device_run(device_run const&) = delete;
  device_run& operator=(device_run const&) = delete;
  /// Of a run that failed, no copy to the host is left behind.
  ~device_run() {
    try {
      if (fetches_) device_.queue().wait();
    } catch (error const&) {  // the run has its own
    }
  }

  /// Inputs that lie where they are read are used as they are, others are copied there. Outputs are written where the
  /// caller wants them, if that is in the device's memory; others in the arena. Errors: invalid_argument for memory of
  /// another device.
  void bind(std::span<tensor_view const> in, std::span<mutable_tensor_view const> out) {
    device_.start_checks();
    for (std::size_t i = 0; i < in.size(); ++i) {
      auto* const data = static_cast<std::byte*>(const_cast<void*>(in[i].data));
      auto const& buffer = plan_.inputs[i];
      bool const there = buffer.bytes > 0 && owns(data, "input", i);
      if (buffer.on_device) w_.set_base(plan_.input_base() + i, on_device(i, buffer, data, there));
      if (buffer.on_host) w_.set_base(plan_.given_base() + i, on_host(i, buffer, data, there));
    }
    for (std::size_t i = 0; i < plan_.outputs.size(); ++i) {
      auto const& buffer = plan_.outputs[i];
      auto* const given = out.empty() ? nullptr : static_cast<std::byte*>(out[i].data);
      bool const there = given && owns(given, "output", i);
      device_.given_there(i) = there;
      if (!buffer.placed) continue;
      bool const fits = there && is_aligned(given) && buffer.type == tensor_type{out[i].type, out[i].shape};
      w_.set_base(plan_.output_base() + i, fits ? given : device_.arena() + *buffer.placed);
    }
  }

  void run(launch_list const& list) {
    auto& kept = device_.recording(list.number);
    if (!kept.is_for(w_.device_bases())) renew(kept, list);
    device_.queue().replay(*kept.launches);
  }

  /// A copy to the host is done when this returns; one to the device, when work that is given later needs it.
  void run(transfer_record const& t) {
    auto const from = t.from.view(w_.table(0));
    auto* const to = static_cast<std::byte*>(t.to.mutable_view(w_.table(0)).data);
    if (from.bytes() == 0) return;
    if (t.up) {
      device_.queue().upload(to, from.data, from.bytes());
    } else {
      device_.queue().download(to, static_cast<std::byte const*>(from.data), from.bytes());
      device_.queue().wait();
    }
  }

  /// Puts output `i`, which lies on the device or the host, to `to`: the memory given for it, which has its type and
  /// shape, or memory of the host that the workspace keeps.
  void fetch(std::size_t i, tensor_view const& result, bool is_on_host, void* to) {
    bool const to_device = device_.given_there(i);
    if (to == result.data || result.bytes() == 0) return;
    if (is_on_host && to_device && !is_plain(result.type))
      fail(error_code::invalid_argument, "output {}: {} do not go to a device; give memory of the host", i,
           is_container(result.type) ? "containers" : "strings");
    auto* const bytes = static_cast<std::byte*>(to);
    auto const* const from = static_cast<std::byte const*>(result.data);
    if (is_on_host)
      to_device ? device_.queue().upload(bytes, from, result.bytes()) : copy_elements(to, result);
    else if (to_device)
      device_.queue().copy(bytes, from, result.bytes());
    else
      fetches_ = true, device_.queue().download(to, from, result.bytes());
  }

  /// Waits until all is done; on a stream of the caller's only where something comes to the host, as checks do. An
  /// index that a launch could not use is an error of its node.
  void finish(program const& p) {
    auto const checks = device_.fetch_checks();
    fetches_ = fetches_ || !checks.empty();
    if (std::exchange(fetches_, false) || !device_.on_callers_stream()) device_.queue().wait();
    for (std::size_t i = 0; i < checks.size(); ++i) expect_none(p, p.checks[i], checks[i]);
    device_.end_checks();
  }

 private:
  static void expect_none(program const& p, index_check const& c, std::int64_t outside) {
    if (outside == 0) return;
    with_context([&] { return describe(p.at(c.node)); },
                 [&] { expect_success(kernels::status::outside(outside, c.least, c.greatest)); });
  }

  /// That kernels ask of addresses.
  static bool is_aligned(std::byte const* data) {
    constexpr std::uintptr_t widest_access = 16;
    return reinterpret_cast<std::uintptr_t>(data) % widest_access == 0;
  }

  bool owns(std::byte const* data, std::string_view what, std::size_t i) const {
    return with_context([&] { return fmt::format("{} {}", what, i); }, [&] { return device_.owns(data); });
  }

  /// The bytes of an input, aligned, in the device's memory.
  std::byte* on_device(std::size_t input, workspace_plan::buffer const& buffer, std::byte* data, bool there) {
    if (there && is_aligned(data)) return data;
    auto* const copy = device_.input(input);
    if (there)
      device_.queue().copy(copy, data, buffer.bytes);
    else if (buffer.bytes > 0)
      device_.queue().upload(copy, data, buffer.bytes);
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
    device_.queue().download(copy, data, buffer.bytes);
    device_.queue().wait();
    return copy;
  }

  /// Makes a recording one for the bases of now: changes the launches that refer to others than before, or records all.
  void renew(device_workspace::recorded& kept, launch_list const& list) {
    bool const is_whole = kept.is_whole;
    kept.is_whole = false;
    if (!is_whole || !change(kept, list))
      kept.launches = device_.queue().record([&] {
        for (auto const& l : list.launches) device_.queue().launch(launch_of(l));
      });
    auto const bases = w_.device_bases();
    kept.bases.assign(bases.begin(), bases.end());
    kept.is_whole = true;
  }

  bool change(device_workspace::recorded const& kept, launch_list const& list) {
    auto const bases = w_.device_bases();
    auto const has_moved = [&](bound_place const& a) { return kept.bases[a.base] != bases[a.base]; };
    for (std::size_t i = 0; i < list.launches.size(); ++i) {
      auto const& l = list.launches[i];
      if (std::ranges::any_of(l.arguments, has_moved) && !device_.queue().change(*kept.launches, i, launch_of(l)))
        return false;
    }
    return true;
  }

  /// Valid until the next call.
  device_launch launch_of(launch_list::one const& l) {
    auto* const* const table = w_.table(0);
    arguments_.clear();
    for (auto const& a : l.arguments) arguments_.push_back(table[a.base] + a.offset);
    auto what = l.what;
    what.arguments = arguments_;
    return what;
  }

  workspace& w_;
  workspace_plan const& plan_;
  device_workspace& device_;
  bool fetches_ = false;  ///< copies to the host have been asked for
  std::vector<std::byte*> arguments_;
};

}  // namespace sinter
