#include <sinter/program/traffic.hpp>
#include <sinter/vector/builder.hpp>

#include "catch.hpp"
#include <utility>

using namespace sinter;

namespace {

/// y = x * w + y on one register, five times.
vector::program fma_kernel() {
  vector::builder b("fma", 16);
  auto const x = b.argument("x", vector::access::in, 64);
  auto const w = b.argument("w", vector::access::constant, 64);
  auto const y = b.argument("y", vector::access::out, 64);
  auto const sum = b.load(y.at(0));
  b.loop(5, {}, [&] { b.fma_to(sum, b.load(x.at(0)), w.at(0)); });
  b.store(y.at(0), sum);
  return std::move(b).take();
}

vector::program copy_kernel() {
  vector::builder b("copy", 16);
  auto const x = b.argument("x", vector::access::in, 64);
  auto const y = b.argument("y", vector::access::out, 64);
  b.store(y.at(0), b.load(x.at(0)));
  return std::move(b).take();
}

program_step call(std::array<extent, grid_rank> extents, std::uint32_t kernel, std::vector<address> arguments) {
  grid g{.extents = extents, .body = {{.kernel = {kernel}, .arguments = std::move(arguments)}}};
  return {.action = region{{std::move(g)}}};
}

program with_kernels() {
  program p;
  p.kernels = {share(fma_kernel()), share(copy_kernel())};
  return p;
}

}  // namespace

TEST_CASE("operations are counted for each lane, turn and task; bytes that tasks share count once") {
  auto const p = with_kernels();
  address const x{.in = space::input, .stride = {0, 0, 1024, 64}}, w{.in = space::weight};
  address const y{.in = space::arena, .stride = {0, 0, 256, 64}};
  auto const work = work_of(p, call({1, 1, 3, 4}, 0, {x, w, y}));
  CHECK(work.operations.lanes == 2 * 5 * 16 * 12);
  CHECK(work.bytes == 12 * 64 + 64 + 12 * 64);  // of the rows of x, 1024 bytes apart, what is read
  CHECK(work.computes);
  address const one_of_row{.in = space::input, .stride = {0, 0, 1024, 0}};
  CHECK(work_of(p, call({1, 1, 3, 4}, 0, {one_of_row, w, y})).bytes == 3 * 64 + 64 + 12 * 64);
}

TEST_CASE("a tensor that several arguments reach counts as often as it has bytes") {
  auto const p = with_kernels();
  address x{.in = space::arena, .stride = {0, 0, 0, 64}};
  auto const in_place = work_of(p, call({1, 1, 1, 4}, 1, {x, x}));
  CHECK(in_place.bytes == 256);
  CHECK_FALSE(in_place.computes);
  CHECK(in_place.operations.total() == 0);
  address y = x;
  y.offset = 128;
  CHECK(work_of(p, call({1, 1, 1, 4}, 1, {x, y})).bytes == 256 + 128);
  y.index = 1;
  CHECK(work_of(p, call({1, 1, 1, 4}, 1, {x, y})).bytes == 512);
  y.in = space::scratch;
  CHECK(work_of(p, call({1, 1, 1, 4}, 1, {x, y})).bytes == 256);
}

TEST_CASE("loops around a call and strides that go back are followed") {
  auto const p = with_kernels();
  address x{.in = space::input, .offset = 192, .stride = {0, 0, 0, 0, -64}}, y{.in = space::output};
  program_step s{.action = region{{grid{.body = {{.what = statement::kind::loop, .turns = 4},
                                                 {.kernel = {1}, .arguments = {x, y}},
                                                 {.what = statement::kind::end}}}}}};
  CHECK(work_of(p, s).bytes == 256 + 64);
}

TEST_CASE("products of tiles count as often as they multiply numbers") {
  vector::builder b("tiles", 16);
  auto const x = b.argument("x", vector::access::in, 3 * 20, vector::element::i32);
  auto const w = b.argument("w", vector::access::in, 5 * 28, vector::element::i32);
  auto const y = b.argument("y", vector::access::out, 3 * 28, vector::element::i32);
  auto const sum = b.tile_zero(3, 28), left = b.tile_load(x.at(0), 3, 20, 20), right = b.tile_load(w.at(0), 5, 28, 28);
  b.loop(2, {}, [&] { b.tile_dot_to(sum, vector::opcode::tile_dot2_bf16, left, right); });
  b.tile_dot_to(sum, vector::opcode::tile_dot4, left, right);
  b.tile_store(y.at(0), sum, 3, 28, 28);
  program p;
  p.kernels = {share(std::move(b).take())};
  auto const work =
      work_of(p, call({1, 1, 1, 4}, 0, {{.in = space::input}, {.in = space::weight}, {.in = space::output}}));
  CHECK(work.operations.bfloat16_tiles == 4 * 2 * 2 * 3 * 7 * 5 * 2);
  CHECK(work.operations.byte_tiles == 4 * 2 * 3 * 7 * 5 * 4);
  CHECK(work.operations.lanes == 0);
  CHECK(work.computes);
}

TEST_CASE("of host calls the tensors count") {
  host_call h;
  h.inputs = {{.type = {dtype::float32, shape{2, 3}}}, {}};
  h.outputs = {{.type = {dtype::int64, shape{6}}}};
  auto const work = work_of(program(), {.action = h});
  CHECK(work.bytes == 24 + 48);
  CHECK(work.operations.total() == 0);
}
