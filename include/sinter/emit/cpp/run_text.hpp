#pragma once

#include <sinter/emit/cpp/control_text.hpp>
#include <sinter/emit/cpp/grid_text.hpp>
#include <sinter/emit/cpp/host_steps.hpp>
#include <sinter/emit/cpp/library.hpp>
#include <sinter/emit/cpp/print.hpp>
#include <sinter/plan/batch.hpp>
#include <sinter/program/work.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
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
    work_estimate const work(v_.kernels);
    for (std::size_t k = 0; k < v_.kernels.size(); ++k)
      symbols_.push_back(fmt::format("{}_{}", identifier(v_.kernels[k]->name), k));
    for (std::size_t i = 0; i < v_.plans.size(); ++i) {
      auto const& p = v_.plans[i];
      if (lib_.threads > 1) grains_.push_back(work.grains(p, lib_.batch.sizes[i]));
      for_each_action<region>(p, [&](region const& r, std::size_t step) {
        for (auto const& g : r.grids)
          for (auto const& s : g.body)
            if (s.what == statement::kind::call) users_[s.kernel.index].insert(describe(p, p.steps[step]));
      });
    }
  }

  std::string whole() {
    put("// Made by sinter: the kernels and the order of their calls for {}.\n", v_.name);
    // g++ 12 takes the registers that its own intrinsics leave undefined for mistakes.
    text_ +=
        "#if defined(__GNUC__) && !defined(__clang__)\n#pragma GCC diagnostic ignored \"-Wuninitialized\"\n"
        "#pragma GCC diagnostic ignored \"-Wmaybe-uninitialized\"\n#endif\n";
    put("#include <sinter/emit/cpp/sinter_simd.hpp>\n\n#include \"{}_run.hpp\"\n", lib_.name);
    text_ += "#include <bit>\n#include <cstddef>\n#include <cstdint>\n#include <cstring>\n\n";
    put("namespace {}_detail {{\nnamespace {{\n\nusing namespace sinter::simd;\n", lib_.name);
    text_ +=
        "\n/// Calls a kernel on these addresses.\ntemplate <typename... Address>\n"
        "void call(void (*kernel)(std::byte* const*) noexcept, Address... at) noexcept {\n"
        "  std::byte* const arguments[] = {at...};\n  kernel(arguments);\n}\n";
    if (!lib_.hosts.all().empty()) text_ += host_call_function;
    if (std::ranges::any_of(v_.plans, has_control)) text_ += control_functions;
    if (lib_.threads > 1) text_ += parallel_function(lib_);
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
    text_ += function_printer(*v_.kernels[k]).whole(symbols_[k], "[[gnu::noinline]]");
  }

  void run() {
    put("{} run_{}({}) noexcept {{\n", run_result(lib_), v_.name, run_parameters(lib_));
    put("  [[maybe_unused]] std::byte* const arena = work;\n");
    put("  [[maybe_unused]] std::byte* const scratch = work + {};\n", lib_.memory.scratch_offset);
    put("  [[maybe_unused]] std::byte* const weights = const_cast<std::byte*>(constants);  // kernels only read "
        "them\n");
    for (std::size_t i = 0; i < lib_.inputs.size(); ++i)
      put("  [[maybe_unused]] std::byte* const in{0} = const_cast<std::byte*>(inputs[{0}]);  // {1}, {2}\n", i,
          comment_text(lib_.inputs[i].name), grows(lib_.state_of(&state_link::input, i)) ? "grows" : "only read");
    for (std::size_t i = 0; i < lib_.outputs.size(); ++i)
      put("  [[maybe_unused]] std::byte* const out{} = {};  // {}\n", i, place_of_output(i),
          comment_text(lib_.outputs[i].name));
    std::vector<std::size_t> all(v_.plans.size());
    std::iota(all.begin(), all.end(), std::size_t{0});
    auto const same_steps = [&](std::size_t i) {
      std::vector<std::pair<std::size_t, std::string>> kinds;
      auto const& p = v_.plans[i];
      for (std::size_t s = 0; s < p.steps.size(); ++s) {
        auto const* const c = std::get_if<control>(&p.steps[s].action);
        kinds.emplace_back(p.steps[s].action.index(), c ? control_line(lib_, p, *c, s) : describe(p, p.steps[s]));
      }
      return kinds;
    };
    for_each_batch(group_by(all, same_steps), [&](std::vector<std::size_t> const& plans) { steps(plans); });
    text_ += '\n';
    for (std::size_t i = 0; i < lib_.outputs.size(); ++i)
      for_each_batch(group_by(all, [&](std::size_t plan) { return output(plan, i); }),
                     [&](auto const& plans) { put("{:{}}outputs[{}] = {};\n", "", indent_, i, output(plans[0], i)); });
    text_ += may_fail(lib_) ? "  return nullptr;\n}\n" : "}\n";
  }

  static bool grows(state_link const* kept) { return kept && kept->axis; }

  /// Where an output is kept for: state that grows has the memory of its input.
  std::string place_of_output(std::size_t i) const {
    auto const* const kept = lib_.state_of(&state_link::output, i);
    return grows(kept) ? fmt::format("in{}", kept->input) : fmt::format("work + {}", lib_.memory.output_offsets[i]);
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
    auto const& first = v_.plans[plans[0]];
    for (std::size_t s = 0; s < first.steps.size(); ++s) {
      if (auto const* c = std::get_if<control>(&first.steps[s].action)) {
        control_step(control_line(lib_, first, *c, s), *c);
        continue;
      }
      put("\n{:{}}// {}\n", "", indent_, comment_text(describe(first, first.steps[s])));
      if (!std::holds_alternative<region>(first.steps[s].action)) {
        auto const statement = [&](std::size_t plan) {
          auto const& step = v_.plans[plan].steps[s];
          if (auto const* c = std::get_if<tensor_copy>(&step.action)) return copy_statement(lib_, v_.plans[plan], *c);
          return host_statement(lib_, v_.plans[plan], step, std::get<host_call>(step.action));
        };
        for_each_batch(group_by(plans, statement),
                       [&](auto const& group) { put("{:{}}{}", "", indent_, statement(group[0])); });
        continue;
      }
      auto const shared = share_regions(v_.plans, lib_.batch.sizes, plans, s);
      std::vector<std::vector<std::size_t>> groups;
      for (auto const& r : shared) groups.push_back(r.plans);
      for_each_batch(groups, [&](auto const& group) {
        print(group[0], s, std::ranges::find(shared, group, &shared_region::plans)->what);
      });
    }
  }

  void control_step(std::string const& line, control const& c) {
    using kind = control::kind;
    if (c.what == kind::otherwise || c.what == kind::end) indent_ -= 2;
    put("{:{}}{}\n", "", indent_, line);
    if (c.what != kind::end) indent_ += 2;
  }

  std::string output(std::size_t plan, std::size_t i) const {
    if (auto const weight = v_.constant_outputs[plan][i])
      return fmt::format("weights + {}", lib_.memory.weights[*weight].offset);
    if (port_bytes(lib_.outputs[i]) == 0) return "work";
    return text_of(lib_, v_.plans[plan], v_.plans[plan].outputs[i].where);
  }

  /// The region of a step, which several plans may have, of which `plan` is the largest.
  void print(std::size_t plan, std::size_t step, region const& r) {
    auto const& p = v_.plans[plan];
    grid_printer grids(text_, lib_, symbols_);
    if (lib_.threads > 1 && grains_[plan][step] > 0) return grids.tasks(p, r, grains_[plan][step], indent_);
    for (auto const& g : r.grids) grids.loops(p, g, indent_);
  }

  library const& lib_;
  library_variant const& v_;
  std::vector<std::set<std::string>> users_;       // by kernel: the steps that call it
  std::vector<std::vector<std::int64_t>> grains_;  // by plan and step, where there are threads
  std::vector<std::string> symbols_;
  int indent_ = 2;
  std::string text_;
};

}  // namespace sinter::cpp
