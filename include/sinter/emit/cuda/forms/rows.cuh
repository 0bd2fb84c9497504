R"cuda(
// Rows, for forms that combine the elements of each: the first Kernel::kept coordinates say which row, the others run
// through it.
//
// constants  rank, size0 ...; kept; from0 ...: elements of x for one step of each coordinate
//            lanes: threads that share a row, a power of two; across: 0 if these are neighbours, 1 if neighbours have
//            rows next to each other
// shared     across 0: threads / 32 floats; across 1: threads floats
// launch     rows / (threads / lanes) blocks
// order      lane l takes elements l, l + lanes, ... in ascending order; then lanes are combined, always in the same
// way

template <class Kernel>
DEVICE constexpr int row_length() {
  int length = 1;
  for (int axis = Kernel::kept; axis < Kernel::rank; ++axis) length *= (int)Kernel::size(axis);
  return length;
}

// The threads that share a row.
template <class Kernel>
struct team {
  static constexpr int lanes = Kernel::lanes, rows = Kernel::threads / lanes, warp = 32;
  static_assert((lanes & (lanes - 1)) == 0 && rows * lanes == Kernel::threads, "lanes");
  float* const shared;

  DEVICE static int lane() { return Kernel::across ? thread() / rows : thread() % lanes; }
  DEVICE static int row() { return Kernel::across ? thread() % rows : thread() / lanes; }

  // Combines a value of each lane; all lanes get the result. Called by all threads of the block.
  template <class Combine>
  DEVICE float combine(float value, Combine const& with) const {
    if constexpr (Kernel::across) {
      if constexpr (lanes > 1) value = through_memory<lanes, rows>(value, lane() * rows + row(), row(), with);
    } else {
#pragma unroll
      for (int mask = 1; mask < lanes && mask < warp; mask *= 2) value = with(value, shuffle_xor(value, mask));
      if constexpr (lanes > warp)
        value = through_memory<lanes / warp, 1>(value, thread() / warp, thread() / lanes * (lanes / warp), with);
    }
    return value;
  }

 private:
  // Combines `count` values, `step` apart from `first` on, after each thread has left its own at `mine`.
  template <int count, int step, class Combine>
  DEVICE float through_memory(float value, int mine, int first, Combine const& with) const {
    shared[mine] = value;
    barrier();
    float result = shared[first];
#pragma unroll(count <= 32 ? count : 4)
    for (int i = 1; i < count; ++i) result = with(result, shared[first + i * step]);
    barrier();
    return result;
  }
};

// A row of x as the lanes of its team see it.
template <class Kernel>
struct row_of {
  typedef typename Kernel::index index;
  index at[Kernel::rank];  // of the first element
  bool exists;

  DEVICE row_of() {
    constexpr int rows = team<Kernel>::rows;
    auto rest = to_unsigned((index)(block(0) * (index)rows + team<Kernel>::row()));
#pragma unroll
    for (int axis = Kernel::rank - 1; axis >= 0; --axis) {
      auto const size = to_unsigned(Kernel::size(axis));
      at[axis] = axis >= Kernel::kept ? 0 : (index)(rest % size);
      if (axis < Kernel::kept) rest /= size;
    }
    exists = rest == 0;
  }
  // Moves the coordinates to element i of the row.
  DEVICE void move_to(int i) {
    u32 rest = (u32)i;
#pragma unroll
    for (int axis = Kernel::rank - 1; axis >= Kernel::kept; --axis) {
      u32 const size = (u32)Kernel::size(axis);
      at[axis] = (index)(axis == Kernel::kept ? rest : rest % size);
      rest /= size;
    }
  }
  DEVICE index offset() const {
    index offset = 0;
#pragma unroll
    for (int axis = 0; axis < Kernel::rank; ++axis) offset += at[axis] * Kernel::from(axis);
    return offset;
  }
};

// What a lane has of its row: kept in registers if that is not too much, else loaded again each time.
template <class Kernel>
class lane_elements {
 public:
  static constexpr int lanes = Kernel::lanes, length = row_length<Kernel>(), each = (length + lanes - 1) / lanes;
  static constexpr bool held = each <= 32;

  DEVICE lane_elements(Kernel const& kernel, row_of<Kernel>& row) : kernel_(kernel), row_(row) {
    if constexpr (held) {
#pragma unroll
      for (int j = 0; j < each; ++j) {
        row_.move_to(element(j));
        values_[j] = has(j) ? load_element(kernel_.argument0 + row_.offset()) : 0.0f;
      }
    }
  }
  // Calls visit(element) with each element, which it may change if elements are held.
  template <class Visit>
  DEVICE void for_each(Visit const& visit) {
#pragma unroll(held ? each : 4)
    for (int j = 0; j < each; ++j) {
      if (!has(j)) continue;
      if constexpr (held) {
        visit(values_[j]);
      } else {
        row_.move_to(element(j));
        float value = load_element(kernel_.argument0 + row_.offset());
        visit(value);
      }
    }
  }
  // Stores the kernel's function of compute(element) for each element.
  template <class Compute>
  DEVICE void store(Compute const& compute) {
    int j = 0;
    for_each([&](float& element_value) {
      float const x[1] = {compute(element_value)};
      row_.move_to(element(j));
      kernel_.store(x, row_.at);
      ++j;
    });
  }

 private:
  DEVICE static int element(int j) { return team<Kernel>::lane() + j * lanes; }
  DEVICE bool has(int j) const { return row_.exists && element(j) < length; }

  Kernel const& kernel_;
  row_of<Kernel>& row_;
  float values_[held ? each : 1];
};
)cuda"
