#pragma once

#include <sinter/emit/cpp/library.hpp>
#include <sinter/program/program.hpp>

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// Grids as C++ text: loops, or tasks for threads, of calls of kernels on addresses.
namespace sinter::cpp {

/// An address where all indices are 0; `weights` is what those of packed constants begin with.
inline std::string text_of(library const& lib, program const& p, address const& a,
                           std::string_view weights = "weights") {
  auto const at = [&](std::string_view base, std::int64_t offset) {
    return offset ? fmt::format("{} + {}", base, offset) : std::string(base);
  };
  switch (a.in) {
    case space::arena: return at("arena", p.allocations[a.index].offset + a.offset);
    case space::scratch: return at("scratch", a.offset);
    case space::input: return at(fmt::format("in{}", a.index), a.offset);
    case space::output: return at(fmt::format("out{}", a.index), a.offset);
    case space::weight: return at(weights, lib.memory.weights[a.index].offset + a.offset);
    case space::host: return at("host", p.host_allocations[a.index].offset + a.offset);
    case space::state: return at("state", a.offset);
    case space::given: return at(fmt::format("given{}", a.index), a.offset);
    case space::check: return at("state", sinter::detail::check_offset(p, a.index) + a.offset);
  }
  SINTER_ASSERT(false);
  return {};
}

/// In terms of the batch, `n`, where it grows with it.
inline std::string text_of(extent e) {
  if (!e.grows()) return fmt::format("{}", e.turns());
  return e.step == 1 ? "n" : fmt::format("{} * n", e.step);
}

/// The last axis of more than one turn.
inline std::size_t last_axis(grid const& g) {
  std::size_t last = 0;
  for (std::size_t axis = 0; axis < grid_rank; ++axis)
    if (g.extents[axis] != extent()) last = axis;
  return last;
}

/// The product of the extents of axes [first, last).
inline std::string product(grid const& g, std::size_t first, std::size_t last = grid_rank) {
  std::vector<std::string> factors;
  for (auto axis = first; axis < last; ++axis)
    if (g.extents[axis] != extent()) factors.push_back(text_of(g.extents[axis]));
  return factors.empty() ? "1" : fmt::format("{}", fmt::join(factors, " * "));
}

/// A function that runs tasks on the threads.
inline std::string parallel_function(library const& lib) {
  return fmt::format(R"(
/// Runs task(i, scratch) for i from 0 to count on the threads, each with scratch memory of its own; a thread takes
/// `grain` of them at least.
template <typename Task>
void parallel(::sinter::executor& threads, std::ptrdiff_t count, std::ptrdiff_t grain, std::byte* scratch,
              Task const& task) noexcept {{
  auto const run = [&](std::int64_t begin, std::int64_t end, int worker) noexcept {{
    std::ptrdiff_t const last = end * grain < count ? end * grain : count;
    for (std::ptrdiff_t i = begin * grain; i < last; ++i) task(i, scratch + {} * std::ptrdiff_t{{worker}});
  }};
  threads.parallel_for(
      (count + grain - 1) / grain,
      [](void* context, std::int64_t begin, std::int64_t end, int worker) noexcept {{
        (*static_cast<decltype(run)*>(context))(begin, end, worker);
      }},
      const_cast<void*>(static_cast<void const*>(&run)));
}}
)",
                     lib.memory.scratch_bytes);
}

/// Prints grids as calls of kernels.
class grid_printer {
 public:
  /// Adds to `text`; `symbols` are the names of the kernels.
  grid_printer(std::string& text, library const& lib, std::vector<std::string> const& symbols)
      : text_(text), lib_(lib), symbols_(symbols) {}

  /// The loops over one grid; axes of one turn have none.
  void loops(program const& p, grid const& g, int first_indent) {
    int indent = first_indent;
    for (std::size_t axis = 0; axis < grid_rank; ++axis) {
      if (g.extents[axis] == extent()) continue;
      put("{:{}}for (std::ptrdiff_t i{} = 0; i{} < {}; ++i{})", "", indent, axis, axis, text_of(g.extents[axis]), axis);
      indent += 2;
      text_ += g.body.size() > 1 && axis == last_axis(g) ? " {\n" : "\n";
    }
    body(p, g, indent);
    if (g.body.size() > 1 && indent > first_indent) put("{:{}}}}\n", "", indent - 2);
  }

  /// A region whose tasks the threads share, `grain` of them at least; they are numbered across its grids.
  void tasks(program const& p, region const& r, std::int64_t grain, int indent) {
    std::vector<std::string> counts;
    for (auto const& g : r.grids) counts.push_back(product(g, 0));
    put("{:{}}parallel(threads, {}, {}, scratch, [&](std::ptrdiff_t task, [[maybe_unused]] std::byte* scratch) {{\n",
        "", indent, fmt::join(counts, " + "), grain);
    for (std::size_t i = 0; i < r.grids.size(); ++i) {
      bool const last = i + 1 == r.grids.size();
      if (!last) put("{:{}}if (task < {}) {{\n", "", indent + 2, counts[i]);
      task(p, r.grids[i], last ? indent + 2 : indent + 4);
      if (!last) put("{0:{1}}return;\n{0:{2}}}}\n{0:{2}}task -= {3};\n", "", indent + 4, indent + 2, counts[i]);
    }
    put("{:{}}}});\n", "", indent);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  /// The body of a grid for number `task`.
  void task(program const& p, grid const& g, int indent) {
    for (std::size_t axis = 0; axis < grid_rank; ++axis) {
      if (g.extents[axis] == extent()) continue;
      auto const inner = product(g, axis + 1), outer = product(g, 0, axis);
      put("{:{}}std::ptrdiff_t const i{} = task", "", indent, axis);
      if (inner != "1") put(" / ({})", inner);
      if (outer != "1") put(" % ({})", text_of(g.extents[axis]));
      text_ += ";\n";
    }
    body(p, g, indent);
  }

  /// The lines of a body; indices of its loops follow those of the axes.
  void body(program const& p, grid const& g, int indent) {
    std::vector<extent> turns(g.extents.begin(), g.extents.end());
    for (auto const& s : g.body) {
      if (s.what == statement::kind::call) {
        call(p, s, turns, indent);
      } else if (s.what == statement::kind::loop) {
        put("{0:{1}}for (std::ptrdiff_t i{2} = 0; i{2} < {3}; ++i{2}) {{\n", "", indent, turns.size(),
            text_of(s.turns));
        turns.push_back(s.turns);
        indent += 2;
      } else {
        turns.pop_back();
        indent -= 2;
        put("{:{}}}}\n", "", indent);
      }
    }
  }

  void call(program const& p, statement const& s, std::vector<extent> const& turns, int indent) {
    put("{:{}}call({}", "", indent, symbols_[s.kernel.index]);
    for (auto const& a : s.arguments) {
      put(", {}", text_of(lib_, p, a));
      for (std::size_t i = 0; i < turns.size(); ++i)
        if (auto const stride = a.stride[i]; stride && turns[i] != extent())
          put(" {} {} * i{}", stride < 0 ? '-' : '+', stride < 0 ? -stride : stride, i);
    }
    text_ += ");\n";
  }

  std::string& text_;
  library const& lib_;
  std::vector<std::string> const& symbols_;
};

}  // namespace sinter::cpp
