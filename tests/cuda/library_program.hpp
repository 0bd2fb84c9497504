#pragma once

#include <sinter/core/tensor.hpp>

#include "catch.hpp"
#include "cuda/mock/mock.hpp"
#include "library_files.hpp"
#include "temporary_folder.hpp"
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <map>
#include <span>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace sinter::test {

/// A program with a library for CUDA devices, built by the compiler of the tests. Kernels are for the mock driver.
class library_program {
 public:
  /// Compiles the model as the class `net`, and a program with the statements `main` behind `includes`. They may use
  ///
  ///     net::x::element const* read<net::x>(file, elements), write(file, span)
  ///
  /// which read and write files of the folder.
  library_program(codegen::shaped_model model, codegen::library_options options, std::string const& main,
                  std::string const& includes = {}) {
    cuda_mock::device const gpu;
    options.name = "net";
    options.compiler = [n = gpu.compiler()] { return n; };
    codegen::write_library(std::move(model), options, folder_.path());
    folder_.write("main.cpp", includes + head + main + tail);
    command("for file in *.cpp; do " SINTER_CXX_LAUNCHER " '" SINTER_CXX_COMPILER
            "' -std=c++20 -O1 -Wall -Wextra -Werror -ffp-contract=off -I'" SINTER_SOURCE_DIR
            "/include' -Wa,-I. -c $file || exit 1; done; '" SINTER_CXX_COMPILER "' *.o -ldl -o program",
            "messages");
    auto files = folder_.files();
    INFO(files["messages"]);
    REQUIRE(files.contains("program"));
  }

  struct result {
    std::string printed{};                       ///< with what went wrong
    std::map<std::string, std::size_t> calls{};  ///< of functions of the driver
  };
  /// Runs the program with the mock driver. `environment` is text in front of the command.
  result run(std::string const& environment = {}) const {
    command("SINTER_MOCK_LOG=log LD_LIBRARY_PATH='" SINTER_MOCK_DRIVER "' " + environment + " ./program", "printed");
    auto files = folder_.files();
    result r{.printed = files["printed"]};
    std::istringstream log(files["log"]);
    std::string name;
    for (std::size_t count = 0; log >> name >> count;) r.calls[name] = count;
    std::filesystem::remove(folder_.path() / "log");
    return r;
  }

  void give(std::string const& file, any_tensor const& t) const {
    folder_.write(file, {static_cast<char const*>(t.data()), t.bytes()});
  }
  /// Whether the program has written the bytes of a tensor.
  bool wrote(std::string const& file, any_tensor const& t) const {
    auto const bytes = folder_.files()[file];
    return bytes.size() == t.bytes() && std::memcmp(bytes.data(), t.data(), t.bytes()) == 0;
  }
  temporary_folder const& folder() const { return folder_; }

 private:
  static constexpr char const* head = R"(
#include "net.hpp"
#include <cstdio>
#include <exception>
#include <memory>

template <typename Port>
typename Port::element const* read(char const* name, std::size_t elements) {
  auto* const to = new typename Port::element[elements];
  auto* const file = std::fopen(name, "rb");
  if (!file || std::fread(to, sizeof *to, elements, file) != elements) std::printf("cannot read %s\n", name);
  if (file) std::fclose(file);
  return to;
}
template <typename View>
void write(char const* name, View view) {
  auto* const file = std::fopen(name, "wb");
  std::fwrite(view.data(), view.size_bytes(), 1, file);
  std::fclose(file);
}

void test() {
)";
  static constexpr char const* tail = R"(
}

int main() {
  try {
    test();
  } catch (std::exception const& e) {
    std::printf("%s\n", e.what());
  }
}
)";

  void command(std::string const& text, std::string const& output) const {
    auto const whole = "cd '" + folder_.path().string() + "' && (" + text + ") > " + output + " 2>&1";
    INFO(whole);
    CHECK(std::system(whole.c_str()) == 0);
  }

  temporary_folder folder_;
};

}  // namespace sinter::test
