#include "library_files.hpp"

#include <sinter/compile.hpp>
#include <sinter/emit/cpp/cpu_header.hpp>
#include <sinter/emit/cpp/cuda_header.hpp>
#include <sinter/emit/cpp/cuda_run_text.hpp>
#include <sinter/emit/cpp/cuda_source.hpp>
#include <sinter/emit/cpp/dispatch_text.hpp>
#include <sinter/emit/cpp/host_text.hpp>
#include <sinter/emit/cpp/run_text.hpp>
#include <sinter/plan/plan.hpp>
#include <sinter/runtime/cuda/device.hpp>

#include "growing_model.hpp"
#include "output_file.hpp"
#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>

namespace codegen {

using sinter::cpp::library;

namespace {

/// FNV-1a over 64-bit words; `bytes` is a multiple of 8.
std::uint64_t hash_of(std::byte const* data, std::size_t bytes) {
  std::uint64_t state = 0xcbf29ce484222325ULL;
  for (std::size_t i = 0; i < bytes; i += 8) {
    std::uint64_t word;
    std::memcpy(&word, data + i, 8);
    state = (state ^ word) * 0x100000001b3ULL;
    state ^= state >> 29;
  }
  return state;
}

/// Fills the block of weights, and writes it with its hash at the end, which it sets in `lib`.
void write_weights(library& lib, std::filesystem::path const& file) {
  auto const bytes = static_cast<std::size_t>(lib.memory.weight_bytes);
  auto const block = std::make_unique<std::byte[]>(bytes + sizeof lib.weight_hash);
  for (auto const& w : lib.memory.weights) w.fill(block.get() + w.offset);
  lib.weight_hash = hash_of(block.get(), bytes);
  std::memcpy(block.get() + bytes, &lib.weight_hash, sizeof lib.weight_hash);
  write_file(file, {reinterpret_cast<char const*>(block.get()), bytes + sizeof lib.weight_hash});
}

std::vector<std::string> names_of(sinter::graph const& g, std::vector<sinter::port> const& ports) {
  std::vector<std::string> names;
  names.reserve(ports.size());
  for (auto const& p : ports) names.push_back(g.at(p.value).name);
  return names;
}

std::vector<sinter::cpp::library_port> ports(sinter::graph const& g, std::vector<sinter::port> const& from,
                                             std::vector<std::string> const& names) {
  std::vector<sinter::cpp::library_port> result;
  for (std::size_t i = 0; i < from.size(); ++i) result.push_back({.name = names[i], .type = g.at(from[i].value).type});
  return result;
}

/// The variant of a library for the target that `text` names.
sinter::library_variant variant(std::string const& text) {
  using enum sinter::device_kind;
  sinter::target const machine(text);
  if (machine.device() == cuda && machine.features() == 0)
    sinter::fail(sinter::error_code::invalid_argument,
                 "a library has code for architectures of CUDA devices: name them, as cuda:sm_80,sm_90; got '{}'",
                 text);
  bool const is_x86 = machine.device() == x86_64 && machine.lanes() >= 8;
  if (!is_x86 && machine.device() != portable && machine.device() != cuda)
    sinter::fail(sinter::error_code::unsupported_feature,
                 "there is no library for the target '{}'; expected portable, x86-64 with avx2 at least, or an "
                 "architecture of CUDA devices, as cuda:sm_90",
                 text);
  return {.name = sinter::cpp::identifier(text), .set = machine};
}

/// The variants, which are all for CPUs, or all for CUDA devices.
std::vector<sinter::library_variant> variants_of(library_options const& options) {
  std::vector<sinter::library_variant> variants;
  std::size_t devices = 0;
  for (auto const& text : options.sets) {
    variants.push_back(variant(text));
    devices += variants.back().set.device() == sinter::device_kind::cuda ? 1 : 0;
  }
  if (devices != 0 && devices != variants.size())
    sinter::fail(sinter::error_code::invalid_argument,
                 "a library is for CPUs or for CUDA devices; make two, of different names");
  if (devices != 0 && options.threads > 1)
    sinter::fail(sinter::error_code::invalid_argument,
                 "a library for CUDA devices uses one thread of the host, {} were asked for", options.threads);
  return variants;
}

/// What the compiler must be told for a target, as a file of arguments.
std::string compiler_flags(sinter::target const& machine) {
  std::string flags;
  for (auto const& f : sinter::target_features)
    if (machine.has(f.id) && !f.flags.empty()) flags += fmt::format("{}\n", f.flags);
  return flags;
}

/// Compiles the kernels of a variant for a CUDA device, and writes them to `file`.
sinter::cpp::variant_modules write_kernels(sinter::library_variant const& v, library_options const& options,
                                           std::filesystem::path const& file) {
  auto const arch = sinter::detail::read_number(sinter::cpp::architecture(v.set).substr(3));
  auto const compiler = options.compiler ? options.compiler : [] { return sinter::load_nvrtc(); };
  sinter::cubin_builder builder(sinter::own_cuda_kernels(), static_cast<int>(arch), compiler, options.cache);
  sinter::cpp::variant_modules result;
  std::string all;
  for (auto const& image : builder.build(v.device_kernels, static_cast<std::size_t>(sinter::available_processors()))) {
    result.modules.push_back(
        {.offset = static_cast<std::int64_t>(all.size()), .bytes = static_cast<std::int64_t>(image.code.size())});
    all += image.code;
    all.resize(
        static_cast<std::size_t>(sinter::round_up(static_cast<std::int64_t>(all.size()), sinter::arena_alignment)));
  }
  write_file(file, all);
  return result;
}

/// Where the files of a library go, by what their names end in.
using file_namer = std::function<std::filesystem::path(std::string_view)>;

void write_cpu_sources(library const& lib, file_namer const& at) {
  write_file(at(".hpp"), sinter::cpp::cpu_header_printer(lib).whole());
  write_file(at("_run.hpp"), sinter::cpp::dispatch_printer(lib).run_header());
  write_file(at(".cpp"), sinter::cpp::dispatch_printer(lib).source());
  for (auto const& v : lib.variants)
    write_file(at(fmt::format("_{}.cpp", v.name)), sinter::cpp::variant_printer(lib, v).whole());
}

void write_cuda_sources(library const& lib, library_options const& options, file_namer const& at) {
  write_file(at(".hpp"), sinter::cpp::cuda_header_printer(lib).whole());
  write_file(at("_run.hpp"), sinter::cpp::cuda_run_header(lib));
  write_file(at(".cpp"), sinter::cpp::cuda_source(lib));
  for (auto const& v : lib.variants) {
    options.begins(
        fmt::format("compiling {} kernels for {}", v.device_kernels.size(), sinter::cpp::architecture(v.set)));
    auto const modules = write_kernels(v, options, at(fmt::format("_{}.cubins", v.name)));
    write_file(at(fmt::format("_{}.cpp", v.name)), sinter::cpp::cuda_variant_printer(lib, v, modules).whole());
  }
}

/// A graph for each size of the batch or capacity, planned for each variant, as a library.
library plan_library(shaped_model model, library_options const& options) {
  auto variants = variants_of(options);
  std::vector<sinter::kernel_store> kernels(variants.size());
  sinter::optimize_options passes;
  for (auto const& v : variants) passes.byte_products &= sinter::passes_for(v.set).byte_products;
  auto batch = options.batch;
  auto const states = sinter::detail::link_state(sinter::detail::describe_ports(model.g, model.g.inputs),
                                                 sinter::detail::describe_ports(model.g, model.g.outputs),
                                                 options.states, options.bounds);
  bool const grows = states.growth.grows();
  if (grows && batch.kind != sinter::cpp::batch_kind::fixed)
    sinter::fail(sinter::error_code::unsupported_feature, "a class with state that grows has one batch; got several");
  if (model.signatures.empty()) model.signatures.push_back(sinter::signature_of(model.g));
  auto names = std::pair(names_of(model.g, model.g.inputs), names_of(model.g, model.g.outputs));
  options.begins("rewriting the graph");
  auto const prepared = sinter::prepare(std::move(model.g), passes);
  if (grows) {
    batch = capacities_of(states.growth, prepared, model.signatures[0]);
    names.first.emplace_back("length");
  }
  std::vector<sinter::cpp::library_ports> all_ports;
  for (std::size_t size = 0; size < batch.sizes.size(); ++size) {
    auto const label = batch.kind == sinter::cpp::batch_kind::fixed
                           ? std::string()
                           : fmt::format(", {} {}", grows ? "capacity" : "batch", batch.sizes[size]);
    options.begins("rewriting the graph" + label);
    auto const g = grows ? bind_capacity(states.growth, prepared, model.signatures[0], batch.sizes[size], passes)
                         : sinter::bind(prepared, model.signatures[size], passes).g;
    all_ports.push_back({ports(g, g.inputs, names.first), ports(g, g.outputs, names.second)});
    if (grows) mark_growing(states.growth, batch.added, all_ports.back());
    for (std::size_t i = 0; i < variants.size(); ++i) {
      auto& v = variants[i];
      options.begins(fmt::format("planning for {}{}", v.name, label));
      v.plans.push_back(sinter::plan(g, {.machine = v.set, .prefer = options.prefer, .kernels = &kernels[i]}));
    }
  }
  options.begins("placing memory");
  return sinter::cpp::make_library(options.name, batch, all_ports, std::move(variants), options.embed_weights,
                                   options.threads, states.links);
}

}  // namespace

void write_library(shaped_model model, library_options const& options, std::filesystem::path const& folder) {
  auto lib = plan_library(std::move(model), options);
  std::error_code problem;
  std::filesystem::create_directories(folder, problem);
  if (problem)
    sinter::fail(sinter::error_code::io, "cannot make the folder '{}': {}", folder.string(), problem.message());
  file_namer const at = [&](std::string_view ending) { return folder / fmt::format("{}{}", lib.name, ending); };
  options.begins("packing weights");
  write_weights(lib, at(".weights"));
  options.begins("printing code");
  if (lib.on_device())
    write_cuda_sources(lib, options, at);
  else
    write_cpu_sources(lib, at);
  write_file(at("_host.cpp"), sinter::cpp::host_source(lib));
  if (lib.embed) write_file(at("_weights.cpp"), sinter::cpp::weights_source(lib));
  for (auto const& v : lib.variants) write_file(at(fmt::format("_{}.flags", v.name)), compiler_flags(v.set));
}

}  // namespace codegen
