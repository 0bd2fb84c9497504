#include <sinter/sinter.hpp>

#include "catch.hpp"
#include <string_view>

using namespace sinter;

namespace {

error error_for(std::string_view name) {
  try {
    static_cast<void>(device_named(name));
  } catch (error const& e) {
    return e;
  }
  FAIL("'" << name << "' is a device");
  throw;
}

}  // namespace

TEST_CASE("the CPU is no device of its own") { CHECK(device_named("cpu") == nullptr); }

TEST_CASE("names that are no device are explained") {
  for (auto const* name : {"", "gpu", "CUDA", "cuda:", "cuda:x", "cuda:-1", "cuda:1x", "cuda 1", "cuda:99999999999"}) {
    INFO(name);
    auto const e = error_for(name);
    CHECK(e.code() == error_code::invalid_argument);
    CHECK_THAT(e.what(), says(fmt::format("'{}' is no device; expected cpu, cuda, or a number behind", name)));
  }
}

TEST_CASE("without a driver there are no CUDA devices, and asking for one says what to do") {
  auto const found = devices();
  if (!found.empty()) {
    WARN("SKIPPED: this machine has " << found[0].name);
    return;
  }
  for (auto const* name : {"cuda", "cuda:0", "cuda:7"}) {
    INFO(name);
    auto const e = error_for(name);
    CHECK(e.code() == error_code::system);
    CHECK_THAT(e.what(), says("no CUDA d") && says("or use a CPU"));
  }
}
