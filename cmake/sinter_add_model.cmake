# sinter_add_model(<target> <model.onnx> [NAME <class>] [SHAPES <input>=1x3x224x224...] [BATCH 1 4 16|1..16]
#                  [STATE <input>=<output>...] [BOUNDS <dimension>=<most>...]
#                  [ISA avx2 avx512|portable|native|x86-64:avx512f,avx512vnni...|CUDA sm_80 sm_90...]
#                  [WEIGHTS embed|file] [THREADS <n>] [PRECISE] [SMALL_WEIGHTS] [PRECISION exact|tf32|fp16|bf16|fastest])
#
# Makes a static library of a model: #include <NAME.hpp> declares the class NAME. NAME is the target's name where that is
# an identifier.
# SHAPES  for inputs whose shapes the model leaves open.
# BATCH   the first extent of inputs that leave it open, or for which SHAPES says N (image=Nx3x224x224).
#         1 4 16: these sizes, net.run<4>({.image = four}); 1..16: any of them, net.run(n, {.image = n_images}).
#         All sizes share weights, memory, and the code that does not depend on the size.
# STATE   inputs that an object keeps from run to run, each with the output that gives its next value: h=h_next.
# BOUNDS  of state that grows, as the cache of a transformer: past=4096, the name of a dimension and the most it can be.
#         Memory is for the bound; there is code for lengths 64, 96, 128, 192 ... up to it.
# ISA     the targets in the library, as `sinter compile --isa` reads them; the best that the processor has is chosen at
#         start; native: this machine. Default: avx2 avx512 for x86-64, else portable.
# CUDA    in place of ISA: the library runs the model on CUDA devices and has code for these architectures. NVRTC compiles
#         it here, without a GPU; the program needs the driver alone, which it loads when the first object is made.
# PRECISION: what the factors of products are rounded to, exact by default; with CUDA tensors are stored so as well. On
#   CPUs fp16 and bf16 store weights so; targets with AVX-512 BF16 or AMX multiply pairs of bf16: ISA avx2
#   x86-64:avx512f,avx512bf16 amx. fastest: for each target what costs least there. tf32 is for CUDA.
# WEIGHTS embed (default): in the program; from 8 MiB on the first object copies them to huge pages.
#         file: mapped at run time, shared by processes; the target property SINTER_WEIGHTS_FILE is its path.
# PRECISE  no rounding errors larger than those of sums in order; SMALL_WEIGHTS  packed weights of at most twice the
#         model's: each gives up the quickest way to compute 3x3 convolutions.
# THREADS the most threads that a run uses, 1 by default; an object can be given an executor with fewer workers.
# When cross-compiling, find_package(sinter COMPONENTS model) finds the host's package without what the library itself
# depends on; the variable SINTER_TOOL names another program `sinter` that runs on the host.
function(sinter_add_model target model)
  cmake_parse_arguments(PARSE_ARGV 2 arg "PRECISE;SMALL_WEIGHTS" "NAME;WEIGHTS;THREADS;PRECISION"
                        "SHAPES;BATCH;STATE;BOUNDS;ISA;CUDA")
  if(arg_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "sinter_add_model(${target}): unknown arguments: ${arg_UNPARSED_ARGUMENTS}")
  endif()
  if(NOT arg_NAME)
    string(MAKE_C_IDENTIFIER ${target} arg_NAME)
  endif()
  if(NOT arg_WEIGHTS)
    set(arg_WEIGHTS embed)
  endif()
  if(NOT arg_THREADS)
    set(arg_THREADS 1)
  endif()
  if(arg_CUDA AND (arg_ISA OR arg_THREADS GREATER 1))
    message(FATAL_ERROR "sinter_add_model(${target}): CUDA makes a library for devices, without ISA and THREADS; for CPUs "
                        "make another one")
  endif()
  if(arg_PRECISION AND NOT arg_CUDA AND NOT arg_PRECISION MATCHES "^(exact|fp16|bf16|fastest)$")
    message(FATAL_ERROR "sinter_add_model(${target}): PRECISION ${arg_PRECISION} is for CUDA; CPUs take exact, fp16, bf16 and "
                        "fastest")
  endif()
  get_filename_component(model ${model} ABSOLUTE BASE_DIR ${CMAKE_CURRENT_SOURCE_DIR})
  set(targets ${arg_CUDA})
  list(TRANSFORM targets PREPEND "cuda:")
  if(NOT arg_CUDA)
    sinter_library_targets("${arg_ISA}" targets)
  endif()
  find_path(SINTER_XSIMD_INCLUDE_DIR xsimd/xsimd.hpp)
  mark_as_advanced(SINTER_XSIMD_INCLUDE_DIR)
  if(NOT SINTER_XSIMD_INCLUDE_DIR AND NOT targets STREQUAL portable AND NOT arg_CUDA)
    message(FATAL_ERROR "sinter_add_model(${target}): xsimd/xsimd.hpp is missing; on Debian install libxsimd-dev, or ask "
                        "for ISA portable")
  endif()

  set(folder ${CMAKE_CURRENT_BINARY_DIR}/${target}.sinter)
  set(base ${folder}/${arg_NAME})
  set(sources ${base}.cpp ${base}_host.cpp)
  if(arg_WEIGHTS STREQUAL embed)
    list(APPEND sources ${base}_weights.cpp)
  endif()
  set(sets "")
  set(options "")
  foreach(isa IN LISTS targets)
    string(MAKE_C_IDENTIFIER ${isa} set)
    list(APPEND sets ${set})
    list(APPEND sources ${base}_${set}.cpp)
    list(APPEND more_files ${base}_${set}.flags)
    if(arg_CUDA)
      list(APPEND more_files ${base}_${set}.cubins)
    else()
      list(APPEND options --isa ${isa})
    endif()
  endforeach()
  if(arg_CUDA)
    list(JOIN arg_CUDA "," architectures)
    list(APPEND options --device cuda:${architectures})
  endif()
  if(arg_PRECISION)
    list(APPEND options --precision ${arg_PRECISION})
  endif()
  list(APPEND options --name ${arg_NAME} --weights ${arg_WEIGHTS} --threads ${arg_THREADS})
  if(arg_PRECISE)
    list(APPEND options --precise)
  endif()
  if(arg_SMALL_WEIGHTS)
    list(APPEND options --small-weights)
  endif()
  foreach(shape IN LISTS arg_SHAPES)
    list(APPEND options --shape ${shape})
  endforeach()
  foreach(state IN LISTS arg_STATE)
    list(APPEND options --state ${state})
  endforeach()
  foreach(bound IN LISTS arg_BOUNDS)
    list(APPEND options --bounds ${bound})
  endforeach()
  if(arg_BATCH)
    list(JOIN arg_BATCH "," batch)
    list(APPEND options --batch ${batch})
  endif()
  set(tool sinter::tool)
  if(SINTER_TOOL)
    set(tool ${SINTER_TOOL})
  elseif(NOT TARGET sinter::tool)
    message(FATAL_ERROR "sinter_add_model(${target}): sinter was built without its tool, because CLI11 was missing")
  endif()
  file(GLOB sources_of ${model}.data ${model}_data)
  list(APPEND sources_of ${model})
  if(TARGET ${tool})
    list(APPEND sources_of ${tool})
  endif()
  add_custom_command(OUTPUT ${sources} ${base}.hpp ${base}_run.hpp ${base}.weights ${more_files}
                     COMMAND ${tool} compile ${model} -o ${folder} ${options}
                     DEPENDS ${sources_of} COMMENT "Compiling ${model} to C++" VERBATIM)

  add_library(${target} STATIC ${sources} ${base}.hpp ${base}_run.hpp ${base}.weights)
  target_include_directories(${target} PUBLIC ${folder})
  target_compile_features(${target} PUBLIC cxx_std_20)
  if(arg_THREADS GREATER 1)
    target_link_libraries(${target} PUBLIC sinter::simd)
    target_compile_options(${target} PRIVATE -pthread)
    target_link_options(${target} INTERFACE -pthread)
  elseif(arg_CUDA)
    target_link_libraries(${target} PRIVATE sinter::simd ${CMAKE_DL_LIBS})
  else()
    target_link_libraries(${target} PRIVATE sinter::simd)
  endif()
  if(SINTER_XSIMD_INCLUDE_DIR)
    target_include_directories(${target} SYSTEM PRIVATE ${SINTER_XSIMD_INCLUDE_DIR})
  endif()
  set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON SINTER_WEIGHTS_FILE ${base}.weights)
  sinter_set_model_flags(${base} "${sets}" ${arg_WEIGHTS} "${arg_CUDA}")
endfunction()

# The targets that are asked for, or the default.
function(sinter_library_targets wanted result)
  if(NOT wanted AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
    get_property(wanted GLOBAL PROPERTY SINTER_LIBRARY_TARGETS)
  elseif(NOT wanted)
    set(wanted portable)
  endif()
  list(REMOVE_DUPLICATES wanted)
  set(${result} ${wanted} PARENT_SCOPE)
endfunction()

# Generated code is optimised in every build type, computes what it says (no contraction), and is not part of link-time
# optimisation, which would mix instruction sets. What the compiler must know of a target, NAME_SET.flags says.
function(sinter_set_model_flags base sets weights cuda)
  get_filename_component(folder ${base} DIRECTORY)
  set(flags -O2 -ffp-contract=off -fno-fast-math -fno-lto)
  set_property(SOURCE ${base}_host.cpp PROPERTY COMPILE_OPTIONS ${flags})
  foreach(set IN LISTS sets)
    set_property(SOURCE ${base}_${set}.cpp PROPERTY COMPILE_OPTIONS ${flags} @${base}_${set}.flags)
    set_property(SOURCE ${base}_${set}.cpp PROPERTY OBJECT_DEPENDS ${base}_${set}.flags)
    if(cuda)
      set_property(SOURCE ${base}_${set}.cpp APPEND PROPERTY COMPILE_OPTIONS -Wa,-I${folder})
      set_property(SOURCE ${base}_${set}.cpp APPEND PROPERTY OBJECT_DEPENDS ${base}_${set}.cubins)
    endif()
  endforeach()
  if(weights STREQUAL embed)
    set_property(SOURCE ${base}_weights.cpp PROPERTY COMPILE_OPTIONS -fno-lto -Wa,-I${folder})
    set_property(SOURCE ${base}_weights.cpp PROPERTY OBJECT_DEPENDS ${base}.weights)
  endif()
endfunction()
