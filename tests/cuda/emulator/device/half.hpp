#pragma once

/// Conversions of half and bfloat16: to nearest, ties to even; NaN is the one that the device makes.

DEVICE float half_to_float(u16 half) {
  auto const magnitude = float_of(static_cast<u32>(half & 0x7fff) << 13) * 0x1p112f;  // denormals too
  auto const exponent = (half & 0x7c00) == 0x7c00 ? 0x7f800000u : 0u;
  return float_of(bits_of(magnitude) | exponent | static_cast<u32>(half & 0x8000) << 16);
}

DEVICE u16 float_to_half(float value) {
  auto const sign = static_cast<u16>(bits_of(value) >> 16 & 0x8000);
  auto const magnitude = bits_of(value) & 0x7fffffff;
  if (magnitude > 0x7f800000) return 0x7fff;
  if (magnitude >= 0x477ff000) return sign | 0x7c00;  // 65520 and more are infinite
  if (magnitude < 0x38800000) return sign | static_cast<u16>(__builtin_rintf(float_of(magnitude) * 0x1p24f));
  auto const rounded = magnitude + 0xfff + (magnitude >> 13 & 1);
  return sign | static_cast<u16>((rounded - 0x38000000) >> 13);
}
DEVICE u32 floats_to_half2(float low, float high) {
  return float_to_half(low) | static_cast<u32>(float_to_half(high)) << 16;
}

DEVICE float bfloat16_to_float(u16 value) { return float_of(static_cast<u32>(value) << 16); }
DEVICE u16 float_to_bfloat16(float value) {
  auto const bits = bits_of(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fff;
  return static_cast<u16>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}
DEVICE u32 floats_to_bfloat162(float low, float high) {
  return float_to_bfloat16(low) | static_cast<u32>(float_to_bfloat16(high)) << 16;
}

/// To 10 bits of mantissa, ties away from zero (cvt.rna.tf32.f32).
DEVICE u32 to_tf32(float value) {
  auto const bits = bits_of(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return 0x7fffffff;
  return (bits & 0x7f800000) == 0x7f800000 ? bits : (bits + 0x1000) & 0xffffe000;
}
