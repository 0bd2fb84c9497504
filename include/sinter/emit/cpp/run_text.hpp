#pragma once

#include <sinter/emit/cpp/library.hpp>
#include <sinter/emit/cpp/print.hpp>
#include <sinter/plan/work.hpp>

#include <array>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

/// The source file of one instruction set: its kernels, and the function that runs the program as loops of calls.
namespace sinter::cpp {

/// Prints the source file of one variant.
class variant_printer {
 public:
  variant_printer(library const& lib, library_variant const& variant)
      : lib_(lib), v_(variant), users_(v_.kernels.size()) {
    for (std::size_t k = 0; k < v_.kernels.size(); ++k)
      symbols_.push_back(fmt::format("{}_{}", identifier(v_.kernels[k].name), k));
    for (auto const& kernel : v_.kernels) instructions_.push_back(executed_instructions(kernel));
    for (auto const& p : v_.plans)
      for (auto const& s : p.steps)
        if (s.kind == step_kind::region)
          for (auto const& g : p.regions[s.index].grids) users_[g.kernel].insert(s.names);
  }

  std::string whole() {
    put("// Made by sinter: the kernels and the order of their calls for {}.\n", v_.name);
    // g++ 12 takes the registers that its own intrinsics leave undefined for mistakes.
    text_ +=
        "#if defined(__GNUC__) && !defined(__clang__)\n#pragma GCC diagnostic ignored \"-Wuninitialized\"\n"
        "#pragma GCC diagnostic ignored \"-Wmaybe-uninitialized\"\n#endif\n";
    put("#include <sinter/emit/cpp/sinter_simd.hpp>\n\n#include \"{}_run.hpp\"\n", lib_.name);
    text_ += "#include <bit>\n#include <cstddef>\n#include <cstdint>\n\n";
    put("namespace {}_detail {{\nnamespace {{\n\nusing namespace sinter::simd;\n", lib_.name);
    text_ +=
        "\n/// Calls a kernel on these addresses.\ntemplate <typename... Address>\n"
        "void call(void (*kernel)(std::byte* const*) noexcept, Address... at) noexcept {\n"
        "  std::byte* const arguments[] = {at...};\n  kernel(arguments);\n}\n";
    if (!lib_.hosts.all().empty())
      text_ +=
          "template <typename... Address>\n"
          "bool call(bool (*kernel)(std::byte* const*) noexcept, Address... at) noexcept {\n"
          "  std::byte* const arguments[] = {at...};\n  return kernel(arguments);\n}\n";
    if (lib_.threads > 1) parallel();
    for (std::size_t k = 0; k < v_.kernels.size(); ++k) kernel(k);
    text_ += "\n}  // namespace\n\n";
    run();
    put("\n}}  // namespace {}_detail\n", lib_.name);
    return std::move(text_);
  }

 private:
  template <typename... Args>
  void put(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Args>(args)...);
  }

  void kernel(std::size_t k) {
    constexpr std::size_t most_users = 8;
    text_ += '\n';
    std::size_t listed = 0;
    for (auto const& names : users_[k]) {
      if (listed++ < most_users) put("// {}\n", comment_text(names));
    }
    if (listed > most_users) put("// and {} more\n", listed - most_users);
    text_ += function_printer(v_.kernels[k]).whole(symbols_[k], "[[gnu::noinline]]");
  }

  void run() {
    put("{} run_{}({}) noexcept {{\n", run_result(lib_), v_.name, run_parameters(lib_));
    put("  [[maybe_unused]] std::byte* const arena = work;\n");
    put("  [[maybe_unused]] std::byte* const scratch = work + {};\n", lib_.scratch_offset);
    put("  [[maybe_unused]] std::byte* const weights = const_cast<std::byte*>(constants);  // kernels only read "
        "them\n");
    for (std::size_t i = 0; i < lib_.inputs.size(); ++i)
      put("  [[maybe_unused]] std::byte* const in{0} = const_cast<std::byte*>(inputs[{0}]);  // {1}, only read\n", i,
          comment_text(lib_.inputs[i].name));
    for (std::size_t i = 0; i < lib_.outputs.size(); ++i)
      put("  [[maybe_unused]] std::byte* const out{} = work + {};  // {}\n", i, lib_.output_offsets[i],
          comment_text(lib_.outputs[i].name));
    std::vector<std::size_t> all(v_.plans.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    auto const same_steps = [&](std::size_t i) {
      std::vector<std::pair<step_kind, std::string_view>> kinds;
      for (auto const& s : v_.plans[i].steps) kinds.emplace_back(s.kind, s.names);
      return kinds;
    };
    for_each_batch(group_by(all, same_steps), [&](std::vector<std::size_t> const& plans) { steps(plans); });
    text_ += '\n';
    for (std::size_t i = 0; i < lib_.outputs.size(); ++i)
      for_each_batch(group_by(all, [&](std::size_t plan) { return output(plan, i); }),
                     [&](auto const& plans) { put("{:{}}outputs[{}] = {};\n", "", indent_, i, output(plans[0], i)); });
    text_ += lib_.hosts.may_fail() ? "  return nullptr;\n}\n" : "}\n";
  }

  /// The plans in groups of equal `key`.
  template <typename Key>
  static std::vector<std::vector<std::size_t>> group_by(std::vector<std::size_t> const& plans, Key key) {
    std::vector<std::vector<std::size_t>> groups;
    std::map<std::decay_t<decltype(key(0))>, std::size_t> number;
    for (auto const plan : plans) {
      auto const [it, fresh] = number.try_emplace(key(plan), groups.size());
      if (fresh) groups.emplace_back();
      groups[it->second].push_back(plan);
    }
    return groups;
  }

  /// Prints what each group of plans does: a choice by the batch `n`, unless there is one group.
  template <typename Print>
  void for_each_batch(std::vector<std::vector<std::size_t>> const& groups, Print print) {
    if (groups.size() == 1) return print(groups[0]);
    put("{:{}}switch (n) {{\n", "", indent_);
    for (auto const& plans : groups) {
      for (auto const plan : plans) put("{:{}}case {}:\n", "", indent_ + 2, lib_.batch.sizes[plan]);
      indent_ += 4;
      print(plans);
      put("{:{}}break;\n", "", indent_);
      indent_ -= 4;
    }
    put("{:{}}}}\n", "", indent_);
  }

  /// The steps of plans that have the same ones.
  void steps(std::vector<std::size_t> const& plans) {
    auto const& listed = v_.plans[plans[0]].steps;
    for (std::size_t s = 0; s < listed.size(); ++s) {
      put("\n{:{}}// {}\n", "", indent_, comment_text(listed[s].names));
      if (listed[s].kind == step_kind::host) {
        for_each_batch(group_by(plans, [&](std::size_t plan) { return host(v_.plans[plan], s); }),
                       [&](auto const& group) { put("{:{}}{}", "", indent_, host(v_.plans[group[0]], s)); });
        continue;
      }
      auto const shared = share_regions(v_.plans, lib_.batch.sizes, plans, s);
      std::vector<std::vector<std::size_t>> groups;
      for (auto const& r : shared) groups.push_back(r.plans);
      for_each_batch(groups, [&](auto const& group) {
        region(*std::ranges::find(shared, group, &shared_region::plans), lib_.batch.sizes[group[0]]);
      });
    }
  }

  /// The statement of step `s`, the call of a shipped kernel: operands that are given, then the workspace.
  std::string host(program const& p, std::size_t s) const {
    auto const& h = p.hosts[p.steps[s].index];
    auto text = "call(" + lib_.hosts.symbol_of(h);
    for (auto const* views : {&h.inputs, &h.outputs})
      for (auto const& v : *views)
        if (v.type.element != dtype::undefined)
          text += ", " + (v.type.shape->elements() == 0 ? std::string("work") : address(v.where));
    if (h.scratch_bytes > 0) text += ", " + address(h.scratch);
    if (!h.kernel.may_fail) return text + ");\n";
    return fmt::format("if (!{})) return {};\n", text,
                       c_literal(p.steps[s].names + ": an index or length that came at run time is out of range"));
  }

  std::string output(std::size_t plan, std::size_t i) const {
    if (v_.output_offsets[plan][i] >= 0) return fmt::format("weights + {}", v_.output_offsets[plan][i]);
    if (port_bytes(lib_.outputs[i]) == 0) return "work";
    return address(v_.plans[plan].outputs[i].where);
  }

  std::string address(place const& where) const {
    auto const at = [&](std::string_view base, std::int64_t offset) {
      return offset ? fmt::format("{} + {}", base, offset) : std::string(base);
    };
    switch (where.where) {
      case space::arena: return at("arena", where.offset);
      case space::scratch: return at("scratch", where.offset);
      case space::input: return at(fmt::format("in{}", where.index), where.offset);
      case space::output: return at(fmt::format("out{}", where.index), where.offset);
      case space::weight: return at("weights", where.offset);
    }
    SINTER_ASSERT(false);
    return {};
  }

  using extent_texts = std::array<std::string, grid_rank>;

  /// The extents of grid `i` of a region, in terms of the batch where they grow with it; `most` is the largest one.
  static extent_texts extents(shared_region const& r, std::size_t i, std::int64_t most) {
    extent_texts result;
    for (std::size_t axis = 0; axis < grid_rank; ++axis) {
      auto const extent = r.largest->grids[i].extent[axis];
      bool const grows = !r.grows.empty() && r.grows[i][axis];
      result[axis] = !grows ? fmt::format("{}", extent) : extent == most ? "n" : fmt::format("{} * n", extent / most);
    }
    return result;
  }

  void region(shared_region const& r, std::int64_t most) {
    bool const shared = lib_.threads > 1 && worth_threads(*r.largest, instructions_);
    std::vector<extent_texts> all;
    for (std::size_t i = 0; i < r.largest->grids.size(); ++i) all.push_back(extents(r, i, most));
    if (shared) return tasks(*r.largest, all);
    for (std::size_t i = 0; i < all.size(); ++i) loops(r.largest->grids[i], all[i]);
  }

  /// The loops over one grid; axes of one turn have none.
  void loops(grid const& g, extent_texts const& extents) {
    int indent = indent_;
    for (std::size_t axis = 0; axis < grid_rank; ++axis) {
      if (g.extent[axis] == 1) continue;
      put("{:{}}for (std::ptrdiff_t i{} = 0; i{} < {}; ++i{})\n", "", indent, axis, axis, extents[axis], axis);
      indent += 2;
    }
    call(g, indent);
  }

  /// A function that runs tasks on the threads.
  void parallel() {
    put(R"(
/// Runs task(i, scratch) for i from 0 to count on the threads, each with scratch memory of its own.
template <typename Task>
void parallel(::sinter::executor& threads, std::ptrdiff_t count, std::byte* scratch, Task const& task) noexcept {{
  auto const run = [&](std::int64_t begin, std::int64_t end, int worker) noexcept {{
    for (; begin < end; ++begin) task(static_cast<std::ptrdiff_t>(begin), scratch + {} * std::ptrdiff_t{{worker}});
  }};
  threads.parallel_for(
      count,
      [](void* context, std::int64_t begin, std::int64_t end, int worker) noexcept {{
        (*static_cast<decltype(run)*>(context))(begin, end, worker);
      }},
      const_cast<void*>(static_cast<void const*>(&run)));
}}
)",
        lib_.scratch_bytes);
  }

  /// A region whose tasks the threads share; they are numbered across its grids.
  void tasks(sinter::region const& r, std::vector<extent_texts> const& extents) {
    std::vector<std::string> counts;
    for (std::size_t i = 0; i < r.grids.size(); ++i) counts.push_back(product(r.grids[i], extents[i], 0));
    put("{:{}}parallel(threads, {}, scratch, [&](std::ptrdiff_t task, [[maybe_unused]] std::byte* scratch) {{\n", "",
        indent_, fmt::join(counts, " + "));
    indent_ += 2;
    for (std::size_t i = 0; i < r.grids.size(); ++i) {
      bool const last = i + 1 == r.grids.size();
      if (!last) put("{:{}}if (task < {}) {{\n", "", indent_, counts[i]);
      task(r.grids[i], extents[i], last ? indent_ : indent_ + 2, last);
      if (!last) put("{0:{1}}}}\n{0:{1}}task -= {2};\n", "", indent_, counts[i]);
    }
    indent_ -= 2;
    put("{:{}}}});\n", "", indent_);
  }

  /// The call of number `task` of a grid.
  void task(grid const& g, extent_texts const& extents, int indent, bool last) {
    for (std::size_t axis = 0; axis < grid_rank; ++axis) {
      if (g.extent[axis] == 1) continue;
      auto const inner = product(g, extents, axis + 1), outer = product(g, extents, 0, axis);
      put("{:{}}std::ptrdiff_t const i{} = task", "", indent, axis);
      if (inner != "1") put(" / ({})", inner);
      if (outer != "1") put(" % ({})", extents[axis]);
      text_ += ";\n";
    }
    if (!last) put("{:{}}return ", "", indent), indent = 0;
    call(g, indent);
  }

  /// The product of the extents of axes [first, last).
  static std::string product(grid const& g, extent_texts const& extents, std::size_t first,
                             std::size_t last = grid_rank) {
    std::vector<std::string> factors;
    for (auto axis = first; axis < last; ++axis)
      if (g.extent[axis] != 1) factors.push_back(extents[axis]);
    return factors.empty() ? "1" : fmt::format("{}", fmt::join(factors, " * "));
  }

  void call(grid const& g, int indent) {
    put("{:{}}call({}", "", indent, symbols_[g.kernel]);
    for (std::size_t i = 0; i < g.arguments.size(); ++i) {
      put(", {}", address(g.arguments[i].base));
      for (std::size_t axis = 0; axis < grid_rank; ++axis)
        if (auto const stride = g.arguments[i].stride[axis]; stride && g.extent[axis] > 1)
          put(" {} {} * i{}", stride < 0 ? '-' : '+', stride < 0 ? -stride : stride, axis);
    }
    text_ += ");\n";
  }

  library const& lib_;
  library_variant const& v_;
  std::vector<std::set<std::string>> users_;  // by kernel: the steps that call it
  std::vector<std::string> symbols_;
  std::vector<double> instructions_;  // that one call of each kernel executes
  int indent_ = 2;
  std::string text_;
};

}  // namespace sinter::cpp
