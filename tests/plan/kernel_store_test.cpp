#include <sinter/plan/kernel_store.hpp>
#include <sinter/vector/builder.hpp>

#include "catch.hpp"
#include <string>

using namespace sinter;

namespace {

/// Copies `lanes` elements.
vector::program copy(std::string name, std::int32_t lanes) {
  vector::builder b(std::move(name), 16);
  auto const x = b.argument("x", vector::access::in, 64), y = b.argument("y", vector::access::out, 64);
  b.store(y.at(0), b.load(x.at(0), lanes), lanes);
  return std::move(b).take();
}

vector::recipe counted(std::string key, int& built) {
  return {std::move(key), [&built] {
            ++built;
            return copy("copy", 8);
          }};
}

}  // namespace

TEST_CASE("kernels of one key are built once") {
  kernel_store store;
  int built = 0;
  auto const first = store.get(counted("a", built));
  CHECK(store.get(counted("a", built)) == first);
  CHECK(built == 1);
  CHECK(store.size() == 1);
}

TEST_CASE("equal kernels are one, whatever their keys and names") {
  kernel_store store;
  int built = 0;
  auto const first = store.get(counted("a", built));
  CHECK(store.get(counted("b", built)) == first);
  CHECK(store.get(copy("another", 8)) == first);
  CHECK(store.get(copy("copy", 4)) != first);
  CHECK(built == 2);
}

TEST_CASE("kernels that no program has are forgotten") {
  kernel_store store;
  int built = 0;
  for (int turn = 0; turn < 3; ++turn) {
    auto const kernel = store.get(counted("a", built));
    CHECK(store.size() == 1);
  }
  CHECK(store.size() == 0);
  CHECK(built == 3);
}

TEST_CASE("new kernels are verified") {
  kernel_store store;
  auto wrong = copy("wrong", 8);
  wrong.arguments[0].bytes = 4;
  CHECK_THROWS_AS(store.get(wrong), error);
  CHECK(store.size() == 0);
}
