#include "profile.hpp"

#include <sinter/compile.hpp>
#include <sinter/program/traffic.hpp>

#include <fmt/format.h>

#include "example_tensor.hpp"
#include "median.hpp"
#include <algorithm>
#include <array>
#include <chrono>
#include <iterator>
#include <utility>

namespace codegen {

std::string_view name(step_kind kind) {
  constexpr std::array<std::string_view, 4> names{"kernel", "host", "island", "copy"};
  return names[static_cast<std::size_t>(kind)];
}

namespace {

using clock = std::chrono::steady_clock;

double seconds_between(clock::time_point from, clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// Notes when each step of a run begins last, and how long it takes: all its turns, where it has several.
class stopwatch final : public sinter::step_observer {
 public:
  struct interval {
    clock::time_point begin{};
    double seconds = 0;
  };
  explicit stopwatch(std::size_t steps) : intervals(steps) {}
  void start(clock::time_point now) { std::ranges::fill(intervals, interval{.begin = now}); }
  void begins(std::size_t step) override { intervals[step].begin = clock::now(); }
  void ends(std::size_t step) override {
    intervals[step].seconds += seconds_between(intervals[step].begin, clock::now());
  }

  std::vector<interval> intervals;
};

step_kind kind_of(sinter::program_step const& s, sinter::step_work const& work) {
  if (std::holds_alternative<sinter::host_call>(s.action)) return step_kind::host;
  if (std::holds_alternative<sinter::island>(s.action)) return step_kind::island;
  if (std::holds_alternative<sinter::transfer>(s.action)) return step_kind::copy;
  return work.computes ? step_kind::kernel : step_kind::copy;
}

std::string names_of(sinter::program const& p, sinter::program_step const& s) {
  std::string text;
  for (auto const id : s.nodes) {
    auto const& n = p.at(id);
    text += (text.empty() ? "" : ", ") + (n.name.empty() ? n.op : fmt::format("{} ({})", n.name, n.op));
  }
  return text;
}

std::vector<sinter::any_tensor> examples(sinter::program const& p) {
  std::vector<sinter::any_tensor> result;
  for (auto const& in : p.inputs) result.push_back(example(in.type.element, *in.type.shape));
  return result;
}

}  // namespace

std::vector<profiled_step> describe_steps(sinter::program const& p) {
  std::vector<profiled_step> result;
  for (auto const& s : p.steps) {
    auto const work = sinter::work_of(p, s);
    result.push_back({.kind = kind_of(s, work),
                      .nodes = names_of(p, s),
                      .schedule = s.by,
                      .operations = work.operations,
                      .bytes = work.bytes});
  }
  return result;
}

profile measure_profile(sinter::executable const& code, int runs, progress& shown) {
  profile result{.steps = describe_steps(code.plan())};
  sinter::workspace memory(code.memory(), sinter::limits{}.arena_bytes);
  auto const inputs = examples(code.plan());
  std::vector<sinter::tensor_view> views;
  for (auto const& t : inputs) views.push_back(t.view());
  code.run(memory, views);
  std::vector<double> whole;
  std::vector<std::vector<double>> of_step(result.steps.size());
  stopwatch watch(result.steps.size());
  clock::time_point start;
  for (int i = 0; i < runs; ++i) {
    shown.stage(fmt::format("run {} of {}", i + 1, runs));
    start = clock::now();
    code.run(memory, views);
    whole.push_back(seconds_between(start, clock::now()));
    watch.start(start = clock::now());
    code.run_observed(memory, views, watch);
    for (std::size_t s = 0; s < of_step.size(); ++s) of_step[s].push_back(watch.intervals[s].seconds);
  }
  result.run_seconds = median(whole);
  for (std::size_t s = 0; s < of_step.size(); ++s) {
    result.steps[s].seconds = median(of_step[s]);
    result.steps[s].last_begin = seconds_between(start, watch.intervals[s].begin);
    result.steps[s].last_seconds = of_step[s].back();
  }
  return result;
}

profile measure_profile(shaped_model const& model, profile_options const& how, sinter::executor* pool,
                        progress& shown) {
  shown.stage("compiling");
  sinter::model_store store;
  sinter::compile_options const options{.machine = how.machine, .prefer = how.prefer};
  auto const code = sinter::compile(sinter::prepare(model.g), model.signatures.front(), options, store, pool);
  return measure_profile(code, how.runs, shown);
}

namespace {

/// `value` with three digits or more, or a dash for nothing.
std::string number(double value, bool known = true) {
  if (!known) return "-";
  return value < 100 ? fmt::format("{:.3g}", value) : fmt::format("{:.0f}", value);
}

/// How near a step comes to what the machine can do, in percent.
std::string part_of(roofline const& limit, profiled_step const& s) {
  bool const known = limit && (s.kind == step_kind::kernel || s.kind == step_kind::copy) && s.seconds > 0;
  return number(known ? 100 * limit.seconds(s.operations, s.bytes) / s.seconds : 0, known);
}

constexpr char row[] = "{:>4} {:>9} {:>6} {:>8} {:>10} {:>6}  {:<6}  {:<22}  {}\n";

}  // namespace

std::string profile_table(profile const& p, roofline const& limit) {
  double sum = 0;
  for (auto const& s : p.steps) sum += s.seconds;
  auto const percent = [&](double seconds) { return fmt::format("{:.1f}", sum > 0 ? 100 * seconds / sum : 0); };
  auto text = fmt::format(row, "step", "us", "% time", "GFLOP/s", "KB", "% roof", "kind", "schedule", "nodes");
  for (std::size_t i = 0; i < p.steps.size(); ++i) {
    auto const& s = p.steps[i];
    text +=
        fmt::format(row, i, number(1e6 * s.seconds), percent(s.seconds),
                    number(s.operations.total() / s.seconds / 1e9, s.operations.total() > 0 && s.seconds > 0),
                    number(static_cast<double>(s.bytes) / 1e3), part_of(limit, s), name(s.kind), s.schedule, s.nodes);
  }
  for (auto const kind : {step_kind::kernel, step_kind::host, step_kind::island, step_kind::copy}) {
    double seconds = 0, operations = 0;
    std::size_t count = 0;
    for (auto const& s : p.steps)
      if (s.kind == kind) seconds += s.seconds, operations += s.operations.total(), ++count;
    if (count > 0)
      text += fmt::format("total {}: {} step{}, {} us, {} %, {} GFLOP/s\n", name(kind), count, count == 1 ? "" : "s",
                          number(1e6 * seconds), percent(seconds),
                          number(operations / seconds / 1e9, operations > 0 && seconds > 0));
  }
  text += fmt::format("total: {} steps, {} us; a run without this measurement {} us, median\n", p.steps.size(),
                      number(1e6 * sum), number(1e6 * p.run_seconds));
  if (!limit) return text;
  text += fmt::format("roof, as measured now: {:.1f} GFLOP/s of FMA", limit.a_second.lanes / 1e9);
  if (limit.a_second.bfloat16_tiles > 0)
    text += fmt::format(", {:.0f} of tiles of bfloat16, {:.0f} of bytes", limit.a_second.bfloat16_tiles / 1e9,
                        limit.a_second.byte_tiles / 1e9);
  text += "; read at";
  for (auto const& l : limit.levels)
    text += fmt::format("{} {:.1f} GB/s from {}", &l == limit.levels.data() ? "" : ",", l.bytes_a_second / 1e9, l.name);
  return text + "\n";
}

}  // namespace codegen
