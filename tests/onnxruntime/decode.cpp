#include <sinter/formatters.hpp>
#include <sinter/sinter.hpp>

#include <fmt/format.h>

#include "counted_allocations.hpp"
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <string>
#include <vector>

/// decode MODEL THREADS OUT ID...: a run of a decoder for each token. The inputs past_* grow, up to as many rows as
/// there are tokens, to the outputs present_*. Writes the first output of each run to OUT, and prints how many
/// allocations came after the first run (-1: they are not counted) and how many bytes of code.
namespace {

std::vector<sinter::state_pair> states_of(std::string const& file) {
  std::vector<sinter::state_pair> pairs;
  std::string const past = "past_";
  auto const net = sinter::load(file, {.compile_at_load = false});
  for (auto const& in : net.inputs())
    if (in.name.starts_with(past)) pairs.push_back({in.name, "present_" + in.name.substr(past.size())});
  return pairs;
}

void decode(std::string const& file, int threads, std::string const& out, std::vector<std::int64_t> const& tokens) {
  auto const net = sinter::load(
      file,
      {.threads = threads, .state = states_of(file), .bounds = {{"past", static_cast<std::int64_t>(tokens.size())}}});
  auto c = net.context();
  std::int64_t token = 0;
  c.set_input("ids", sinter::tensor_view{sinter::dtype::int64, {1, 1}, &token});
  auto const bytes = net.outputs()[0].shape.known().value().elements() * sizeof(float);
  std::vector<char> results(tokens.size() * bytes);
  auto const step = [&](std::size_t i) {
    token = tokens[i];
    c.run();
    auto const* const from = static_cast<char const*>(c.output(std::size_t{0}).data);
    std::copy(from, from + bytes, results.begin() + static_cast<std::ptrdiff_t>(i * bytes));
  };
  auto const rest = [&] {
    for (std::size_t i = 1; i < tokens.size(); ++i) step(i);
  };
  step(0);
  auto const code = net.memory().code_bytes;
#if SINTER_COUNTS_ALLOCATIONS
  auto const allocations = sinter::test::counted(rest);
#else
  rest();
  long const allocations = -1;
#endif
  fmt::print("{} {}\n", allocations, net.memory().code_bytes - code);
  std::ofstream(out, std::ios::binary).write(results.data(), static_cast<std::streamsize>(results.size()));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    std::vector<std::int64_t> tokens;
    for (int i = 4; i < argc; ++i) tokens.push_back(std::atol(argv[i]));
    decode(argv[1], std::atoi(argv[2]), argv[3], tokens);
    return 0;
  } catch (std::exception const& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
