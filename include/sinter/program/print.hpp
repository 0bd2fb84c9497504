#pragma once

#include <sinter/core/dtype.hpp>
#include <sinter/program/program.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>

namespace sinter {
namespace detail {

/// The prefix of a space in text, by `space`.
inline constexpr std::array<std::string_view, 5> space_prefixes{"in", "out", "t", "w", "s"};

class program_printer {
 public:
  explicit program_printer(program const& p) : p_(p) {}

  std::string whole() {
    put("program\n");
    for (std::size_t i = 0; i < p_.inputs.size(); ++i) put("  input in{} {}\n", i, text_of(p_.inputs[i].type));
    for (std::size_t i = 0; i < p_.outputs.size(); ++i) {
      bool const in_slot = !p_.output_slots.empty() && p_.output_slots[i] >= 0;
      put("  output {} = {}\n", text_of(p_.outputs[i].type),
          in_slot ? fmt::format("slot {}", p_.output_slots[i]) : text_of(p_.outputs[i]));
    }
    for (std::size_t i = 0; i < p_.kernels.size(); ++i) put("  kernel k{} {}\n", i, p_.kernels[i]->name);
    for (std::size_t i = 0; i < p_.weights.size(); ++i)
      put("  weight w{} {} \"{}\"\n", i, p_.weights[i].bytes, p_.weights[i].key);
    put("  arena {}\n", p_.arena_bytes);
    for (std::size_t i = 0; i < p_.allocations.size(); ++i) {
      auto const& a = p_.allocations[i];
      put("  tensor t{} {} at {} steps {}..{} \"{}\"\n", i, a.bytes, a.offset, a.first, a.last, a.name);
    }
    if (p_.scratch_bytes > 0) put("  scratch {}\n", p_.scratch_bytes);
    if (p_.slots > 0) put("  slots {}\n", p_.slots);
    for (std::size_t i = 0; i < p_.steps.size(); ++i) step(i);
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  static std::string text_of(tensor_type const& t) {
    if (t.element == dtype::undefined) return "none";
    return fmt::format("{}[{}]", name(t.element),
                       t.shape ? fmt::format("{}", fmt::join(t.shape->span(), "x")) : std::string("?"));
  }

  static std::string text_of(extent e) {
    if (!e.grows()) return fmt::format("{}", e.turns());
    return e.base ? fmt::format("{}+{}n", e.base, e.step) : fmt::format("{}n", e.step);
  }

  static std::string text_of(address const& a) {
    auto text = std::string(space_prefixes[static_cast<std::size_t>(a.in)]);
    if (a.in != space::scratch) text += fmt::format("{}", a.index);
    if (a.offset != 0) text += fmt::format("{:+}", a.offset);
    for (std::size_t i = 0; i < index_rank; ++i)
      if (a.stride[i] != 0) text += fmt::format("{:+}*i{}", a.stride[i], i);
    return text;
  }

  static std::string text_of(view_binding const& v) {
    if (v.type.element == dtype::undefined) return "none";
    return v.constant ? "constant" : text_of(v.where);
  }

  void step(std::size_t number) {
    auto const& s = p_.steps[number];
    put("  step {} ; {}\n", number, describe(p_, s));
    if (auto const* r = std::get_if<region>(&s.action))
      for (auto const& g : r->grids) print(g);
    if (auto const* h = std::get_if<host_call>(&s.action)) print(*h);
    if (auto const* i = std::get_if<island>(&s.action)) print(*i);
  }

  void print(grid const& g) {
    std::size_t rank = grid_rank;
    while (rank > 1 && g.extents[rank - 1] == extent()) --rank;
    std::string extents;
    for (std::size_t axis = 0; axis < rank; ++axis) extents += (axis ? "x" : "") + text_of(g.extents[axis]);
    put("    grid {}\n", extents);
    int indent = 6;
    for (auto const& s : g.body) {
      if (s.what == statement::kind::end) indent -= 2;
      if (s.what == statement::kind::loop) put("{:{}}loop {}\n", "", indent, text_of(s.turns)), indent += 2;
      if (s.what != statement::kind::call) continue;
      std::string arguments;
      for (auto const& a : s.arguments) arguments += (arguments.empty() ? " " : ", ") + text_of(a);
      put("{:{}}call k{}{}\n", "", indent, s.kernel.index, arguments);
    }
  }

  void print(host_call const& h) {
    put("    host {}({}) -> {}{}\n", h.op.entry ? h.op.entry->schema.name : std::string_view("?"), list(h.inputs),
        list(h.outputs), h.scratch_bytes > 0 ? " in " + text_of(h.scratch) : std::string());
  }

  static std::string list(std::vector<view_binding> const& views) {
    std::string text;
    for (auto const& v : views) text += (text.empty() ? "" : ", ") + text_of(v);
    return text;
  }

  void print(island const& i) {
    std::string in, out;
    for (auto const& v : i.inputs)
      in += (in.empty() ? "" : ", ") + (v.slot >= 0 ? fmt::format("slot {}", v.slot) : text_of(v.planned));
    for (auto const slot : i.output_slots)
      out += (out.empty() ? "" : ", ") + (slot >= 0 ? fmt::format("slot {}", slot) : std::string("none"));
    put("    island {}({}) -> {}\n", i.op.entry->schema.name, in, out);
  }

  program const& p_;
  std::string text_;
};

}  // namespace detail

/// A program as text, for people and tests:
///
///     program
///       input in0 float32[1x16x8x8]
///       output float32[1x16x8x8] = out0
///       kernel k0 conv1x1_1x14x1
///       weight w0 1024 "convolution:…"
///       arena 4096
///       tensor t0 4096 at 0 steps 0..1 "a"       ; bytes, offset, the steps that it lives in, its name
///       scratch 2304                              ; bytes of each worker
///       step 0 ; node 'conv' (Conv): direct convolution
///         grid 1x4x2                              ; independent tasks, indices i0 i1 i2 i3
///           call k0 in0+64*i1, w0, t0+128*i2      ; addresses: in, out, t(ensor), w(eight), s(cratch)
///           loop 3                                ; indices i4 i5
///             call k1 t0+64*i4, out0+64*i4
///       step 1 ; node 'n' (NonZero): island
///         island NonZero(t0) -> slot 0
inline std::string print(program const& p) { return detail::program_printer(p).whole(); }

}  // namespace sinter
