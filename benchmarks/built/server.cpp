// Answers the commands of servers.py with the model that was compiled into the class `net`. Inputs and outputs are
// those of the model, in order; the one who asks knows their names, types and shapes.
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <net.hpp>
#include <optional>
#include <sstream>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace {

using nlohmann::json;
using clock = std::chrono::steady_clock;

/// Converts to a view of any type and size: the bytes of one input, with zeros for those that were not given.
struct input_bytes {
  std::vector<std::byte>* bytes;
  template <typename T, std::size_t N>
  operator std::span<T, N>() const {
    bytes->resize(N * sizeof(T));
    return std::span<T, N>(reinterpret_cast<T*>(bytes->data()), N);
  }
};

constexpr std::size_t most_ports = 16;

/// How many members an aggregate has, when each can be made from `input_bytes`.
template <typename Aggregate, std::size_t... I>
constexpr bool takes(std::index_sequence<I...>) {
  return requires { Aggregate{((void)I, std::declval<input_bytes>())...}; };
}
template <typename Aggregate, std::size_t N = most_ports>
constexpr std::size_t member_count() {
  if constexpr (takes<Aggregate>(std::make_index_sequence<N>()))
    return N;
  else
    return member_count<Aggregate, N - 1>();
}

template <typename Outputs, typename F>
void for_each_view(Outputs const& from, F f) {
  constexpr auto count = member_count<Outputs>();
  static_assert(count <= 4, "more outputs than this program binds");
  if constexpr (count == 1) {
    auto const& [a] = from;
    f(a);
  } else if constexpr (count == 2) {
    auto const& [a, b] = from;
    f(a), f(b);
  } else if constexpr (count == 3) {
    auto const& [a, b, c] = from;
    f(a), f(b), f(c);
  } else if constexpr (count == 4) {
    auto const& [a, b, c, d] = from;
    f(a), f(b), f(c), f(d);
  }
}

class server {
 public:
  json answer(std::string const& line) {
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "input") return input(words);
    if (command == "run") return run(words);
    if (command == "outputs") return write_outputs(words);
    throw std::runtime_error("'" + command + "' is no command");
  }

 private:
  static constexpr std::size_t input_count = member_count<net::inputs>();

  json input(std::istream& words) {
    std::size_t index = 0;
    std::string type, shape, file;
    words >> index >> type >> shape >> file;
    std::ifstream from(file, std::ios::binary);
    inputs_[index].assign(std::filesystem::file_size(file), std::byte{});
    from.read(reinterpret_cast<char*>(inputs_[index].data()), static_cast<std::streamsize>(inputs_[index].size()));
    return json::object();
  }

  template <std::size_t... I>
  net::inputs bind(std::index_sequence<I...>) {
    return {input_bytes{&inputs_[I]}...};
  }

  json run(std::istream& words) {
    std::int64_t count = 1;
    words >> count;
    auto const in = bind(std::make_index_sequence<input_count>());
    auto const start = clock::now();
    for (std::int64_t i = 0; i < count; ++i) last_.emplace(net_.run(in));
    auto const taken = std::chrono::duration_cast<std::chrono::nanoseconds>(clock::now() - start).count();
    return {{"ns", static_cast<double>(taken) / static_cast<double>(count)}};
  }

  json write_outputs(std::istream& words) {
    std::filesystem::path folder;
    words >> folder;
    int written = 0;
    for_each_view(last_.value(), [&](auto const& view) {
      std::ofstream file(folder / (std::to_string(written++) + ".bin"), std::ios::binary);
      file.write(reinterpret_cast<char const*>(view.data()), static_cast<std::streamsize>(view.size_bytes()));
    });
    return json::object();
  }

  net net_;
  std::vector<std::vector<std::byte>> inputs_{input_count};
  std::optional<net::outputs> last_;
};

}  // namespace

int main() {
  try {
    server s;
    std::cout << json{{"inputs", json::array()}, {"baseline_rss_kb", 0}} << std::endl;
    for (std::string line; std::getline(std::cin, line);) std::cout << s.answer(line) << std::endl;
  } catch (std::exception const& problem) {
    std::cerr << problem.what() << '\n';
    return 1;
  }
}
