// sinter_bench MODEL [--threads N] [--isa NAME] [--precision NAME]: loads a model and answers commands on standard
// input, one JSON line for each; servers.py lists them.
#include <sinter/sinter.hpp>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <vector>

namespace {

using nlohmann::json;
using clock = std::chrono::steady_clock;

std::int64_t nanoseconds_since(clock::time_point start) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now() - start).count();
}

/// The most memory that this process ever held.
long peak_rss_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (long kilobytes = 0; word == "VmHWM:" && status >> kilobytes) return kilobytes;
  return 0;
}

sinter::dtype parse_type(std::string_view text) {
  for (int i = 0; i < sinter::dtype_count; ++i)
    if (auto const type = static_cast<sinter::dtype>(i); name(type) == text) return type;
  sinter::fail(sinter::error_code::invalid_argument, "'{}' is no element type", text);
}

sinter::shape parse_shape(std::string const& text) {
  sinter::shape s;
  if (text == "scalar") return s;
  std::istringstream extents(text);
  for (std::string extent; std::getline(extents, extent, 'x');) s.push_back(std::stoll(extent));
  return s;
}

json describe(sinter::port_info const& port) {
  auto shape = json::array();
  if (port.shape.dimensions)
    for (auto const& d : *port.shape.dimensions) shape.push_back(d.known() ? d.extent : -1);
  return {{"name", port.name}, {"type", name(port.type)}, {"shape", shape}};
}

class server {
 public:
  server(std::string const& file, sinter::options const& how) : start_(clock::now()), net_(sinter::load(file, how)) {
    load_ns_ = nanoseconds_since(start_);
    inputs_.resize(net_.inputs().size());
  }

  json ready() const {
    auto inputs = json::array();
    for (auto const& port : net_.inputs()) inputs.push_back(describe(port));
    return {{"inputs", inputs}};
  }

  json answer(std::string const& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "input") return input(words);
    if (command == "run") return run(words);
    if (command == "outputs") return write_outputs(words);
    if (command == "figures") return figures();
    sinter::fail(sinter::error_code::invalid_argument, "'{}' is no command", command);
  }

 private:
  json input(std::istream& words) {
    std::size_t index = 0;
    std::string type, shape, file;
    words >> index >> type >> shape >> file;
    sinter::any_tensor value(parse_type(type), parse_shape(shape));
    std::ifstream bytes(file, std::ios::binary);
    if (!bytes.read(static_cast<char*>(value.data()), static_cast<std::streamsize>(value.bytes())))
      sinter::fail(sinter::error_code::io, "{} has fewer than {} bytes", file, value.bytes());
    inputs_.at(index) = value;
    given_.clear();
    for (std::size_t i = 0; i < inputs_.size(); ++i)
      if (inputs_[i]) given_.push_back({net_.inputs()[i].name, inputs_[i].view()});
    return json::object();
  }

  json run(std::istream& words) {
    std::int64_t count = 1;
    words >> count;
    last_.reset();
    auto const start = clock::now();
    for (std::int64_t i = 1; i < count; ++i) net_.run(given_);
    last_.emplace(net_.run(given_));
    return {{"ns", static_cast<double>(nanoseconds_since(start)) / static_cast<double>(count)}};
  }

  json write_outputs(std::istream& words) {
    std::filesystem::path folder;
    words >> folder;
    if (!last_) sinter::fail(sinter::error_code::invalid_argument, "outputs before a run");
    auto described = json::array();
    for (auto const& [name, value] : *last_) {
      std::ofstream file(folder / fmt::format("{}.bin", described.size()), std::ios::binary);
      file.write(static_cast<char const*>(value.data), static_cast<std::streamsize>(value.bytes()));
      auto const extents = value.shape.span();
      described.push_back({{"name", name},
                           {"type", sinter::name(value.type)},
                           {"shape", std::vector<std::int64_t>(extents.begin(), extents.end())}});
    }
    return {{"outputs", described}};
  }

  json figures() const {
    auto const memory = net_.memory();
    return {{"load_ns", load_ns_},
            {"peak_rss_kb", peak_rss_kb()},
            {"isa", to_string(net_.compiled_for())},
            {"threads", net_.threads()},
            {"planned_bytes", memory.arena_bytes},
            {"bound_bytes", memory.arena_bound},
            {"scratch_bytes", memory.scratch_bytes},
            {"weight_bytes", memory.weight_bytes},
            {"code_bytes", memory.code_bytes}};
  }

  clock::time_point start_;
  sinter::model net_;
  std::int64_t load_ns_ = 0;
  std::vector<sinter::any_tensor> inputs_{};  ///< in the order of the model's; empty: not given
  std::vector<sinter::named_tensor> given_{};
  std::optional<sinter::outputs> last_{};
};

}  // namespace

int main(int count, char** arguments) {
  std::string model, machine = "native";
  sinter::options how{.threads = 1};
  CLI::App app("Runs a model on command");
  app.add_option("MODEL", model, "an ONNX file")->required();
  app.add_option("--threads", how.threads, "0: all");
  app.add_option("--isa", machine, "the target to compile for, as avx2");
  std::map<std::string, sinter::precision> const precisions(sinter::precision_names.begin(),
                                                            sinter::precision_names.end());
  app.add_option("--precision", how.prefer.precision, "what may be rounded to: exact, fp16, bf16, fastest")
      ->transform(CLI::CheckedTransformer(precisions));
  CLI11_PARSE(app, count, arguments);

  try {
    how.target = sinter::target(machine);
    auto const baseline = peak_rss_kb();
    server s(model, how);
    auto hello = s.ready();
    hello["baseline_rss_kb"] = baseline;
    std::cout << hello << std::endl;
    for (std::string line; std::getline(std::cin, line);) std::cout << s.answer(line) << std::endl;
  } catch (std::exception const& problem) {
    fmt::print(stderr, "{}\n", problem.what());
    return 1;
  }
}
