#include <sinter/graph/text.hpp>
#include <sinter/runtime/cuda/libraries.hpp>

#include "catch.hpp"
#include "cuda/emulated_run.hpp"
#include "library_program.hpp"
#include "model_file.hpp"
#include "runtime_fakes.hpp"
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

/// Generated libraries for CUDA devices, on the mock driver; their code, by NVRTC where there is one.
using namespace sinter;
using namespace sinter::test;

namespace {

/// Launches on both sides of what the host computes: operators without kernels for the device, which read inputs,
/// constants and each other; a sum in parts, which keeps state; a constant output.
constexpr char const* mixed_graph = R"(graph opset 13 {
  input ids: int64[6]
  input x: float[3x3]
  input v: float[2x2048]
  const table = float[5x4] random(1)
  const spots = float[8] random(3)
  const updates = float[6] random(4)
  const w = float[2048x8] random(2)
  a = Gather(table, ids) as "the lookup"
  s = ScatterElements(spots, ids, updates)
  e = Sigmoid(x)
  d = Det(e)
  y = Add(d, e)
  z = MatMul(v, w)
  output a
  output y
  output z
  output table
  output s
})";

}  // namespace

TEST_CASE("a library for CUDA devices computes what the in-process compiler does there") {
  auto const g = parse(mixed_graph);
  auto const operands = random_inputs(g);
  auto const expected = run_emulated(g, operands);
  library_program const program({parse(mixed_graph)}, {.sets = {"cuda:sm_80", "cuda:sm_90"}}, R"(
  net::inputs const in{.ids = net::ids::view(read<net::ids>("ids", 6), 6),
                       .x = net::x::view(read<net::x>("x", 9), 9),
                       .v = net::v::view(read<net::v>("v", 4096), 4096)};
  static_assert(net::architectures == std::array<int, 2>{80, 90});
  std::printf("%d%d\n", net::supports(0), net::supports(1));
  float const others[9] = {1, 0, 2, 0, 3, 0, 4, 0, 5};
  auto other = in;
  other.x = net::x::view(others, 9);
  net first, second;
  first.run(other);
  std::int64_t const wrong[6] = {0, 1, 2, 3, 4, 5};
  auto bad = in;
  bad.ids = net::ids::view(wrong, 6);
  std::printf("%.*s\n", int(second.run(bad).error.size()), second.run(bad).error.data());
  second.run(other);
  for (auto* object : {&first, &second}) {
    auto const out = object->run(in);
    std::printf("'%s'\n", out.error.data());
    write("a", out.a);
    write("y", out.y);
    write("z", out.z);
    write("table", out.table);
    write("s", out.s);
  }
)");
  program.give("ids", operands[0]);
  program.give("x", operands[1]);
  program.give("v", operands[2]);
  auto const text = program.folder().files()["net_cuda_sm_90.cpp"];
  CHECK_THAT(
      text,
      says("(!call(host_ScatterElements, constants + ") && says("outputs[3] = constants + "));  // in the host's memory
  auto const p = plan_for_cuda(parse(mixed_graph));
  REQUIRE(count_steps<host_call>(p) > 1);
  REQUIRE(p.state_bytes > 0);
  std::size_t lists = 0;
  for (std::size_t i = 0; i < p.steps.size(); ++i)
    lists += std::holds_alternative<launch>(p.steps[i].action) &&
             (i == 0 || !std::holds_alternative<launch>(p.steps[i - 1].action));
  for (auto const* const capability : {"90", "89"}) {
    auto r = program.run(std::string("SINTER_MOCK_CAPABILITY=") + capability);
    CHECK(r.printed == "10\nnode 'the lookup' (Gather): an index that came at run time lies outside -5 to 4\n''\n''\n");
    for (std::size_t i = 0; i < expected.size(); ++i) {
      auto const* const file = std::vector{"a", "y", "z", "table", "s"}[i];
      INFO(file);
      CHECK(program.wrote(file, expected[i]));
    }
    CHECK(r.calls["left"] == 0);
    CHECK(r.calls["cuModuleLoadData"] == p.device_kernels.size());  // once for both objects
    CHECK(r.calls["cuGraphInstantiateWithFlags"] == 2 * lists);     // recorded once by each
    CHECK(r.calls["cuGraphLaunch"] >= 4 * lists);
    auto const launches = r.calls["cuLaunchKernelEx"] + r.calls["cuLaunchKernel"];
    CHECK(launches == 2 * count_launches(p));
    CHECK((r.calls["cuLaunchKernelEx"] > 0) == (capability == std::string("90")));
  }
  auto const printed = [&](std::string const& environment) { return program.run(environment).printed; };
  CHECK_THAT(printed("SINTER_MOCK_CAPABILITY=75"),
             says("00\nnet: cuda:0 (Emulated GPU) has compute capability 7.5; the library has code for sm_80, sm_90") &&
                 says("compile the model for cuda:sm_75 too"));
  CHECK_THAT(printed("SINTER_MOCK_DEVICES=0"), says("00\nnet: no CUDA device: ") && says("nvidia-smi"));
  if (std::system("ldconfig -p | grep -q libcuda.so.1") != 0)
    CHECK_THAT(printed("LD_LIBRARY_PATH="), says("00\nnet: no CUDA driver: libcuda.so.1 does not load"));
}

TEST_CASE("inputs of a library that lie on the device are used there") {
  auto const* const text =
      "graph opset 13 {\n  input x: float[4x4]\n  y = Sigmoid(x)\n  d = Det(x)\n  output y\n  output d\n}\n";
  auto const operands = random_inputs(parse(text));
  library_program const program({parse(text)}, {.sets = {"cuda:sm_90"}}, R"(
  auto const context = sinter::cuda_context::open(sinter::load_cuda_driver(), 0);
  auto const there = context->allocate(2 * sizeof(float) * 16);
  auto const* const x = read<net::x>("x", 16);
  auto const at = [&](int place) { return net::x::view(reinterpret_cast<float*>(there.get()) + place, 16); };
  sinter::cuda_queue queue(context);
  net n;
  for (int const place : {0, 16, 1}) {
    queue.upload(reinterpret_cast<std::byte*>(const_cast<float*>(at(place).data())), x, at(place).size_bytes());
    queue.wait();
    auto const out = n.run({.x = at(place)});
    write("y", out.y);
    write("d", out.d);
  }
)",
                                "#include <sinter/runtime/cuda/library.hpp>\n");
  program.give("x", operands[0]);
  auto r = program.run();
  CHECK(r.printed == "");
  auto const expected = run_emulated(parse(text), operands);
  CHECK(program.wrote("y", expected[0]));
  CHECK(program.wrote("d", expected[1]));
  CHECK(r.calls["cuGraphInstantiateWithFlags"] == 3);  // for each place
  CHECK(r.calls["cuMemcpyHtoDAsync_v2"] == 3 + 3);     // those of the program, and d
  CHECK(r.calls["cuMemcpyDtoHAsync_v2"] == 3 * 3);     // x, for the host, and y and d
  CHECK(r.calls["cuMemcpyDtoDAsync_v2"] == 1);         // of the misaligned one
}

TEST_CASE("a library for CUDA devices has code for several batches, and maps its weights", "[thorough]") {
  auto const* const file = SINTER_SOURCE_DIR "/examples/hello/digits.onnx";
  auto const expected = [&](any_tensor const& images) {
    auto g = codegen::load_model({.file = file, .shapes = {"image=1x1x8x8"}}).g;
    g.at(g.inputs[0].value).type.shape = images.shape();
    return run_emulated(g, {images})[0];
  };
  for (bool const is_listed : {false, true}) {
    auto const batch =
        codegen::parse_batch(is_listed ? std::vector<std::string>{"1", "3"} : std::vector<std::string>{"1..3"});
    library_program const program(
        codegen::load_model({.file = file}, batch), {.sets = {"cuda:sm_90"}, .embed_weights = false, .batch = batch},
        std::string("  net::weights const constants(\"net.weights\");\n  net n(constants);\n") +
            "  auto const* const images = read<net::image" + (is_listed ? "<3>" : "") + ">(\"images\", 192);\n" +
            (is_listed ? R"(
  n.run<1>({.image = net::image<1>::view(images, 64)});
  write("three", n.run<3>({.image = net::image<3>::view(images, 192)}).scores);
  write("one", n.run<1>({.image = net::image<1>::view(images, 64)}).scores);
)"
                       : R"(
  n.run(2, {.image = net::image::view(images, 128)});
  write("three", n.run(3, {.image = net::image::view(images, 192)}).scores);
  write("one", n.run(1, {.image = net::image::view(images, 64)}).scores);
  n.run(4, {.image = net::image::view(images, 192)});
)"));
    any_tensor three(dtype::float32, shape{3, 1, 8, 8}), one(dtype::float32, shape{1, 1, 8, 8});
    auto* const values = static_cast<float*>(three.data());
    for (std::size_t i = 0; i < 192; ++i) values[i] = static_cast<float>(i % 17) / 16;
    std::memcpy(one.data(), values, one.bytes());
    program.give("images", three);
    auto r = program.run();
    CHECK(r.printed == (is_listed ? "" : "net: a batch of 4; it takes 1 to 3\n"));
    CHECK(program.wrote("three", expected(three)));
    CHECK(program.wrote("one", expected(one)));
    CHECK(r.calls["left"] == 0);
  }
}

TEST_CASE("the code of a library is that of NVRTC for each architecture") {
  try {
    load_nvrtc();
  } catch (error const& e) {
    return void(fmt::print("SKIPPED: {}\n", e.what()));
  }
  temporary_folder folder;
  codegen::write_library({parse(mixed_graph)}, {.name = "net", .sets = {"cuda:sm_80", "cuda:sm_90"}}, folder.path());
  auto files = folder.files();
  temporary_folder again;
  codegen::write_library({parse(mixed_graph)}, {.name = "net", .sets = {"cuda:sm_80", "cuda:sm_90"}}, again.path());
  CHECK(files == again.files());
  for (int const arch : {80, 90}) {
    auto const code = files[fmt::format("net_cuda_sm_{}.cubins", arch)];
    auto const text = files[fmt::format("net_cuda_sm_{}.cpp", arch)];
    REQUIRE(code.size() > 1000);
    CHECK(
        code.starts_with("\x7f"
                         "ELF"));
    CHECK(static_cast<unsigned char>(code[18]) == 190);                             // a machine of CUDA
    CHECK((code[0x30] == arch || static_cast<unsigned char>(code[0x31]) == arch));  // in the flags
    CHECK_THAT(text, says(fmt::format(".arch = {}", arch)) && says("// node 'the lookup' (Gather)"));
    for (auto at = text.find("{\""); at != std::string::npos; at = text.find("{\"", at + 1)) {
      auto const name = text.substr(at + 2, text.find('"', at + 2) - at - 2);
      CHECK(code.find(name) != std::string::npos);
    }
  }
}

TEST_CASE("what a library for CUDA devices cannot be is refused") {
  auto const refusal = [](codegen::library_options options) {
    options.name = "net";
    auto g = parse("graph opset 13 {\n  input x: float[4]\n  y = Relu(x)\n  output y\n}");
    return fake::error_of([&] { codegen::write_library({std::move(g)}, options, "/nowhere"); });
  };
  CHECK_THAT(refusal({.sets = {"cuda"}}).what(), says("name them, as cuda:sm_80,sm_90"));
  CHECK_THAT(refusal({.sets = {"cuda:sm_80", "avx2"}}).what(), says("for CPUs or for CUDA devices"));
  CHECK_THAT(refusal({.sets = {"cuda:sm_80"}, .threads = 2}).what(), says("one thread of the host, 2 were asked for"));
}
