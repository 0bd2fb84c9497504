#pragma once

/// What compiled kernel text and the engine share. Part of every text: C++17, without other headers.
namespace emulator {

/// Where the lanes of a warp meet.
enum class collective : unsigned char { barrier, shuffle, load_matrix, multiply };

/// What is done when all lanes of a warp have come. `lanes` has what each of the 32 brought, null for one that is no
/// more.
using warp_operation = void (*)(void* const* lanes);

/// The thread that runs, its block, and what the engine does for it.
struct machine {
  unsigned thread;  ///< in its block
  unsigned block[3];
  unsigned blocks[3];
  char* shared;  ///< memory of the block
  unsigned shared_bytes;

  void (*block_barrier)();
  void (*meet)(collective, void* brought, warp_operation);
  /// Copies, or fills with zeros where `from` is null, when the copy is waited for or at once.
  void (*begin_copy)(void* to, void const* from, unsigned bytes);
  void (*commit_copies)();
  /// Until at most so many of the last groups are open.
  void (*wait_copies)(unsigned groups);
  /// Ends the launch with an error; does not return.
  void (*fail)(char const* message);
};

/// A kernel as the engine calls it.
struct kernel_entry {
  void (*call)(void* const* arguments);  ///< pointers to the arguments, as cuLaunchKernel takes them
  unsigned const* argument_bytes;
  unsigned arguments;
  unsigned most_threads;  ///< of a block
  machine* where;
};

}  // namespace emulator
