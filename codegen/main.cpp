// sinter: compiles, runs, measures and explains ONNX models on the command line.
#include <sinter/core/error.hpp>

#include <fmt/format.h>

#include "commands.hpp"

int main(int count, char** arguments) {
  CLI::App app(
      "Compiles, runs, measures and explains ONNX models.\n"
      "\n"
      "  sinter compile net.onnx -o generated --isa avx2,avx512   C++ library: net.hpp and sources\n"
      "  sinter run net.onnx --input image=cat.npy -o results     results/NAME.npy for each output\n"
      "  sinter bench net.onnx --shape image=8x3x224x224          how long load, first and later runs take\n"
      "  sinter inspect net.onnx --show program,kernels           what the compiler makes of the model\n"
      "  sinter inspect net.onnx --report net.html                the same as a page, with times\n"
      "  sinter check net.onnx                                    whether it is sound and runs here\n"
      "  sinter verify net.onnx --against reference.npz           whether it computes what it should\n"
      "  sinter quantize net.onnx --data samples -o net.int8.onnx 8-bit integers, with their accuracy, size and time\n",
      "sinter");
  app.set_version_flag("--version", SINTER_VERSION);
  app.get_formatter()->column_width(28);
  codegen::add_compile(app);
  codegen::add_run(app);
  codegen::add_bench(app);
  codegen::add_inspect(app);
  codegen::add_check(app);
  codegen::add_verify(app);
  codegen::add_quantize(app);
  try {
    app.parse(count, arguments);
    if (app.get_subcommands().empty())
      sinter::fail(sinter::error_code::invalid_argument,
                   "expected one of compile, run, bench, inspect, check, verify, quantize; see sinter --help");
    return 0;
  } catch (CLI::ParseError const& e) {
    return app.exit(e);
  } catch (std::exception const& problem) {
    fmt::print(stderr, "sinter: {}\n", problem.what());
    return 1;
  }
}
