#pragma once

/// A convolution on the matrix units as a pipeline of asynchronous copies: one image [h][w][c], weights [f][r][s][c],
/// y[h][w][f], in halves. All that goes wrong in such kernels can be put into it.
inline constexpr auto convolution_text = R"(
constexpr int height = 9, width = 9, channels = 32, filters = 24, taps = 3, pad = 1;
constexpr int tile_m = 64, tile_n = 32, tile_k = 32, stages = 3, threads = 64;
constexpr int pixels = height * width, depth = taps * taps * channels, steps = depth / tile_k;
constexpr int chunks = tile_k / 8;  // of 16 bytes in a row of a tile
constexpr int a_size = tile_m * tile_k, b_size = tile_n * tile_k;

// Where a chunk lies: rows of a column of chunks are in different banks.
DEVICE int swizzle(int row, int chunk) { return (row * chunks + (chunk ^ (row >> 1 & 3))) * 8; }

DEVICE void load_tiles(const u16* x, const u16* weights, u16* a, u16* b, int step) {
  const int k = step * tile_k, tap = k / channels, c = k % channels;
  for (int i = thread(); i < tile_m * chunks; i += threads) {
    const int row = i / chunks, chunk = i % chunks, pixel = block(0) * tile_m + row;
    const int h = pixel / width - pad + tap / taps, w = pixel % width - pad + tap % taps;
    const bool valid = pixel < pixels && h >= 0 && h < height && w >= 0 && w < width;
    copy_async16(a + swizzle(row, chunk), x + (valid ? (h * width + w) * channels + c + chunk * 8 : 0), valid);
  }
  for (int i = thread(); i < tile_n * chunks; i += threads) {
    const int row = i / chunks, chunk = i % chunks;
    const bool valid = row < filters;
    copy_async16(b + swizzle(row, chunk), weights + (valid ? row * depth + k + chunk * 8 : 0), valid);
  }
}

DEVICE void multiply_tiles(float (&sums)[2][4][4], const u16* a, const u16* b) {
  const int lane = thread() % 32, warp = thread() / 32;
  for (int k = 0; k < tile_k / 16; ++k) {
    u32 rows[2][4], columns[2][4];
    for (int i = 0; i < 2; ++i)
      load_matrix4(rows[i], a + swizzle(warp * 32 + i * 16 + lane % 16, k * 2 + lane / 16));
    for (int j = 0; j < 2; ++j)
      load_matrix4(columns[j], b + swizzle(j * 16 + lane % 8 + lane / 16 * 8, k * 2 + lane / 8 % 2));
    for (int i = 0; i < 2; ++i)
      for (int j = 0; j < 4; ++j)
        mma_f16(sums[i][j], rows[i], columns[j / 2][j % 2 * 2], columns[j / 2][j % 2 * 2 + 1]);
  }
}

DEVICE void store(const float (&sums)[2][4][4], const float* bias, u16* y) {
  const int lane = thread() % 32, warp = thread() / 32;
  for (int i = 0; i < 4; ++i) {
    const int pixel = block(0) * tile_m + warp * 32 + i * 8 + lane / 4;
    if (pixel >= pixels) continue;
    for (int j = 0; j < 4; ++j) {
      const int f = j * 8 + lane % 4 * 2;
      if (f >= filters) continue;
      const float* const sum = sums[i / 2][j] + i % 2 * 2;
      *(u32*)(y + pixel * filters + f) = floats_to_half2(sum[0] + load(bias + f), sum[1] + load(bias + f + 1));
    }
  }
}

DEVICE void convolution(const u16* x, const u16* weights, const float* bias, u16* y) {
  SHARED_MEMORY(u16, a);
  u16* const b = a + stages * a_size;
  float sums[2][4][4] = {};
  for (int step = 0; step < stages - 1; ++step) {
    load_tiles(x, weights, a + step * a_size, b + step * b_size, step);
    commit_copies();
  }
  for (int step = 0; step < steps; ++step) {
    wait_copies<stages - 2>();
    barrier();
    const int next = step + stages - 1, to = next % stages, from = step % stages;
    if (next < steps) load_tiles(x, weights, a + to * a_size, b + to * b_size, next);
    commit_copies();  // also of nothing, so that groups count steps
    multiply_tiles(sums, a + from * a_size, b + from * b_size);
  }
  store(sums, bias, y);
}
)";
