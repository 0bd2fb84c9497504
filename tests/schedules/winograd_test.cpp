#include <sinter/emit/cpp/print.hpp>

#include "emit/compiled_text.hpp"
#include "winograd_chain.hpp"
#include <memory>
#include <numeric>
#include <span>
#include <tuple>

using namespace sinter;
using namespace sinter::test;

namespace {

using matrix = std::vector<std::vector<double>>;

winograd_case case_of(std::int64_t m, std::int64_t in_channels, std::int64_t out_channels, window_axis y,
                      window_axis x) {
  return {.shape = {.window = {.y = y, .x = x}, .in_channels = in_channels, .out_channels = out_channels, .m = m}};
}

/// Of the rms of the result, for normally distributed data.
double tolerance(std::int64_t m) { return m == 2 ? 1e-5 : 1e-4; }

/// Runs a case on both targets, in the interpreter and in machine code: right, and all bits equal.
void check(winograd_case const& c) {
  INFO("F(" << c.shape.m << ",3) " << c.shape.in_channels << " to " << c.shape.out_channels << " at " << c.y().in << "x"
            << c.x().in << " pads " << c.y().pad_begin << " " << c.x().pad_begin << " to " << c.y().out << "x"
            << c.x().out);
  REQUIRE(is_winograd_window(c.shape.window));
  floats first;
  for (auto const& t : targets) {
    INFO("lanes " << t.lanes());
    winograd_chain interpreted_chain(c, t, interpreted);
    auto const result = interpreted_chain.compute();
    CHECK(interpreted_chain.finite());
    CHECK(interpreted_chain.error() <= tolerance(c.shape.m));
    if (first.empty()) first = result;
    CHECK(std::memcmp(result.data(), first.data(), first.size() * 4) == 0);
    auto const machine = winograd_chain(c, t, emitted).compute();
    CHECK(std::memcmp(machine.data(), first.data(), first.size() * 4) == 0);
  }
}

/// The matrix of a one-dimensional transform, as its instructions compute it: column k is the transform of unit vector
/// k.
template <typename Emit>
matrix emitted_matrix(std::int64_t rows, std::int64_t columns, Emit&& emit) {
  vector::builder b("transform", 16);
  auto const in = b.argument("in", vector::access::in, columns * 64);
  auto const out = b.argument("out", vector::access::out, rows * 64);
  auto const values = emit(b, [&](std::int64_t i) { return b.load(in.at(i * 64)); });
  for (std::int64_t i = 0; i < rows; ++i) b.store(out.at(i * 64), values[static_cast<std::size_t>(i)]);
  auto const program = std::move(b).take();
  vector::verify(program);
  floats x(static_cast<std::size_t>(columns * 16)), y(static_cast<std::size_t>(rows * 16));
  for (std::size_t k = 0; k < static_cast<std::size_t>(columns); ++k) x[k * 16 + k] = 1;  // lane k
  std::byte* const arguments[] = {reinterpret_cast<std::byte*>(x.data()), reinterpret_cast<std::byte*>(y.data())};
  vector::interpret(program, arguments);
  matrix result(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < result.size(); ++i)
    result[i].assign(y.begin() + static_cast<std::ptrdiff_t>(i * 16),
                     y.begin() + static_cast<std::ptrdiff_t>(i * 16) + columns);
  return result;
}

void check_equal(matrix const& got, matrix const& expected) {
  REQUIRE(got.size() == expected.size());
  for (std::size_t i = 0; i < got.size(); ++i)
    for (std::size_t k = 0; k < got[i].size(); ++k) CHECK(got[i][k] == Approx(expected[i][k]).epsilon(1e-7));
}

/// Checks that each change of a transform changes its key, but that of its name.
template <typename Transform>
void check_key(std::vector<std::int64_t Transform::*> const& fields, winograd_planes Transform::*planes,
               std::vector<std::function<void(Transform&)>> const& changes) {
  auto const key = [](auto&& change, target const& set = "avx512") {
    Transform t;
    change(t);
    return key_of(t, set);
  };
  auto const base = key([](Transform&) {});
  CHECK(key([](Transform& t) { t.name = "other"; }) == base);
  CHECK(key([](Transform&) {}, "avx2") != base);
  for (auto const field : fields) CHECK(key([&](Transform& t) { t.*field += 64; }) != base);
  for (auto const field : {&winograd_planes::point, &winograd_planes::block, &winograd_planes::tile})
    CHECK(key([&](Transform& t) { (t.*planes).*field += 64; }) != base);
  for (auto const& change : changes) CHECK(key(change) != base);
}

}  // namespace

TEST_CASE("the matrices of Winograd's filtering make a correlation", "[schedules]") {
  auto const m = GENERATE(std::size_t{2}, std::size_t{4});
  auto const [bt, g, at] = matrices_of_winograd(static_cast<std::int64_t>(m));
  // y is bilinear in d and g: the coefficient of d_j g_k in y_i is 1 where j = i + k, else 0.
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < m + 2; ++j)
      for (std::size_t k = 0; k < 3; ++k) {
        double coefficient = 0;
        for (std::size_t p = 0; p < m + 2; ++p) coefficient += at[i][p] * g[p][k] * bt[p][j];
        CHECK(coefficient == Approx(i + k == j ? 1 : 0).margin(1e-14));
      }
}

TEST_CASE("the transforms of Winograd's filtering compute its matrices", "[schedules]") {
  auto const m = GENERATE(std::int64_t{2}, std::int64_t{4});
  auto const matrices = matrices_of_winograd(m);
  check_equal(emitted_matrix(m + 2, m + 2,
                             [&](vector::builder& b, auto&& load) { return winograd_input_transform(b, m)(load); }),
              matrices.input);
  auto const filter = [&](vector::builder& b, auto&& load) {
    winograd_filter_transform transform(b, m);
    winograd_values all{};
    std::tie(all[0], all[static_cast<std::size_t>(m + 1)]) = transform.pair(0, load);
    for (std::size_t k = 1; k <= static_cast<std::size_t>(m / 2); ++k)
      std::tie(all[2 * k - 1], all[2 * k]) = transform.pair(static_cast<std::int64_t>(k), load);
    return all;
  };
  check_equal(emitted_matrix(m + 2, 3, filter), matrices.weights);
  for (std::int64_t count = 1; count <= m; ++count)
    check_equal(
        emitted_matrix(count, m + 2,
                       [&](vector::builder& b, auto&& load) { return winograd_output_transform(b, m)(count, load); }),
        {matrices.output.begin(), matrices.output.begin() + count});
}

TEST_CASE("packed Winograd weights are G g G^T, output channels past the last 0", "[schedules]") {
  auto const m = GENERATE(std::int64_t{2}, std::int64_t{4});
  auto const interleave = GENERATE(std::int64_t{1}, std::int64_t{2}, std::int64_t{4});
  winograd_shape const s{.in_channels = 21, .out_channels = 37, .m = m};
  auto const w = any_tensor::of<float>({37, 21, 3, 3}, normal_floats(37 * 21 * 9, 1));
  auto const packed = packed_winograd("w", w, s, interleave);
  floats u(static_cast<std::size_t>(packed.bytes / 4), NAN);
  packed.fill(reinterpret_cast<std::byte*>(u.data()));
  auto const g = matrices_of_winograd(m).weights;
  auto const value = [&](std::size_t o, std::size_t c, std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t a = 0; a < 3; ++a)
      for (std::size_t b = 0; b < 3; ++b)
        sum += g[i][a] * double{w.as<float>()[((o * 21 + c) * 3 + a) * 3 + b]} * g[j][b];
    return sum;
  };
  auto const alpha = static_cast<std::size_t>(s.alpha());
  std::size_t wrong = 0, seen = 0;
  for (std::size_t o = 0; o < static_cast<std::size_t>(round_up(37, 16 * interleave)); ++o)
    for (std::size_t c = 0; c < 21; ++c)
      for (std::size_t p = 0; p < alpha * alpha; ++p, ++seen) {
        auto const at =
            winograd_weights_at(s, static_cast<std::int64_t>(p), static_cast<std::int64_t>(o / 16), interleave) / 4;
        float const got = u.at(static_cast<std::size_t>(at) + c * static_cast<std::size_t>(16 * interleave) + o % 16);
        double const expected = o < 37 ? value(o, c, p / alpha, p % alpha) : 0;
        if (!(std::fabs(got - expected) <= 1e-7 * std::fabs(expected) + 1e-14)) ++wrong;
      }
  CHECK(wrong == 0);
  CHECK(seen == u.size());
  CHECK(packed.key != packed_winograd("other", w, s, interleave).key);
  CHECK(packed.key != packed_winograd("w", w, s, interleave + 1).key);
  CHECK(packed.key != packed_winograd("w", w, {.m = 6 - m}, interleave).key);
}

TEST_CASE("Winograd convolution is a convolution", "[schedules]") {
  auto const m = GENERATE(std::int64_t{2}, std::int64_t{4});
  SECTION("extents") {
    auto const height = GENERATE(range(std::int64_t{4}, std::int64_t{10}));
    auto const pad = GENERATE(std::int64_t{0}, std::int64_t{1});
    check(case_of(m, 16, 16, winograd_axis(height, pad, pad), winograd_axis(19 - height, pad, pad)));
  }
  SECTION("channels and items") {
    auto c = case_of(m, 20, 37, winograd_axis(9, 1, 1), winograd_axis(6, 1, 1));
    c.items = 2;
    check(c);
    check(case_of(m, 5, 3, winograd_axis(3, 1, 1), winograd_axis(3, 1, 1)));
    check(case_of(m, 40, 150, winograd_axis(3, 1, 1), winograd_axis(4, 1, 1)));
  }
  SECTION("pads") {
    check(case_of(m, 16, 16, winograd_axis(7, 0, 1), winograd_axis(8, 1, 0)));
    check(case_of(m, 16, 16, winograd_axis(7, 2, 0), winograd_axis(5, 2, 2)));
    check(case_of(m, 16, 16, winograd_axis(1, 1, 1), winograd_axis(1, 2, 1)));
  }
  SECTION("chunks and packings") {
    auto c = case_of(m, 32, 48, winograd_axis(14, 1, 1), winograd_axis(13, 1, 1));
    for (auto const rows : {1, 3, 9}) c.chunk_rows = rows, check(c);
    for (auto const tiles : {1, 2, 3}) c.row_tiles = tiles, check(c);
    c.interleave = 1, check(c);
    c.interleave = 4, check(c);
  }
}

TEST_CASE("Winograd convolution whose filters are transformed when they are used is a convolution", "[schedules]") {
  auto const m = GENERATE(std::int64_t{2}, std::int64_t{4});
  auto const interleave = GENERATE(std::int64_t{1}, std::int64_t{2}, std::int64_t{4});
  auto const check_filters = [&](std::int64_t in_channels, std::int64_t out_channels, std::int64_t extent) {
    auto c = case_of(m, in_channels, out_channels, winograd_axis(extent, 1, 1), winograd_axis(extent, 1, 1));
    c.shape.filters = true, c.interleave = interleave, c.chunk_rows = 100;
    check(c);
  };
  check_filters(16, 16, 7);
  check_filters(5, 20, 3);    // few channels
  check_filters(50, 70, 14);  // part of a block of channels, and of a group
  check_filters(160, 32, 4);
  auto few = case_of(m, 30, 64, winograd_axis(m, 1, 1), winograd_axis(3 * m, 1, 1));  // tiles in few registers
  few.shape.filters = true, few.interleave = interleave, few.chunk_rows = 100;
  check(few);
}

TEST_CASE("C++ text of Winograd convolution has the bits of the interpreter", "[thorough]") {
  if (!has_compiler()) {
    WARN("SKIPPED: there is no C++ compiler");
    return;
  }
  std::vector<std::shared_ptr<compiled_text>> texts;
  auto const compiled = [&](vector::program const& kernel) -> test::kernel_call {
    char const* const flags =
        kernel.lanes == 16 ? "-mavx512f -mavx512bw -mavx512dq -mavx512vl -mavx2 -mfma -mf16c" : "";
    auto const& text =
        texts.emplace_back(std::make_shared<compiled_text>(cpp::print_cpp(std::span(&kernel, 1), "kernel"), flags));
    INFO(text->log());
    REQUIRE_FALSE(text->failed());
    return text->function("kernel0");
  };
  auto c = case_of(GENERATE(std::int64_t{2}, std::int64_t{4}), 40, 36, winograd_axis(7, 1, 1), winograd_axis(7, 1, 1));
  c.shape.filters = true, c.chunk_rows = 100;
  for (auto const& t : targets) {
    if (!native_target().covers(t)) continue;
    INFO("lanes " << t.lanes());
    auto const expected = winograd_chain(c, t, interpreted).compute(), text = winograd_chain(c, t, compiled).compute();
    CHECK(std::memcmp(text.data(), expected.data(), expected.size() * 4) == 0);
  }
}

TEST_CASE("packed Winograd filters are tap by tap the channels of a group, output channels past the last 0",
          "[schedules]") {
  winograd_shape const s{.in_channels = 3, .out_channels = 37};
  auto const w = any_tensor::of<float>({37, 3, 3, 3}, normal_floats(37 * 3 * 9, 1));
  auto const packed = packed_winograd_filters("w", w, s, 2);
  floats taps(static_cast<std::size_t>(packed.bytes / 4), NAN);
  packed.fill(reinterpret_cast<std::byte*>(taps.data()));
  REQUIRE(taps.size() == 64 * 27);
  std::size_t wrong = 0;
  for (std::size_t o = 0; o < 64; ++o)
    for (std::size_t i = 0; i < 27; ++i) {
      auto const expected = o < 37 ? w.as<float>()[o * 27 + i] : 0;
      if (taps[(o / 32 * 27 + i) * 32 + o % 32] != expected) ++wrong;
    }
  CHECK(wrong == 0);
  CHECK(packed.key != packed_winograd_filters("other", w, s, 2).key);
  CHECK(packed.key != packed_winograd_filters("w", w, s, 1).key);
}

TEST_CASE("epilogues of Winograd convolution", "[schedules]") {
  auto c = case_of(GENERATE(std::int64_t{2}, std::int64_t{4}), 24, 40, winograd_axis(7, 1, 1), winograd_axis(10, 1, 1));
  c.items = 2;
  std::tie(c.epilogue, c.extras) =
      GENERATE(std::tuple<std::string, std::vector<extra_kind>>{"max x0 0", {}},
               std::tuple<std::string, std::vector<extra_kind>>{"t0 = add x0 x1; max t0 0", {extra_kind::element}},
               std::tuple<std::string, std::vector<extra_kind>>{
                   "t0 = add x0 x1; t1 = mul t0 0.25; t2 = add t1 3; t3 = max t2 0; "
                   "t4 = min t3 6; t5 = mul t4 0.5; t6 = sub t5 1; max t6 0.25",
                   {extra_kind::element}},
               std::tuple<std::string, std::vector<extra_kind>>{"t0 = sigmoid x0; t1 = mul x0 t0; add t1 x1",
                                                                {extra_kind::element}},
               std::tuple<std::string, std::vector<extra_kind>>{"t0 = mul x0 x1; add t0 x2",
                                                                {extra_kind::channel, extra_kind::scalar}},
               std::tuple<std::string, std::vector<extra_kind>>{"t0 = mul x0 x1; add t0 x2",
                                                                {extra_kind::item_channel, extra_kind::element}});
  INFO(c.epilogue);
  check(c);
  c.bias = false;
  check(c);
}

TEST_CASE("windows that Winograd convolution can do", "[schedules]") {
  auto const with = [](auto&& change) {
    window2d w{.y = winograd_axis(8, 1, 1), .x = winograd_axis(8, 1, 1)};
    change(w);
    return is_winograd_window(w);
  };
  CHECK(with([](window2d&) {}));
  CHECK_FALSE(with([](window2d& w) { w.y.stride = 2; }));
  CHECK_FALSE(with([](window2d& w) { w.x.dilation = 2; }));
  CHECK_FALSE(with([](window2d& w) { w.x.kernel = 5; }));
  CHECK_FALSE(with([](window2d& w) { w.y = {}; }));
  CHECK_FALSE(with([](window2d& w) { w.y = winograd_axis(8, 3, 0); }));
  CHECK_FALSE(with([](window2d& w) { w.x = winograd_axis(8, 0, 3); }));
}

TEST_CASE("each field of a Winograd transform but its name is in the key of its kernel", "[schedules]") {
  using input = winograd_input;
  check_key<input>({&input::m, &input::first_row, &input::rows, &input::columns, &input::first_column, &input::tiles,
                    &input::blocks, &input::x_column, &input::x_row, &input::x_block},
                   &input::v, {});
  using output = winograd_output;
  check_key<output>({&output::m, &output::rows, &output::columns, &output::blocks, &output::y_column, &output::y_row,
                     &output::y_block},
                    &output::planes,
                    {[](output& t) { t.bias = true; }, [](output& t) { t.epilogue.extras = {extra_kind::element}; },
                     [](output& t) { t.epilogue.function.lines = {{.code = expr::op::input}}; }});
}

TEST_CASE("each field of the products of filters is in the key of their kernel", "[schedules]") {
  using product = winograd_filter_product;
  auto const key = [](auto&& change, target const& set = "avx512") {
    product p;
    change(p);
    return key_of(p, set);
  };
  auto const base = key([](product&) {});
  CHECK(key([](product&) {}, "avx2") != base);
  for (auto const field : {&product::m, &product::in_channels, &product::tiles, &product::blocks, &product::interleave})
    CHECK(key([&](product& p) { ++(p.*field); }) != base);
  for (auto const planes : {&product::v, &product::sums})
    for (auto const field : {&winograd_planes::point, &winograd_planes::block, &winograd_planes::tile})
      CHECK(key([&](product& p) { (p.*planes).*field += 64; }) != base);
  for (auto const field : {&winograd_register_tile::tiles, &winograd_register_tile::blocks})
    CHECK(key([&](product& p) { ++(p.most.*field); }) != base);
}
