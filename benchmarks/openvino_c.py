"""OpenVINO through its C interface: what a run costs a program that is not in Python."""
import ctypes
import pathlib
import time

import openvino


def library():
    folder = pathlib.Path(openvino.__file__).parent / "libs"
    return ctypes.CDLL(str(next(folder.glob("libopenvino_c.so*"))))


class Request:
    """A request of its own for the model, with copies of `inputs`, arrays by index."""

    def __init__(self, model, options, inputs):
        self.c = library()
        core, compiled, self.request = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        self.check(self.c.ov_core_create(ctypes.byref(core)))
        words = [ctypes.c_char_p(str(word).encode()) for item in options.items() for word in item]
        self.check(self.c.ov_core_compile_model_from_file(core, model.encode(), b"CPU", ctypes.c_size_t(len(words)),
                                                          ctypes.byref(compiled), *words))
        self.check(self.c.ov_compiled_model_create_infer_request(compiled, ctypes.byref(self.request)))
        for index, values in inputs.items():
            tensor, data = ctypes.c_void_p(), ctypes.c_void_p()
            self.check(self.c.ov_infer_request_get_input_tensor_by_index(self.request, ctypes.c_size_t(index),
                                                                         ctypes.byref(tensor)))
            self.check(self.c.ov_tensor_data(tensor, ctypes.byref(data)))
            ctypes.memmove(data, values.ctypes.data, values.nbytes)

    @staticmethod
    def check(status):
        if status != 0:
            raise RuntimeError(f"OpenVINO's C interface answers {status}")

    def run(self, count):
        """Nanoseconds of one run. Python's call of the C function is some 0.2 us of it."""
        infer, request = self.c.ov_infer_request_infer, self.request
        before = time.perf_counter_ns()
        for _ in range(count):
            infer(request)
        return (time.perf_counter_ns() - before) / count
