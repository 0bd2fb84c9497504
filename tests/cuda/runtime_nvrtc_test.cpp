#include <sinter/runtime/cuda/cubin_builder.hpp>
#include <sinter/runtime/cuda/libraries.hpp>

#include "catch.hpp"
#include "runtime_fakes.hpp"
#include <optional>
#include <string>
#include <vector>

using namespace sinter;
using fake::error_of;

namespace {

std::optional<nvrtc> nvrtc_here() {
  try {
    return load_nvrtc();
  } catch (error const&) {
    fmt::print("SKIPPED: NVRTC is not installed\n");
    return std::nullopt;
  }
}

/// Each kernel is a function that adds one; the form "wrong" has a mistake.
cuda_emitter adding() {
  return {.name = [](device_kernel const& k) { return k.form; },
          .text =
              [](std::span<device_kernel const> kernels) {
                std::string text;
                for (auto const& k : kernels)
                  text += fmt::format("extern \"C\" __global__ void {}(float* y) {{ y[threadIdx.x] += {}; }}\n", k.form,
                                      k.form == "wrong" ? "one" : "1.0f");
                return text;
              }};
}

}  // namespace

TEST_CASE("NVRTC makes cubins for each architecture that it knows") {
  auto const compiler = nvrtc_here();
  if (!compiler) return;
  int count = 0;
  compiler->get_num_supported_archs(&count);
  std::vector<int> archs(static_cast<std::size_t>(count));
  compiler->get_supported_archs(archs.data());
  for (int const arch : archs) {
    CAPTURE(arch);
    CHECK(cubin_arch(*compiler, arch) == arch);
    auto const made = compile_cubin(*compiler, adding().text(std::vector{fake::kernel("a")}), cubin_options(arch));
    CHECK(made.bytes.starts_with("\177ELF"));
    CHECK_THAT(made.log, says("registers") && says(fmt::format("sm_{}", arch)));
  }
}

TEST_CASE("NVRTC compiles modules side by side") {
  auto const compiler = nvrtc_here();
  if (!compiler) return;
  cubin_builder builder(adding(), 90, [] { return load_nvrtc(); }, {});
  auto const images = builder.build(std::vector{fake::kernel("a"), fake::kernel("b"), fake::kernel("c")}, 2);
  REQUIRE(images.size() == 3);
  CHECK(images[0].code.find("a") != std::string::npos);
  for (auto const& i : images) CHECK(i.code.starts_with("\177ELF"));
}

TEST_CASE("NVRTC's words on a kernel that does not compile reach the user") {
  auto const compiler = nvrtc_here();
  if (!compiler) return;
  cubin_builder builder(adding(), 90, [] { return load_nvrtc(); }, {});
  auto const e = error_of([&] { builder.build(std::vector{fake::kernel("a"), fake::kernel("wrong")}, 1); });
  CHECK(e.code() == error_code::system);
  CHECK_THAT(e.what(), says("identifier \"one\" is undefined") && says("kernel 'wrong'") && !says("'a'"));
}

TEST_CASE("NVRTC that is newer than the driver is refused") {
  auto const compiler = nvrtc_here();
  if (!compiler) return;
  int major = 0, minor = 0;
  compiler->version(&major, &minor);
  std::vector<std::string> names = detail::nvrtc_names(99);
  CHECK_THAT(error_of([&] { load_nvrtc((major - 1) * 1000, names); }).what(), says("update the driver"));
}
