#include <sinter/compile.hpp>
#include <sinter/emit/cuda/emit.hpp>
#include <sinter/graph/text.hpp>
#include <sinter/program/print.hpp>
#include <sinter/runtime/thread_pool.hpp>
#include <sinter/vector/print.hpp>

#include <fmt/format.h>

#include "commands.hpp"
#include "output_file.hpp"
#include "progress.hpp"
#include "report.hpp"
#include <algorithm>
#include <map>
#include <memory>
#include <optional>

namespace codegen {
namespace {

struct inspect_settings {
  model_arguments model{};
  std::string set = "native";
  sinter::preferences prefer{};
  std::vector<std::string> show{"summary"};
  std::int64_t stop_after = sinter::optimize_options{}.stop_after;
  std::string report{};
  bool no_time = false;
  int runs = 10;
  int threads = 0;

  bool shows(std::string_view what) const {
    return std::ranges::find(show, what) != show.end() || std::ranges::find(show, "all") != show.end();
  }
};

constexpr sinter::text_options short_constants{.most_numbers = 8};

/// How many nodes there are of each operator.
void print_operators(sinter::graph const& g, std::string_view title) {
  std::map<std::string, int> counts;
  for (auto const id : g.topological_order()) {
    auto const& n = g.at(id);
    ++counts[n.domain.empty() ? n.op : n.domain + ":" + n.op];
  }
  fmt::print("{}:", title);
  for (auto const& [op, count] : counts) fmt::print(" {} {}", count, op);
  fmt::print("\n");
}

void print_summary(sinter::graph const& before, sinter::graph const& after, sinter::program const& p,
                   std::int64_t rewrites) {
  print_operators(before, "nodes");
  fmt::print("after {} rewrites: ", rewrites);
  print_operators(after, "nodes");
  std::int64_t weights = 0, tasks = 0;
  std::size_t regions = 0, hosts = 0, islands = 0, launches = 0, transfers = 0;
  for (auto const& w : p.weights) weights += w.bytes;
  sinter::for_each_action<sinter::region>(p, [&](sinter::region const& r, std::size_t) {
    ++regions;
    for (auto const& g : r.grids) tasks += g.tasks();
  });
  sinter::for_each_action<sinter::host_call>(p, [&](auto const&, std::size_t) { ++hosts; });
  sinter::for_each_action<sinter::island>(p, [&](auto const&, std::size_t) { ++islands; });
  sinter::for_each_action<sinter::launch>(p, [&](auto const&, std::size_t) { ++launches; });
  sinter::for_each_action<sinter::transfer>(p, [&](auto const&, std::size_t) { ++transfers; });
  fmt::print("{} steps: {}, {} operators as plain loops, {} islands; {} distinct kernels\n", p.steps.size(),
             p.on_device ? fmt::format("{} launches, {} copies between host and device", launches, transfers)
                         : fmt::format("{} regions of {} tasks", regions, tasks),
             hosts, islands, p.kernels.size() + p.device_kernels.size());
  fmt::print("arena {} bytes (no plan below {}), scratch {} a thread, packed weights {} in {} blocks\n", p.arena_bytes,
             p.arena_bound, p.scratch_bytes, weights, p.weights.size());
}

/// Measures the steps of `p`, unless that is not wanted or not possible.
std::optional<profile> measure(inspect_settings const& s, sinter::program const& p, sinter::thread_pool& pool,
                               progress& shown) {
  sinter::target const machine(s.set);
  if (s.no_time || p.on_device) return std::nullopt;
  if (sinter::runnable_here(machine) != machine)
    sinter::fail(sinter::error_code::unsupported_feature,
                 "code for {} does not run here, so that its times are not known; --no-time leaves them out",
                 to_string(machine));
  auto* const executor = pool.workers() > 1 ? &pool : nullptr;
  sinter::model_store store;
  sinter::compile_options const options{.machine = machine, .prefer = s.prefer};
  shown.stage("compiling");
  auto const code = sinter::link(p, sinter::emit(p, machine, store.code), store.weights, executor, options.guard,
                                 sinter::detail::part_compiler(options, store, executor));
  return measure_profile(code, s.runs, shown);
}

void write_report(inspect_settings const& s, shaped_model const& model, sinter::rewritten_graph const& bound,
                  sinter::program const& p, progress& shown) {
  auto const pool = sinter::shared_thread_pool(s.threads);
  auto measured = measure(s, p, *pool, shown);
  shown.stage("writing " + s.report);
  write_file(s.report, report_page(report_data({.file = s.model.file,
                                                .model = model,
                                                .bound = bound,
                                                .program = p,
                                                .target = to_string(sinter::target(s.set)),
                                                .measured = std::move(measured),
                                                .threads = pool->workers(),
                                                .runs = s.runs})));
}

void inspect(inspect_settings const& s) {
  progress shown("inspect");
  shown.stage("reading " + s.model.file);
  auto const model = load_model(s.model);
  auto how = sinter::passes_for(sinter::target(s.set));
  how.stop_after = s.stop_after;
  shown.stage("rewriting the graph");
  auto const prepared = sinter::prepare(model.g, how);
  auto const bound = sinter::bind(prepared, model.signatures.front(), how);
  shown.stage("planning");
  auto const p = sinter::plan(bound.g, {.machine = s.set, .prefer = s.prefer});
  if (!s.report.empty()) write_report(s, model, bound, p, shown);
  shown.erase();
  if (s.shows("summary")) print_summary(model.g, bound.g, p, bound.done.rewrites);
  if (s.shows("before")) fmt::print("{}", sinter::print(model.g, short_constants));
  if (s.shows("prepared")) fmt::print("{}", sinter::print(prepared.g, short_constants));
  if (s.shows("after")) fmt::print("{}", sinter::print(bound.g, short_constants));
  if (s.shows("program")) fmt::print("{}", sinter::print(p, {.kernels = false}));
  if (!s.shows("kernels")) return;
  for (std::size_t k = 0; k < p.kernels.size(); ++k)
    fmt::print("; kernel {}\n{}", k, sinter::vector::print(*p.kernels[k]));
  if (p.on_device) fmt::print("{}", sinter::cuda_text::cuda_module_text(p.device_kernels));
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto const s = std::make_shared<inspect_settings>();
  auto* const command = app.add_subcommand("inspect", "shows what the compiler makes of a model");
  command->footer(
      "summary: operators, steps, bytes; before, prepared, after: the graph as text, before the rewrites, after those\n"
      "that need no shapes, after all (fused nodes have the domain sinter); program: what runs in which order on "
      "which\n"
      "bytes; kernels: vector programs, or the text for a device.\n"
      "--report writes one page for a browser: both graphs, steps with their times, the memory plan, weights.");
  add_model(*command, s->model);
  command->add_option("--show", s->show, "summary, before, prepared, after, program, kernels, all")
      ->delimiter(',')
      ->check(CLI::IsMember({"summary", "before", "prepared", "after", "program", "kernels", "all"}))
      ->capture_default_str();
  command->add_option("--stop-after", s->stop_after, "do that many rewrites only: finds the one that is wrong")
      ->check(CLI::NonNegativeNumber);
  auto* const report = command->add_option("--report", s->report, "an HTML file for all of it, with times");
  command->add_flag("--no-time", s->no_time, "a report that leaves times out")->needs(report);
  command->add_option("--runs", s->runs, "that times of a report are medians of")
      ->check(CLI::PositiveNumber)
      ->capture_default_str()
      ->needs(report);
  command->add_option("--threads", s->threads, "of the runs of a report; 0: all")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str()
      ->needs(report);
  add_target(*command, s->set, "--isa,--target,--device");
  add_preferences(*command, s->prefer);
  command->callback([s] { inspect(*s); });
}

}  // namespace codegen
