#include <sinter/runtime/thread_pool.hpp>
#include <sinter/sinter.hpp>

#include "commands.hpp"
#include "example_tensor.hpp"
#include "output_file.hpp"
#include "profile.hpp"
#include "progress.hpp"
#include <algorithm>
#include <chrono>
#include <memory>

namespace codegen {
namespace {

struct bench_settings {
  model_arguments model{};
  int runs = 30;
  int threads = 0;
  std::string set = "native";
  std::string device = "cpu";
  sinter::preferences prefer{};
  bool profile = false;
  std::string trace{};
};

using clock = std::chrono::steady_clock;

double milliseconds_since(clock::time_point start) {
  return std::chrono::duration<double, std::milli>(clock::now() - start).count();
}

/// The shape of an input: as given on the command line, else as the model says it.
sinter::shape shape_of(sinter::port_info const& p, std::span<named_extents const> given) {
  for (auto const& g : given)
    if (g.name == p.name) return g.extents;
  auto const known = p.shape.known();
  if (!known)
    sinter::fail(sinter::error_code::invalid_argument, "the shape of input '{}' is open; give it: --shape {}={}",
                 p.name, p.name, p.shape);
  return *known;
}

void print_profile(bench_settings const& s) {
  if (s.device != "cpu")
    sinter::fail(sinter::error_code::unsupported_feature,
                 "--profile and --trace measure steps on the CPU, a device works on while the host goes on");
  progress shown("bench");
  shown.stage("reading " + s.model.file);
  auto const model = load_model(s.model);
  profile_options const how{
      .machine = sinter::runnable_here(sinter::target(s.set)), .runs = s.runs, .prefer = s.prefer};
  auto const pool = sinter::shared_thread_pool(s.threads);
  auto* const executor = pool->workers() > 1 ? pool.get() : nullptr;
  auto const measured = measure_profile(model, how, executor, shown);
  shown.stage("measuring the machine");
  auto const limit = measure_roofline(how.machine, executor);
  shown.erase();
  fmt::print("{}: {}, {} thread{}, {} runs\n", s.model.file, to_string(how.machine), pool->workers(),
             pool->workers() == 1 ? "" : "s", s.runs);
  fmt::print("{}", profile_table(measured, limit));
  if (!s.trace.empty()) write_file(s.trace, chrome_trace(measured) + "\n");
}

void bench(bench_settings const& s) {
  if (s.profile || !s.trace.empty()) return print_profile(s);
  progress shown("bench");
  shown.stage("loading " + s.model.file);
  auto start = clock::now();
  auto const net = sinter::load(s.model.file, {.device = sinter::device_named(s.device),
                                               .target = sinter::target(s.set),
                                               .threads = s.threads,
                                               .prefer = s.prefer});
  auto const load = milliseconds_since(start);
  print_warnings(net.warnings());
  std::vector<named_extents> given;
  for (auto const& text : s.model.shapes) given.push_back(parse_shape(text));
  std::vector<sinter::any_tensor> tensors;
  std::vector<sinter::named_tensor> inputs;
  for (auto const& p : net.inputs()) tensors.push_back(example(p.type, shape_of(p, given)));
  for (std::size_t i = 0; i < tensors.size(); ++i) inputs.push_back({net.inputs()[i].name, tensors[i].view()});

  shown.stage("compiling and running");
  start = clock::now();
  net.run(inputs);
  auto const first = milliseconds_since(start);
  std::vector<double> times;
  for (int i = 0; i < s.runs; ++i) {
    shown.stage(fmt::format("run {} of {}", i + 1, s.runs));
    start = clock::now();
    net.run(inputs);
    times.push_back(milliseconds_since(start));
  }
  shown.erase();
  std::ranges::sort(times);
  auto const memory = net.memory();
  fmt::print("{}: {}, {} thread{}\n", s.model.file, to_string(net.compiled_for()), net.threads(),
             net.threads() == 1 ? "" : "s");
  fmt::print("load {:.3f} ms, first run {:.3f} ms, then {} runs: median {:.3f} ms, min {:.3f} ms\n", load, first,
             times.size(), times[times.size() / 2], times.front());
  fmt::print("arena {} bytes, packed weights {} bytes, machine code {} bytes\n", memory.arena_bytes,
             memory.weight_bytes, memory.code_bytes);
}

}  // namespace

void add_bench(CLI::App& app) {
  auto const s = std::make_shared<bench_settings>();
  auto* const command = app.add_subcommand("bench", "measures load, first run and later runs");
  command->footer(
      "Float inputs get numbers between 0 and 1, other inputs zeros.\n"
      "--profile, for each step: us, the median over the runs; operations of float32 that its kernels execute, in all\n"
      "lanes; bytes of tensors and weights that it touches; and the share of what this machine can do with as many\n"
      "operations, and with as many bytes from the nearest cache that holds them. Kinds: kernel; host, a plain loop;\n"
      "island, compiled or evaluated when shapes are known; copy, a kernel that moves elements only.");
  add_model(*command, s->model);
  command->add_option("--runs", s->runs, "after the first")->check(CLI::PositiveNumber)->capture_default_str();
  command->add_option("--threads", s->threads, "0: all")->check(CLI::NonNegativeNumber)->capture_default_str();
  add_target(*command, s->set);
  add_device(*command, s->device);
  add_preferences(*command, s->prefer);
  command->add_flag("--profile", s->profile, "where the time goes: a line for each step");
  command->add_option("--trace", s->trace, "a file for the steps of one run, JSON for chrome://tracing or Perfetto");
  command->callback([s] { bench(*s); });
}

}  // namespace codegen
