R"cuda(
// attention: x0[d0, d1, m, e] = Σ over n of softmax(scale * q[m] · k[n] + mask[m, n]) * v[n, e], in one pass over
// keys: results are scaled down whenever a greater score appears.
//
// constants    rank 4, size0 ... size3: batch, heads, queries, elements of a value; keys; d: elements of a key
//              precision as in product.cuh; where it is 0, d and size3 are multiples of 4, else of 16
//              q_batch0, q_batch1, q_m, k_batch0, k_batch1, k_n, v_batch0, v_batch1, v_n: elements for one step,
//              multiples of 16 bytes; elements of a row are neighbours; share: heads that have a key head in common
//              scale: its bits; softcap: bits of what scores are bent to stay below, or 0
//              lowest, highest: query m sees keys m + lowest to m + highest only
//              unseen: 1 if queries that the mask leaves no key have the result 0
//              mask: 1 if there is one, which is added or, of booleans, says what is seen; mask_batch0, mask_batch1, mask_m, mask_n: its elements for one step
//              tile_m, tile_n: queries and keys of a step; precision 0: multiples of threads / 16 and of 16, else
//              tile_m = threads / 2; vector as in contraction
// arguments    q, k, v: float, or for precisions 2 and 3 of 16 bits; the mask if there is one; operands and result with
//              strides
// coordinates  d0, d1, m, e
// launch       queries / tile_m, size0 * size1 blocks
// shared       what exact_attention_tiles or matrix_attention_tiles (two stages) hold
template <class Kernel>
DEVICE void attention(Kernel const& kernel) {
  attention_block<Kernel> const queries{kernel};
  if constexpr (Kernel::precision == 0)
    exact_attention(queries);
  else
    matrix_attention(queries);
}
)cuda"
