#include <sinter/runtime/cuda/cubin_builder.hpp>
#include <sinter/runtime/cuda/libraries.hpp>

#include "catch.hpp"
#include "runtime_fakes.hpp"
#include "temporary_folder.hpp"
#include <algorithm>
#include <string>
#include <vector>

using namespace sinter;
using fake::error_of;

namespace {

cubin_builder fake_builder(int capability = 90, cubin_cache cache = {}, std::function<nvrtc()> find = fake::compiler) {
  return {fake::emitter(), capability, std::move(find), std::move(cache)};
}

nvrtc no_compiler() { return load_nvrtc(12040, {"libnothing.so.12"}); }

std::vector<std::string> codes(std::vector<cuda_image> const& images) {
  std::vector<std::string> all;
  for (auto const& i : images) all.push_back(i.code);
  return all;
}

}  // namespace

TEST_CASE("each kernel is a module, on any number of threads") {
  std::vector const kernels{fake::kernel("a"), fake::kernel("b"), fake::kernel("c")};
  auto builder = fake_builder();
  for (std::size_t const threads : {0, 1, 2, 8}) {
    auto const images = builder.build(kernels, threads);
    CHECK(codes(images) == std::vector<std::string>{"sm_90 a", "sm_90 b", "sm_90 c"});
    for (std::size_t i = 0; i < kernels.size(); ++i) CHECK(images[i].kernel.form == kernels[i].form);
  }
  CHECK(builder.build({}, 8).empty());
}

TEST_CASE("the architecture is the device's, or the nearest below that it runs") {
  CHECK(codes(fake_builder(87).build(std::vector{fake::kernel("a")}, 1)) == std::vector<std::string>{"sm_86 a"});
  auto const newer = error_of([] { fake_builder(100).build(std::vector{fake::kernel("a")}, 1); });
  CHECK(newer.code() == error_code::unsupported_feature);
  CHECK_THAT(newer.what(), says("compute capability 10.0 (sm_100)") && says("install a newer NVRTC"));
  auto const older = error_of([] { fake_builder(70).build(std::vector{fake::kernel("a")}, 1); });
  CHECK_THAT(older.what(), says("sm_70") && says("it knows 75 to 90") && says("an older NVRTC"));
}

TEST_CASE("a kernel that does not compile is named, with what the compiler says") {
  std::vector const kernels{fake::kernel("a"), fake::kernel("b"), fake::kernel("broken_c"), fake::kernel("d")};
  auto const e = error_of([&] { fake_builder().build(kernels, 2); });
  CHECK(e.code() == error_code::system);
  CHECK_THAT(e.what(), says("NVRTC_ERROR_COMPILATION") && says("error: expected a ;") && says("kernel 'broken_c'"));
  CHECK_THAT(e.what(), !says("'a'") && !says("'d'"));
}

TEST_CASE("what was compiled is found in the cache") {
  temporary_folder folder;
  std::vector const kernels{fake::kernel("a"), fake::kernel("b")};
  fake::compilations = 0;
  auto const first = codes(fake_builder(90, cubin_cache(folder.path() / "c")).build(kernels, 2));
  auto const again = codes(fake_builder(90, cubin_cache(folder.path() / "c")).build(kernels, 2));
  CHECK(again == first);
  CHECK(fake::compilations == 2);
  fake_builder(86, cubin_cache(folder.path() / "c")).build(kernels, 2);
  CHECK(fake::compilations == 4);
  fake::compiler_major = 13;
  fake_builder(90, cubin_cache(folder.path() / "c")).build(kernels, 2);
  fake::compiler_major = 12;
  CHECK(fake::compilations == 6);
}

TEST_CASE("what is in the cache does not depend on threads, nor on the kernels beside") {
  temporary_folder folder;
  cubin_cache const cache(folder.path() / "c");
  fake::compilations = 0;
  fake_builder(90, cache).build(std::vector{fake::kernel("a"), fake::kernel("b"), fake::kernel("c")}, 2);
  CHECK(fake::compilations == 3);
  fake_builder(90, cache).build(std::vector{fake::kernel("a"), fake::kernel("b"), fake::kernel("c")}, 3);
  fake_builder(90, cache).build(std::vector{fake::kernel("c"), fake::kernel("a")}, 1);
  CHECK(fake::compilations == 3);
  fake_builder(90, cache).build(std::vector{fake::kernel("d"), fake::kernel("b")}, 2);
  CHECK(fake::compilations == 4);
}

TEST_CASE("a build that compiles trims the cache, one that finds all does not") {
  temporary_folder folder;
  std::vector const a{fake::kernel("a")}, b{fake::kernel("b")};
  fake_builder(90, cubin_cache(folder.path() / "c")).build(a, 1);
  cubin_cache const small(folder.path() / "c", 1);
  fake::compilations = 0;
  fake_builder(90, small).build(a, 1);
  CHECK(fake::compilations == 0);
  fake_builder(90, small).build(b, 1);
  fake_builder(90, small).build(a, 1);
  CHECK(fake::compilations == 2);
}

TEST_CASE("without NVRTC, kernels of the cache load and others say what to install") {
  temporary_folder folder;
  cubin_cache const cache(folder.path() / "c");
  auto const kept = codes(fake_builder(90, cache).build(std::vector{fake::kernel("a")}, 1));
  auto builder = fake_builder(90, cache, no_compiler);
  CHECK(codes(builder.build(std::vector{fake::kernel("a")}, 1)) == kept);
  auto const e = error_of([&] { builder.build(std::vector{fake::kernel("b")}, 1); });
  CHECK(e.code() == error_code::system);
  CHECK_THAT(e.what(), says("no NVRTC") && says("libnothing.so.12 does not load") && says("CUDA toolkit") &&
                           says("12.*") && says("cubins") && says("kernel 'b'"));
}

TEST_CASE("libraries that are no NVRTC") {
  CHECK_THAT(error_of([] { load_nvrtc(0, {"libm.so.6"}); }).what(), says("NVRTC has no nvrtcVersion"));
}

TEST_CASE("a compiler is looked for among those that the driver takes") {
  auto const has = [](std::vector<std::string> const& names, std::string const& name) {
    return std::ranges::find(names, name) != names.end();
  };
  auto const of12 = detail::nvrtc_names(12);
  CHECK(of12.front() == "libnvrtc.so.12");
  CHECK_FALSE(has(of12, "libnvrtc.so.13"));
  CHECK(has(of12, "/usr/local/cuda/lib64/libnvrtc.so.12"));
  CHECK(detail::nvrtc_names(13).front() == "libnvrtc.so.13");
}
